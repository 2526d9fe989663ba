"""The wheel holds every package of the project."""

from __future__ import annotations

import tomllib

from sources import ROOT, code_files, project_files

INSTALLED = ("engine", "server", "proto")


def test_every_package_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    folders = {path.parent.parts for path in code_files(*INSTALLED)}
    packages = {".".join(parts[1:] if parts[0] == "proto" else parts) for parts in folders}
    assert set(settings["setuptools"]["packages"]) == packages


def test_installed_packages_are_typed() -> None:
    marked = {str(path.parent) for path in project_files() if path.name == "py.typed"}
    assert marked == {"engine", "server", "proto/repriced"}
