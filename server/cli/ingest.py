"""`repriced ingest`: marketplace messages from files and standard input to a running server."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import msgspec

from repriced.v1 import ingestion_pb2, ingestion_pb2_grpc
from server.cli.connection import (
    CALL_SECONDS,
    Steps,
    channel_to,
    json_option,
    request_id,
    target_option,
)

BATCH_MESSAGES = 500
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class Summary:
    """What became of the messages."""

    sent: int = 0
    applied: int = 0
    decisions: int = 0
    ambiguous_own: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unapplied: list[dict[str, Any]] = field(default_factory=list)


@click.command("ingest")
@click.argument("paths", nargs=-1, required=True)
@click.option("--seller-id", default="", help="Ours, for getItemOffers responses.")
@click.option(
    "--observed-at",
    type=click.IntRange(0),
    default=0,
    help="When getItemOffers responses were fetched, in ms since 1970; default: now.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if any message was not applied.")
@target_option
@json_option
def ingest_command(
    paths: tuple[str, ...],
    seller_id: str,
    observed_at: int,
    strict: bool,
    target: str,
    as_json: bool,
) -> None:
    """Send SP-API messages to the server: files, folders, or - for standard input.

    A file holds one JSON document or one message a line. Every message is applied or reported
    with a reason.

    Examples: repriced ingest messages/   |   queue-reader | repriced ingest -
    """
    observed = observed_at or time.time_ns() // 1_000_000
    summary = Summary()
    steps = Steps("messages", None, quiet=as_json)
    with channel_to(target) as channel:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        for batch in batches(named_documents(paths)):
            send(stub, batch, seller_id, observed, summary)
            steps.advance(len(batch))
    steps.close()
    report(summary, as_json)
    if strict and summary.unapplied:
        raise click.exceptions.Exit(1)


def named_documents(paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Every message with the place it came from."""
    for text in paths:
        if text == "-":
            data = click.get_binary_stream("stdin")
            yield from ((f"stdin:{at}", each) for at, each in enumerate(lines_of(data), 1))
            continue
        path = Path(text)
        if not path.exists():
            raise click.UsageError(f"{text}: no such file or folder")
        files = sorted(path.rglob("*.json*")) if path.is_dir() else [path]
        for file in files:
            with file.open("rb") as data:
                yield from ((f"{file}:{at}", each) for at, each in enumerate(lines_of(data), 1))


def lines_of(data: Any) -> Iterator[bytes]:
    """Messages of a stream: one a line where the first line is a whole document, else one."""
    first = data.readline()
    if not first:
        return
    try:
        msgspec.json.decode(first)
    except msgspec.DecodeError:
        yield first + data.read()
        return
    yield first
    for line in data:
        if line.strip():
            yield line


def batches(documents: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Batches that fit the server's limits."""
    batch: list[tuple[str, bytes]] = []
    size = 0
    for name, document in documents:
        if batch and (len(batch) == BATCH_MESSAGES or size + len(document) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, document))
        size += len(document)
    if batch:
        yield batch


def send(
    stub: Any, batch: list[tuple[str, bytes]], seller_id: str, observed: int, summary: Summary
) -> None:
    """Sends one batch and notes its answer."""
    request = ingestion_pb2.IngestNotificationsRequest(
        request_id=request_id(),
        notifications=[
            ingestion_pb2.Notification(json=each, seller_id=seller_id, observed_ms=observed)
            for _, each in batch
        ],
    )
    answer = stub.IngestNotifications(request, timeout=CALL_SECONDS)
    summary.sent += len(batch)
    summary.applied += answer.applied_count
    summary.decisions += len(answer.decisions)
    summary.ambiguous_own += answer.ambiguous_own_count
    for each in answer.unapplied:
        summary.reasons[each.reason] += 1
        summary.unapplied.append(
            {
                "source": batch[each.index][0],
                "type": each.notification_type,
                "reason": each.reason,
                "message": each.message,
            }
        )


def report(summary: Summary, as_json: bool) -> None:
    """Prints what became of the messages."""
    if as_json:
        click.echo(
            json.dumps(
                {
                    "sent": summary.sent,
                    "applied": summary.applied,
                    "decisions": summary.decisions,
                    "ambiguous_own": summary.ambiguous_own,
                    "unapplied": summary.unapplied,
                }
            )
        )
        return
    click.echo(
        f"{summary.sent} messages: {summary.applied} applied, {len(summary.unapplied)} not;"
        f" {summary.decisions} prices changed"
    )
    for reason, count in summary.reasons.most_common():
        example = next(each for each in summary.unapplied if each["reason"] == reason)
        click.echo(f"  {count} x {reason}, such as {example['source']}: {example['message']}")
    if summary.ambiguous_own:
        click.echo(f"  in {summary.ambiguous_own} of them our own offer could not be told apart")
