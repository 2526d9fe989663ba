"""Runs the command line against a server of this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result

from server.app import App
from server.cli import main
from server.config import Config, JournalConfig, ServerConfig

SERVER = ServerConfig("127.0.0.1:0", "127.0.0.1:0", drain_seconds=1)
MEMORY = Config(server=SERVER, journal=JournalConfig(mode="off"))
Run = Callable[..., Result]


def runner_for(app: App) -> Run:
    def run(*words: str | Path, stdin: bytes | str | None = None) -> Result:
        target = {"REPRICED_TARGET": f"127.0.0.1:{app.port}"}
        return CliRunner().invoke(main, list(map(str, words)), input=stdin, env=target)

    return run
