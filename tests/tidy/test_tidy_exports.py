"""`__all__`, where a module has one, is sorted and true."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest
from sources import code_files, text_of

PACKAGES = ("engine", "server", "proto", "bench")


def exports_of(path: Path) -> list[str] | None:
    """The literal value of `__all__` in a module, or None if it has none."""
    for node in ast.parse(text_of(path) or "").body:
        if isinstance(node, ast.Assign) and [ast.unparse(t) for t in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return None


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    inside = parts[1:] if parts[0] == "proto" else parts
    return ".".join(part for part in inside if part != "__init__")


EXPORTS = {
    module_name(path): names
    for path in code_files(*PACKAGES, suffixes={".py"})
    if (names := exports_of(path)) is not None
}


@pytest.mark.parametrize("module", EXPORTS)
def test_exports_are_sorted_and_exist(module: str) -> None:
    names = EXPORTS[module]
    assert names == sorted(set(names), key=ruff_order)
    missing = [name for name in names if not hasattr(importlib.import_module(module), name)]
    assert not missing


def ruff_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then the rest: the order that the linter's fix produces."""
    plain = name.lstrip("_")
    if plain.isupper() and len(plain) > 1:
        return 0, name
    return (1 if plain[:1].isupper() else 2), name


def test_order() -> None:
    assert sorted(["clamp", "Row", "LIMIT", "_hidden"], key=ruff_order)[:2] == ["LIMIT", "Row"]
