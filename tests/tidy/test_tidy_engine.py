"""What the engine must never contain: floats, a clock, chance, or imports from outside."""

from __future__ import annotations

import tokenize
from pathlib import Path

import pytest
from sources import Import, code_files, imports, text_of, tokens, tokens_of

CYTHON = {".pyx", ".pxd"}
FLOAT_WORDS = {"float", "double", "float32_t", "float64_t", "truediv"}
CYTHON_MAY_IMPORT = {"engine", "libc", "cpython", "cython", "numpy"}
IMPURE_MODULES = {"time", "datetime", "random", "secrets", "uuid", "calendar"}
IMPURE_NAMES = {"random", "urandom", "getrandom", "rand", "srand", "drand48", "perf_counter"}
CLOCK_READS = {"now", "today", "utcnow", "fromtimestamp", "utcfromtimestamp"}
DATED = ("engine", "claims")
"""Reports are dated, so this package may know dates; the day of an audit is handed in."""
IMPURE_CIMPORTS = {"libc.time", "posix.time", "cpython.time", "cpython.datetime"}


def floats(stream: list[tokenize.TokenInfo]) -> list[str]:
    """Tokens that bring a floating-point value: types, literals and true division."""
    return [
        f"{token.start[0]}: {token.string}"
        for token in stream
        if token.string in FLOAT_WORDS
        or token.string in {"/", "/="}
        or (token.type == tokenize.NUMBER and is_float_literal(token.string))
    ]


def is_float_literal(text: str) -> bool:
    lowered = text.lower()
    return not lowered.startswith("0x") and any(mark in lowered for mark in ".ej")


def impurities(stream: list[tokenize.TokenInfo]) -> list[str]:
    """Imports and names through which a clock or chance would come in."""
    modules = [f"{found.line}: {found.module}" for found in imports(stream) if is_impure(found)]
    names = [
        f"{token.start[0]}: {token.string}"
        for token in stream
        if token.type == tokenize.NAME and token.string in IMPURE_NAMES
    ]
    return modules + names


def is_impure(found: Import) -> bool:
    paths = {found.module, *(f"{found.module}.{name}" for name in found.names)}
    return bool(paths & IMPURE_CIMPORTS) or found.module.split(".")[0] in IMPURE_MODULES


def clock_reads(stream: list[tokenize.TokenInfo]) -> list[str]:
    """Calls that ask a clock for the date, in code that may know dates."""
    return [
        f"{name.start[0]}: .{name.string}()"
        for dot, name, after in zip(stream, stream[1:], stream[2:], strict=False)
        if dot.string == "." and name.string in CLOCK_READS and after.string == "("
    ]


def dated_impurities(stream: list[tokenize.TokenInfo]) -> list[str]:
    """What is impure even where dates are known."""
    found = [each for each in impurities(stream) if not each.endswith(": datetime")]
    return found + clock_reads(stream)


def strangers(stream: list[tokenize.TokenInfo]) -> list[str]:
    """Imports of a Cython file from outside the engine, C, CPython and numpy."""
    return [
        f"{found.line}: {found.module}"
        for found in imports(stream)
        if found.module.split(".")[0] not in CYTHON_MAY_IMPORT
    ]


def problems(paths: list[Path], check: object) -> list[str]:
    assert callable(check)
    return [f"{path}:{problem}" for path in paths for problem in check(tokens_of(path))]


def test_no_float_in_cython() -> None:
    assert not problems(code_files("engine", suffixes=CYTHON), floats)


def test_no_clock_and_no_chance() -> None:
    pure = [path for path in code_files("engine") if path.parts[:2] != DATED]
    assert not problems(pure, impurities)


def test_dates_come_without_a_clock() -> None:
    dated = [path for path in code_files("engine") if path.parts[:2] == DATED]
    assert dated
    assert not problems(dated, dated_impurities)


def test_cython_imports_stay_inside() -> None:
    assert not problems(code_files("engine", suffixes=CYTHON), strangers)


def test_directives_are_in_one_place() -> None:
    """A `# cython:` header would reach one build of the kernel and not the others."""
    headers = [
        f"{path}:{number}"
        for path in code_files("engine", suffixes=CYTHON)
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if line.lstrip().startswith(("# cython:", "#cython:", "# distutils:", "#distutils:"))
    ]
    assert not headers, "setup.py sets the directives of every extension"


@pytest.mark.parametrize(
    ("check", "line", "caught"),
    [
        (floats, "cdef double share", True),
        (floats, "ratio = price / reference", True),
        (floats, "limit = 0.5", True),
        (floats, "limit = 1e6", True),
        (floats, "limit = 0x1e", False),
        (floats, "limit = price // 2  # not 0.5, no double", False),
        (impurities, "import time", True),
        (impurities, "from datetime import datetime", True),
        (impurities, "seed = np.random.default_rng()", True),
        (impurities, "from libc cimport time", True),
        (impurities, "from libc.stdlib cimport rand", True),
        (impurities, "import numpy as np, uuid", True),
        (impurities, "deadline_s = now_s + hold_s", False),
        (dated_impurities, "from datetime import date", False),
        (dated_impurities, "day = date.today()", True),
        (dated_impurities, "from time import time", True),
        (strangers, "from server.config cimport limit", True),
        (strangers, "from . cimport _rules", True),
        (strangers, "from engine._rules cimport (clamp, landed as shown)", False),
    ],
)
def test_the_checks_see_what_they_should(check: object, line: str, caught: bool) -> None:
    assert callable(check)
    assert bool(check(tokens(line + "\n"))) is caught
