"""What the tidy tests read: the files of the project and the tokens of its code."""

from __future__ import annotations

import io
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = {".py", ".pyx", ".pxd"}
MADE_BY_TOOLS = {".git", ".venv", "build", "dist", "node_modules"}
CORPUS = Path("tests/fuzz/corpus")
"""Bytes that were made to be wrong; nobody reads them as text."""
BLANK = {tokenize.COMMENT, tokenize.NL, tokenize.INDENT, tokenize.DEDENT}


@cache
def project_files() -> list[Path]:
    """Paths relative to the root: what git tracks or would track, else all but built files."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode == 0:
        names = sorted(set(listing.stdout.split("\0")) - {""})
        return [Path(name) for name in names if (ROOT / name).is_file()]
    return sorted(path.relative_to(ROOT) for path in ROOT.rglob("*") if _is_source(path))


def _is_source(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    built = any(part in MADE_BY_TOOLS or part.endswith(("_cache", ".egg-info")) for part in parts)
    generated = "_pb2" in path.name or path.suffix in {".so", ".pyc"}
    return path.is_file() and not built and not generated


def code_files(*folders: str, suffixes: set[str] = CODE) -> list[Path]:
    """Code in the given top-level folders, or in the whole project."""
    return [
        path
        for path in project_files()
        if path.suffix in suffixes and (not folders or path.parts[0] in folders)
    ]


def text_of(path: Path) -> str | None:
    """The text of a project file, or None for a binary one."""
    if path.is_relative_to(CORPUS):
        return None
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def tokens_of(path: Path) -> list[tokenize.TokenInfo]:
    """Tokens of a .py, .pyx or .pxd file. Cython keeps Python's lexical rules."""
    return tokens(text_of(path) or "")


def tokens(text: str) -> list[tokenize.TokenInfo]:
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def statements(stream: list[tokenize.TokenInfo]) -> Iterator[list[tokenize.TokenInfo]]:
    """Logical lines as lists of tokens, without comments, blank lines and indentation."""
    line: list[tokenize.TokenInfo] = []
    for token in stream:
        if token.type == tokenize.NEWLINE:
            yield line
            line = []
        elif token.type not in BLANK:
            line.append(token)


@dataclass(frozen=True)
class Function:
    name: str
    first_line: int
    last_line: int

    @property
    def length(self) -> int:
        return self.last_line - self.first_line + 1


def functions(stream: list[tokenize.TokenInfo]) -> Iterator[Function]:
    """Functions and methods with their first and last line, nested ones too."""
    line: list[tokenize.TokenInfo] = []
    header: list[tokenize.TokenInfo] = []
    opened: list[tuple[str, int] | None] = []
    last_code_line = 0
    for token in stream:
        if token.type == tokenize.INDENT:
            opened.append(_function_header(header))
        elif token.type == tokenize.DEDENT:
            function = opened.pop()
            if function:
                yield Function(*function, last_code_line)
        elif token.type == tokenize.NEWLINE:
            header, line = line, []
            last_code_line = token.start[0]
        elif token.type not in BLANK:
            line.append(token)


def _function_header(line: list[tokenize.TokenInfo]) -> tuple[str, int] | None:
    words = [token.string for token in line]
    if words[:1] == ["async"]:
        words = words[1:]
    no_function = {"class", "struct", "enum", "union", "extern"}
    if words[0] not in {"def", "cdef", "cpdef"} or "(" not in words or words[1] in no_function:
        return None
    return words[words.index("(") - 1], line[0].start[0]


@dataclass(frozen=True)
class Import:
    """`module` may be relative and then starts with dots; `names` is empty for `import module`."""

    module: str
    names: tuple[str, ...]
    line: int


def imports(stream: list[tokenize.TokenInfo]) -> Iterator[Import]:
    """Every import and cimport, also those inside functions."""
    for line in statements(stream):
        words = [token.string for token in line]
        at = line[0].start[0] if line else 0
        if words and words[0] in {"import", "cimport"}:
            for module in _split(words[1:]):
                yield Import(module, (), at)
        elif words and words[0] == "from":
            end = next((i for i, word in enumerate(words) if word in {"import", "cimport"}), 1)
            names = [word for word in words[end + 1 :] if word not in {"(", ")"}]
            yield Import("".join(words[1:end]), tuple(_split(names)), at)


def _split(words: list[str]) -> list[str]:
    """`a.b as c, d` as ["a.b", "d"]."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            parts.append([])
        else:
            parts[-1].append(word)
    names = [part[: part.index("as")] if "as" in part else part for part in parts]
    return ["".join(name) for name in names if name]
