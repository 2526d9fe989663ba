"""The examples that the README shows, against a real server; the Node.js one without our code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.app import App
from server.config import Config, JournalConfig, ServerConfig

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
LONGEST = 22


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """The environment in which an example finds its server."""
    app = App(
        Config(
            server=ServerConfig("127.0.0.1:0", "127.0.0.1:0", drain_seconds=1),
            journal=JournalConfig(mode="off"),
        )
    )
    app.start()
    yield {**os.environ, "REPRICED_TARGET": f"127.0.0.1:{app.port}"}
    app.stop()


def output_of(words: list[str], folder: Path, environment: dict[str, str]) -> str:
    told = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def test_python(environment: dict[str, str]) -> None:
    told = output_of([sys.executable, "examples/client.py"], ROOT, environment)
    assert told == "MUG-PY now costs 1298 cents\n"


def test_columns(environment: dict[str, str]) -> None:
    told = output_of([sys.executable, "examples/columns.py"], ROOT, environment)
    assert told == "1000 of 1000 cups have a new price\n"


def test_node(environment: dict[str, str], tmp_path: Path) -> None:
    """Stock gRPC tools of another language and the .proto files are all that a client needs."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js with npm is not installed: its example was not run")
    examples = tmp_path / "examples"
    shutil.copytree(
        ROOT / "examples", examples, ignore=shutil.ignore_patterns("node_modules", "*.py")
    )
    protos = shutil.ignore_patterns("*.py", "*.pyi", "__pycache__")
    shutil.copytree(ROOT / "proto", tmp_path / "proto", ignore=protos)
    output_of(["npm", "ci", "--no-audit", "--no-fund"], examples, environment)
    told = output_of(["node", "client.mjs"], examples, environment)
    assert told == "MUG-JS now costs 1298 cents\n"


@pytest.mark.parametrize("name", ["client.py", "client.mjs"])
def test_the_readme_shows_it_as_it_is(name: str) -> None:
    text = (ROOT / "examples" / name).read_text(encoding="utf-8")
    assert text in README.read_text(encoding="utf-8")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= LONGEST


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (ROOT / "examples/package-lock.json").read_text(encoding="utf-8")
