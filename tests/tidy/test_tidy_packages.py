"""The wheel holds every package of the project."""

from __future__ import annotations

import tomllib

from sources import ROOT, project_files

INSTALLED = {"engine", "server", "proto"}


def test_every_package_is_installed() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    folders = [path.parent.parts for path in project_files() if path.name == "__init__.py"]
    packages = {
        ".".join(parts[1:] if parts[0] == "proto" else parts)
        for parts in folders
        if parts[0] in INSTALLED
    }
    assert set(settings["setuptools"]["packages"]) == packages


def test_installed_packages_are_typed() -> None:
    marked = {str(path.parent) for path in project_files() if path.name == "py.typed"}
    assert marked == {"engine", "server", "proto/repriced"}
