"""Runs the command line against a server of this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from server.app import App
from server.cli import main

Run = Callable[..., Result]


def runner_for(app: App) -> Run:
    def run(*words: str | Path, stdin: bytes | str | None = None) -> Result:
        target = {"REPRICED_TARGET": f"127.0.0.1:{app.port}"}
        return CliRunner().invoke(main, list(map(str, words)), input=stdin, env=target)

    return run
