"""The commands of `repriced`, one module each for those that do more than a few lines."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path

import click

from engine import kernel
from engine.schema import RULES_VERSION
from server.cli.backtest import backtest_command
from server.cli.backup import backup_command, restore_command
from server.cli.claims import claims_group
from server.cli.connection import json_option, plain_errors
from server.cli.explain import explain_command
from server.cli.fees import fees_group
from server.cli.ingest import ingest_command
from server.cli.insights import insights_group
from server.cli.journal import journal_group
from server.cli.listings import listings_group
from server.cli.operate import (
    held_group,
    pause_command,
    restart_command,
    restore_prices_command,
    resume_command,
    stop_command,
)
from server.cli.queue import ingest_queue_command
from server.cli.replay import replay_command
from server.cli.sellers import sellers_group
from server.cli.snapshot import snapshot_command
from server.cli.tokens import audit_command, tokens_group
from server.config import Config, check, load
from server.metrics import product_version


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `repriced demo`, then `repriced serve` and `repriced listings import`.",
)
def main() -> None:
    """Repricing engine for Amazon listings: offers in, safe prices out.

    \b
    Exit codes
      0  done
      1  no server, or it refused; a line of a CSV file was refused; with
         `ingest --strict` a message was not applied; a check of the demo failed;
         a journal or snapshot is damaged, or its replay differs
      2  wrong usage, configuration or file
    """


@main.command()
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file; deploy/repriced.example.toml names every key.",
)
@click.option("--listen", help="host:port for gRPC, instead of the configured one.")
@click.option("--metrics-listen", help="host:port for /metrics, instead of the configured one.")
@click.option(
    "--data-directory",
    type=click.Path(file_okay=False),
    help="Where journal and snapshots are, instead of the configured one.",
)
@click.option("--in-memory", is_flag=True, help="Keep nothing on disk: journal mode off.")
@plain_errors
def serve(
    path: Path | None,
    listen: str | None,
    metrics_listen: str | None,
    data_directory: str | None,
    in_memory: bool,
) -> None:
    """Run the server until SIGTERM or Ctrl-C, then finish what was admitted.

    A restart goes on where the last server stopped, however it stopped.

    Example: repriced serve --listen 127.0.0.1:50051 --data-directory /var/lib/repriced
    """
    from server.app import serve as run

    config = load(path) if path else Config()
    settings = replace(
        config.server,
        listen=listen or config.server.listen,
        metrics_listen=metrics_listen or config.server.metrics_listen,
    )
    journal = replace(
        config.journal,
        mode="off" if in_memory else config.journal.mode,
        data_directory=data_directory or config.journal.data_directory,
    )
    config = replace(config, server=settings, journal=journal)
    check(config)
    run(config)


@main.command()
@json_option
@plain_errors
def version(as_json: bool) -> None:
    """Print versions and the CPU level in use."""
    facts = {
        "repriced": product_version(),
        "rules_version": RULES_VERSION,
        "cpu_level": kernel.load().level,
        "cpu_levels_available": list(kernel.available_levels()),
        "python": platform.python_version(),
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        click.echo(f"{name:22} {shown}")


@main.command()
@click.option("--listings", default=5_000, show_default=True, type=click.IntRange(20, 200_000))
@click.option("--seconds", default=25, show_default=True, type=click.IntRange(2, 600))
@click.option("--seed", default=1, show_default=True, help="The same seed, the same market.")
def demo(listings: int, seconds: int, seed: int) -> None:
    """Start a real server, play a small marketplace against it, and check what comes out.

    Exit code 0 only if every check passes.
    """
    from server.demo.play import run_demo

    if not run_demo(listings, seconds, seed):
        raise click.exceptions.Exit(1)


main.add_command(backtest_command)
main.add_command(claims_group)
main.add_command(fees_group)
main.add_command(insights_group)
main.add_command(ingest_command)
main.add_command(ingest_queue_command)
main.add_command(listings_group)
main.add_command(explain_command)
main.add_command(sellers_group)
main.add_command(snapshot_command)
main.add_command(tokens_group)
main.add_command(audit_command)
main.add_command(replay_command)
main.add_command(journal_group)
main.add_command(backup_command)
main.add_command(restore_command)
main.add_command(held_group)
main.add_command(stop_command)
main.add_command(restart_command)
main.add_command(pause_command)
main.add_command(resume_command)
main.add_command(restore_prices_command)
