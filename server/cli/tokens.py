"""`repriced tokens` and `repriced audit`: the access file, on the server's machine.

A running server follows within a second; nothing is sent to it.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.errors import ConfigError, InputError
from server.access.caller import Caller, Power, Rates, Role
from server.access.store import Kept, Store, now_ms
from server.cli.connection import json_option, plain_errors
from server.config import load

DAY_MS = 86_400_000
MINUTE_MS = 60_000
USUAL = Rates()

config_option = click.option(
    "--config",
    "config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The server's TOML file; its access.file is meant.",
)
file_option = click.option(
    "--file", "file", type=click.Path(path_type=Path), help="The access file itself."
)
expiry_option = click.option(
    "--expires-days", type=click.IntRange(1, 36_500), help="The token's life; default: for ever."
)


@contextmanager
def opened(config: Path | None, file: Path | None) -> Iterator[Store]:
    """The access file that the options name. Raises ConfigError."""
    if file is None and config is not None:
        name = load(config).access.file
        file = Path(name) if name else None
    if file is None:
        raise ConfigError(
            "no access file is named; allowed: --file, or --config with access.file set",
            reason="ACCESS_FILE",
            field="access.file",
        )
    store = Store(file)
    try:
        yield store
    finally:
        store.close()


def who() -> str:
    """Who runs the command, for the audit log."""
    return f"cli:{getpass.getuser()}"


@click.group("tokens")
def tokens_group() -> None:
    """Callers of the server and their bearer tokens.

    \b
    Roles  read     Get, List, Explain, Evaluate, Watch, Export, reflection
           ingest   offers, feedback, stock, sales, messages, reports
           operate  definitions, pause, stop, held, restore, claims, reviews
           admin    everything
    """


@tokens_group.command("create")
@click.argument("caller")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([str(each) for each in Role]),
    help="Repeat.",
)
@click.option("--seller", "sellers", multiple=True, help="A seller it may touch; repeat.")
@click.option("--all-sellers", is_flag=True, help="It may touch every seller.")
@click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="POWER=ROWS",
    help=f"Rows that one call may move; 0: none. Powers: {', '.join(Power)}.",
)
@click.option("--calls-per-second", type=click.IntRange(0), default=USUAL.calls_per_second,
              show_default=True, help="0: no limit.")  # fmt: skip
@click.option("--rows-per-second", type=click.IntRange(0), default=USUAL.rows_per_second,
              show_default=True, help="0: no limit.")  # fmt: skip
@click.option("--concurrent-calls", type=click.IntRange(0), default=USUAL.concurrent_calls,
              show_default=True, help="0: no limit.")  # fmt: skip
@click.option("--certificate", help="Name in a client certificate, in place of a token.")
@expiry_option
@config_option
@file_option
@plain_errors
def create_command(
    caller: str,
    roles: tuple[str, ...],
    sellers: tuple[str, ...],
    all_sellers: bool,
    limits: tuple[str, ...],
    calls_per_second: int,
    rows_per_second: int,
    concurrent_calls: int,
    certificate: str | None,
    expires_days: int | None,
    config: Path | None,
    file: Path | None,
) -> None:
    """Enter a caller and print its token, which is shown this once.

    Example: repriced tokens create shop-a --role ingest --role read --seller A1SHOP --file F
    """
    if all_sellers == bool(sellers):
        raise click.UsageError("say which sellers: --seller for each, or --all-sellers")
    if certificate is not None and expires_days is not None:
        raise click.UsageError("a certificate brings its own end; --expires-days is for tokens")
    made = Caller(
        caller,
        frozenset(map(Role, roles)),
        None if all_sellers else frozenset(sellers),
        dict(map(limit_of, limits)),
        Rates(calls_per_second, rows_per_second, concurrent_calls),
    )
    with opened(config, file) as store:
        token = store.create(made, who(), expiry(expires_days), certificate)
    click.echo(token or f"caller {caller} comes with a certificate for {certificate}")


def limit_of(text: str) -> tuple[Power, int]:
    """POWER=ROWS of an option. Raises InputError."""
    name, _, rows = text.partition("=")
    if name not in set(Power) or not (rows.isascii() and rows.isdecimal()):
        raise InputError(
            f"limit is {text[:80]!r}; allowed: one of {', '.join(Power)}, '=' and a whole number",
            reason="LIMIT",
            field="limit",
        )
    return Power(name), int(rows)


def expiry(days: int | None) -> int | None:
    """When a token made now ends, in ms."""
    return None if days is None else now_ms() + days * DAY_MS


@tokens_group.command("rotate")
@click.argument("caller")
@click.option("--overlap-minutes", type=click.IntRange(0, 525_600), default=60, show_default=True,
              help="So long the tokens of before go on working.")  # fmt: skip
@expiry_option
@config_option
@file_option
@plain_errors
def rotate_command(
    caller: str,
    overlap_minutes: int,
    expires_days: int | None,
    config: Path | None,
    file: Path | None,
) -> None:
    """Print a new token of a caller; those of before end after the overlap."""
    with opened(config, file) as store:
        overlap_ms = overlap_minutes * MINUTE_MS
        click.echo(store.rotate(caller, who(), overlap_ms, expiry(expires_days)))


@tokens_group.command("revoke")
@click.argument("caller")
@click.option("--token", "token_id", type=click.IntRange(1), help="One token, by its number only.")
@config_option
@file_option
@plain_errors
def revoke_command(
    caller: str, token_id: int | None, config: Path | None, file: Path | None
) -> None:
    """End a caller's tokens and its certificate, or one token. Open streams end too."""
    with opened(config, file) as store:
        store.revoke(caller, who(), token_id)
    click.echo(f"revoked: {caller}" + (f", token {token_id}" if token_id else ""))


