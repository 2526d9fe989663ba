"""Limits of size and forbidden words, for the whole project."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest
from sources import code_files, functions, project_files, text_of, tokens, tokens_of

LONGEST_FUNCTION = 70
LONGEST_FILE = 400
LONGEST_LINE = 100

LONG_FILES = {
    "engine/schema.py": "every record and code of the engine, which `_schema.pxd` mirrors",
    "engine/_schema.pxd": "the mirror of schema.py for C",
}
"""Files allowed to be longer, each with its reason; at most five."""

LONG_LINES_ALLOWED = {".md", ".json", ".csv", ".jsonl", ".lock"}

CASE_TABLES = Path("tests/engine/claims/cases")
"""Reports as tables, whose headers are as wide as Amazon made them."""

# In code that word is the currency code for "no currency"; in a comment it is a note.
NOTES = re.compile(r"\b(?:T[O]DO|F[I]XME)\b|#.*\bX[X]X\b")
MACHINE = re.compile(
    r"(?<![\w.])/(?:home|Users|work|tmp|root)/\w"
    r"|\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org)\b"
)


def found(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {match.group()}"
        for path in project_files()
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if (match := pattern.search(line))
    ]


def test_functions_are_short() -> None:
    long = [
        f"{path}:{function.first_line}: {function.name} has {function.length} lines"
        for path in code_files()
        for function in functions(tokens_of(path))
        if function.length > LONGEST_FUNCTION
    ]
    assert not long, f"at most {LONGEST_FUNCTION} lines a function"


def test_files_are_short() -> None:
    lengths = {str(path): len((text_of(path) or "").splitlines()) for path in code_files()}
    long = {name: count for name, count in lengths.items() if count > LONGEST_FILE}
    assert long.keys() == LONG_FILES.keys(), f"at most {LONGEST_FILE} lines a file: {long}"
    assert len(LONG_FILES) <= 5
    assert all(LONG_FILES.values()), "every exception needs its reason"


def test_lines_are_short() -> None:
    long = [
        f"{path}:{number}: {len(line)} columns"
        for path in project_files()
        if path.suffix not in LONG_LINES_ALLOWED
        and path.name != "LICENSE"
        and not path.is_relative_to(CASE_TABLES)
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if len(line) > LONGEST_LINE
    ]
    assert not long, f"at most {LONGEST_LINE} columns"


def test_no_notes_to_self() -> None:
    assert not found(NOTES)


def test_no_machine_paths_or_registry_hosts() -> None:
    assert not found(MACHINE)


def prints(stream: list[tokenize.TokenInfo]) -> list[int]:
    """Lines that call the builtin print; a method of that name is another thing."""
    return [
        name.start[0]
        for before, name, after in zip(stream, stream[1:], stream[2:], strict=False)
        if name.string == "print" and after.string == "(" and before.string not in {".", "def"}
    ]


def test_nothing_prints() -> None:
    printing = [f"{path}:{line}" for path in code_files() for line in prints(tokens_of(path))]
    assert not printing, "a command writes with click or rich, a server logs"


def test_decisions_are_numbered_and_titled() -> None:
    decisions = [path for path in project_files() if path.parent == Path("docs/decisions")]
    misnamed = [p.name for p in decisions if not re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", p.name)]
    assert not misnamed, "NNNN-title.md, lower case with hyphens"
    untitled = [p.name for p in decisions if not re.match(r"# \S", text_of(p) or "")]
    assert not untitled, "the first line is the title: # Title"
    numbers = [path.name[:4] for path in decisions]
    assert len(numbers) == len(set(numbers)), "two decisions share a number"


EXAMPLE = '''
cdef class Table:
    cdef inline int64_t at(self, Py_ssize_t i) noexcept nogil:
        """One row."""

        return self.rows[i]


cdef struct Row:
    int a


async def wait(
    seconds: int,
) -> None:
    def inner() -> None:
        pass

    # A comment after the last statement does not count.


console.print(1)
print(2)
'''


@pytest.mark.parametrize(("name", "length"), [("at", 4), ("wait", 5), ("inner", 2)])
def test_function_lengths_are_measured(name: str, length: int) -> None:
    measured = {function.name: function.length for function in functions(tokens(EXAMPLE))}
    assert measured.keys() == {"at", "wait", "inner"}
    assert measured[name] == length


def test_print_is_told_from_a_method() -> None:
    assert prints(tokens(EXAMPLE)) == [23]
