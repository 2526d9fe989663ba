"""Builds what pyproject.toml cannot express: the extensions and the generated proto stubs.

Environment: ENGINE_DEBUG=1 builds the extensions with every Cython check on and without
optimisation; ENGINE_ANNOTATE=1 writes an annotated HTML page per extension under build/cython/;
ENGINE_SANITIZE=1 builds for `make test-asan`: address and undefined-behaviour checks, each stopping
the process, docs/decisions/0019-sanitizers.md. ENGINE_BUILD is where what a build leaves goes, so
that two builds can stand beside each other.
"""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DEBUG = os.environ.get("ENGINE_DEBUG") == "1"
ANNOTATE = os.environ.get("ENGINE_ANNOTATE") == "1"
SANITIZE = os.environ.get("ENGINE_SANITIZE") == "1"
X86_64 = platform.machine().lower() in {"x86_64", "amd64"}

FLAGS = ["-O1" if DEBUG or SANITIZE else "-O3", "-ffp-contract=off", "-fno-strict-aliasing"]
# GCC clears and copies records with `rep`, which takes long to begin;
# docs/decisions/0261-records-without-rep.md.
COMPILER = os.environ.get("CC") or str(sysconfig.get_config_var("CC"))
if X86_64 and "gcc" in COMPILER:
    WAYS = "vector_loop:512:noalign,libcall:-1:noalign"
    FLAGS += [f"-mmemset-strategy={WAYS}", f"-mmemcpy-strategy={WAYS}"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"] * SANITIZE
FLAGS += SANITIZERS
if SANITIZE:  # Python's own flags make signed overflow wrap and leave assertions out.
    FLAGS += ["-fno-wrapv", "-UNDEBUG", "-g", "-fno-omit-frame-pointer"]
# The kernel is one source built once per CPU level; docs/decisions/0001-kernel-per-cpu-level.md.
KERNELS = {
    "_kernel": [],
    "_kernel_v3": ["-march=x86-64-v3"],
    "_kernel_v4": ["-march=x86-64-v4"],
}
MODULES = {
    "_emit": [],
    "_guards": [],
    "_money": [],
    "_names": [],
    "_own_offers": [],
    "_prescan": [],
    "_spirals": [],
    "_state_hash": [],
    "_tables": [],
    "_wire": [],
    "_wire_answer": [],
    "_wire_block": [],
    **(KERNELS if X86_64 else {"_kernel": []}),
}
BUILD = Path(os.environ.get("ENGINE_BUILD", "build"))

# Division is C's in both builds, so that they decide alike; each rule names its rounding.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "overflowcheck": False,
    "cdivision": True,
    "embedsignature": True,
}


# Where amounts are reckoned. Elsewhere numbers wrap on purpose, in hashes and varints, and Cython
# checks the difference of two pointers as if they were numbers.
RECKONING = {"_emit", "_guards", "_money", "_spirals", *KERNELS}


class BuildWithStubs(build_py):
    """Generates `repriced.v1` from the .proto files before packages are collected."""

    def run(self) -> None:
        generate_stubs()
        super().run()


def generate_stubs() -> None:
    """Writes the generated modules beside their .proto files."""
    from grpc_tools import protoc

    proto_root = ROOT / "proto"
    sources = sorted(str(path) for path in proto_root.glob("repriced/v1/*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={proto_root}",
        f"--python_out={proto_root}",
        f"--pyi_out={proto_root}",
        f"--grpc_python_out={proto_root}",
        *sources,
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed; see its message above")


def extensions() -> list[Extension]:
    """Extension modules as C, translated again when a source, a .pxd or a setting changed."""
    settings = ROOT / BUILD / "settings"
    wanted = f"{FLAGS} {MODULES} {DIRECTIVES} {RECKONING}"
    changed = not settings.exists() or settings.read_text() != wanted
    sources = [
        *((f"engine.{name}", f"engine/{name}.pyx", at) for name, at in MODULES.items()),
        ("repriced._columns", "proto/repriced/_columns.pyx", []),
        ("server.amazon._either", "server/amazon/_either.pyx", []),
        ("server.amazon._offers", "server/amazon/_offers.pyx", []),
    ]
    modules = []
    for reckoning in (True, False):
        modules += cythonize(
            [
                Extension(
                    name,
                    [source],
                    extra_compile_args=FLAGS + level,
                    extra_link_args=SANITIZERS,
                )
                for name, source, level in sources
                if (name.removeprefix("engine.") in RECKONING) == reckoning
            ],
            compiler_directives={**DIRECTIVES, "overflowcheck": DEBUG and reckoning},
            build_dir=str(BUILD / "cython"),
            annotate=ANNOTATE,
            force=changed or ANNOTATE,
        )
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(wanted)
    return modules


setup(
    cmdclass={"build_py": BuildWithStubs},
    ext_modules=extensions(),
    options={"build_ext": {"parallel": True}},
)
