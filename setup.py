"""Builds what pyproject.toml cannot express: extension flags per CPU level and the proto stubs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DEBUG = os.environ.get("ENGINE_DEBUG") == "1"
X86_64 = platform.machine().lower() in {"x86_64", "amd64"}

FLAGS = ["-O3", "-ffp-contract=off", "-fno-strict-aliasing"]
CPU_LEVELS = {"_kernel": [], "_kernel_v3": ["-march=x86-64-v3"], "_kernel_v4": ["-march=x86-64-v4"]}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "overflowcheck": DEBUG,
    "cdivision": not DEBUG,
    "embedsignature": True,
}


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
    kernels = {
        name: flags for name, flags in CPU_LEVELS.items() if X86_64 or not flags
    }
    listed = [
        Extension(f"engine.{name}", [f"engine/{name}.pyx"], extra_compile_args=FLAGS + flags)
        for name, flags in kernels.items()
    ]
    listed.append(Extension("engine._money", ["engine/_money.pyx"], extra_compile_args=FLAGS))
    return [extension for extension in listed if (ROOT / extension.sources[0]).exists()]


setup(
    cmdclass={"build_py": BuildWithStubs},
    ext_modules=cythonize(
        extensions(), compiler_directives=DIRECTIVES, build_dir="build/cython", force=DEBUG
    ),
)