@tokens_group.command("list")
@config_option
@file_option
@json_option
@plain_errors
def list_command(config: Path | None, file: Path | None, as_json: bool) -> None:
    """Print callers and the numbers, never the text, of their tokens."""
    with opened(config, file) as store:
        lines = [token_facts(each) for each in store.tokens()]
        lines += [caller_facts(each) | {"certificate": name} for name, each in store.certificates()]
    for line in lines:
        if as_json:
            click.echo(json.dumps(line))
        else:
            click.echo("  ".join(f"{key}={shown(value)}" for key, value in line.items()))


def caller_facts(caller: Caller) -> dict[str, Any]:
    """What a caller may do."""
    return {
        "caller": caller.name,
        "roles": sorted(caller.roles),
        "sellers": "all" if caller.sellers is None else sorted(caller.sellers),
        "limits": dict(caller.powers),
        "rates": asdict(caller.rates),
    }


def token_facts(token: Kept) -> dict[str, Any]:
    """A token and whether it works."""
    ended = token.expires_ms is not None and token.expires_ms <= now_ms()
    state = "revoked" if token.revoked_ms is not None else "expired" if ended else "works"
    return {
        "token": token.id,
        "state": state,
        **caller_facts(token.caller),
        "created": moment(token.created_ms),
        "expires": "never" if token.expires_ms is None else moment(token.expires_ms),
    }


def shown(value: Any) -> str:
    """A value in one word."""
    if isinstance(value, dict):
        return ",".join(f"{key}:{each}" for key, each in value.items()) or "none"
    return ",".join(value) if isinstance(value, list) else str(value)


def moment(at_ms: int) -> str:
    """A time for people and programs."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


@click.command("audit")
@click.option("--last", type=click.IntRange(1, 1_000_000), default=100, show_default=True)
@config_option
@file_option
@json_option
@plain_errors
def audit_command(last: int, config: Path | None, file: Path | None, as_json: bool) -> None:
    """Print who changed bounds, strategies, switches and tokens, oldest line first."""
    with opened(config, file) as store:
        lines = store.audit(last)
    for each in lines:
        if as_json:
            click.echo(json.dumps(asdict(each) | {"detail": json.loads(each.detail)}))
        else:
            click.echo(f"{moment(each.at_ms)}  {each.caller}  {each.action}  {each.detail}")
