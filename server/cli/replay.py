"""`repriced replay`: a journal applied again, to check it or to see an earlier state."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from engine.catalog import Catalog
from engine.journal.reader import JournalReader
from engine.journal.recovery import headers
from engine.journal.storage import Storage
from engine.money import currency_code, minor_text
from engine.recovery import newest_sequence, recover
from engine.schema import CycleState
from engine.state import State
from engine.state_columns import state_hash
from engine.verification import Verified, verify_journal
from repriced.v1 import types_pb2
from server.cli.connection import json_option
from server.cli.directory import (
    Bar,
    SequenceOrTime,
    data_directory,
    directory_errors,
    opened,
    time_text,
)
from server.wire import WireCodec

PRICE_COLUMNS = (
    "seller_id", "marketplace_id", "sku", "audience", "currency", "price", "live_price", "state",
)  # fmt: skip


@click.command("replay")
@data_directory
@click.option("--verify", is_flag=True, help="Compare every answer and every snapshot's state.")
@click.option(
    "--until", type=SequenceOrTime(), help="Show the state after this frame, or at this time."
)
@click.option(
    "--prices",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --until: write the listings' prices of then to this CSV file.",
)
@json_option
@directory_errors
def replay_command(
    directory: Path,
    verify: bool,
    until: tuple[str, int] | None,
    prices: Path | None,
    as_json: bool,
) -> None:
    """Apply the journal of DIRECTORY again. Changes nothing there; works beside a running server.

    --verify replays all that the journal holds, from its first frame or, where it was pruned, from
    the oldest snapshot, and compares each answer with the one that was given and the state with
    that of each snapshot. It says that this build decides as the server did.

    --until goes back in time: what was the state, and what were the prices, after a frame or at an
    instant?

    \b
    Exit codes
      0  all equal, or the state was shown
      1  something differs, or the files are damaged; the message says where
      2  wrong usage, or files that cannot be read

    \b
    Examples:
      repriced replay /var/lib/repriced --verify
      repriced replay /var/lib/repriced --until 2026-05-04T13:30:00Z --prices then.csv
    """
    if verify == (until is not None):
        raise click.UsageError("say either --verify or --until SEQ|TIME")
    if prices is not None and until is None:
        raise click.UsageError("--prices needs --until SEQ|TIME")
    if until is None:
        show_verified(directory, as_json)
    else:
        show_state(directory, until, prices, as_json)


def show_verified(directory: Path, as_json: bool) -> None:
    """Verifies and reports; exit code 1 if something differs."""
    storage = opened(directory)
    bar = Bar("frames replayed", as_json)
    _, found = verify_journal(storage, JournalReader(storage), WireCodec(), bar)
    bar.close()
    if as_json:
        click.echo(json.dumps(document(found)))
    else:
        for each in found.differences:
            click.echo(f"different: {each}", err=True)
        begin = f"from {found.start}" if found.start else "from nothing"
        click.echo(
            f"frames {found.first_sequence} to {found.last_sequence} replayed {begin}:"
            f" {found.inputs} inputs, {found.compared} answers and {found.snapshots} snapshots"
            f" compared, {len(found.differences)} differences; state {found.state_hash}"
        )
    if found.differences:
        raise click.exceptions.Exit(1)


def document(found: Verified) -> dict[str, Any]:
    """For programs."""
    return {
        "equal": not found.differences,
        "start": found.start,
        "first_sequence": found.first_sequence,
        "last_sequence": found.last_sequence,
        "inputs": found.inputs,
        "answers_compared": found.compared,
        "snapshots_compared": found.snapshots,
        "state_hash": found.state_hash,
        "differences": found.differences,
    }


def show_state(directory: Path, until: tuple[str, int], prices: Path | None, as_json: bool) -> None:
    """Replays up to a moment and shows the state of it."""
    storage = opened(directory)
    unit, number = until
    sequence = number if unit == "sequence" else sequence_at(storage, number)
    reader = JournalReader(storage, newest_sequence(storage, sequence))
    if not reader.first_sequence <= sequence <= reader.last_sequence:
        raise click.UsageError(
            f"frame {sequence} is not in the journal, which holds {reader.first_sequence} to"
            f" {reader.last_sequence}"
        )
    bar = Bar("frames replayed", as_json)
    replayer, _ = recover(storage, reader, WireCodec(), sequence, bar)
    bar.close()
    state = replayer.engine.state
    if prices is not None:
        with prices.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, PRICE_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(price_rows(state.catalog))
    facts = facts_of(state, sequence)
    if as_json:
        click.echo(json.dumps(facts))
        return
    for name, value in facts.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if type(value) is dict else value
        click.echo(f"{name:22} {shown}")


def sequence_at(storage: Storage, ms: int) -> int:
    """The last frame that is not later than an instant. Raises UsageError if none is."""
    first = last = 0
    for _, _, header in headers(storage):
        first = first or header.now_ms
        if header.now_ms > ms:
            break
        last = header.sequence
    if not last:
        raise click.UsageError(
            f"--until is {time_text(ms)}, and the journal begins at {time_text(first)}"
        )
    return last


def facts_of(state: State, sequence: int) -> dict[str, Any]:
    """What a state is, in numbers."""
    catalog = state.catalog
    active = catalog.active[: catalog.count]
    counts = np.bincount(catalog.rows["state"][: catalog.count][active], minlength=1)
    states = {each.name: int(counts[each]) for each in CycleState if each < len(counts)}
    return {
        "sequence": sequence,
        "time": time_text(state.now_ms),
        "state_hash": state_hash(state),
        "listings": int(active.sum()),
        "listings_by_state": {name: count for name, count in states.items() if count},
        "sellers": len(catalog.sellers),
        "strategies": len(catalog.strategies) - 1,
        "decisions_made": state.next_decision_id - 1,
    }


def price_rows(catalog: Catalog) -> Iterator[dict[str, str]]:
    """Lines of CSV, one a listing; a price that is not known is empty."""
    for listing_id in np.flatnonzero(catalog.active[: catalog.count]).tolist():
        key, row = catalog.key_of(listing_id), catalog.rows[listing_id]
        currency = currency_code(int(catalog.records["currency"][listing_id]))
        price, live = int(row["price_minor"]), int(row["live_price_minor"])
        yield {
            "seller_id": key.seller_id,
            "marketplace_id": key.marketplace_id,
            "sku": key.sku,
            "audience": types_pb2.Audience.Name(key.audience).removeprefix("AUDIENCE_"),
            "currency": currency,
            "price": minor_text(price, currency) if price else "",
            "live_price": minor_text(live, currency) if live else "",
            "state": CycleState(int(row["state"])).name,
        }
