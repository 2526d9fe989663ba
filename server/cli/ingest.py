"""`repriced ingest`: marketplace messages from files and standard input to a running server."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click
import grpc

from repriced.v1 import ingestion_pb2, ingestion_pb2_grpc
from server.cli.connection import (
    Steps,
    channel_to,
    json_option,
    patiently,
    request_id,
    target_option,
    wants_less,
)
from server.cli.documents import Document, check_paths, documents_of

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

    A file holds one JSON document, over as many lines as it likes, or one message a line; an
    array is as many messages as it has elements. Folders are searched for .json, .jsonl and
    .ndjson. Every message is applied or reported with a reason, and the others go on.

    \b
    Examples:
      repriced ingest messages/ offers.jsonl
      queue-reader | repriced ingest -
      repriced ingest --seller-id A1EXAMPLE getItemOffers.json
      repriced ingest --json --strict messages/ > report.json
    """
    observed = observed_at or time.time_ns() // 1_000_000
    check_paths(paths)
    summary = Summary()
    with Steps("messages", None, quiet=as_json) as steps, channel_to(target) as channel:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        for batch in batches(documents_of(paths)):
            send(stub, batch, seller_id, observed, summary)
            steps.advance(len(batch))
    report(summary, as_json)
    if strict and summary.unapplied:
        raise click.exceptions.Exit(1)


def batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Batches that fit the server's default limits."""
    batch: list[Document] = []
    size = 0
    for name, document in documents:
        if batch and (len(batch) == BATCH_MESSAGES or size + len(document) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((name, document))
        size += len(document)
    if batch:
        yield batch


def send(stub: Any, batch: list[Document], seller_id: str, observed: int, summary: Summary) -> None:
    """Sends one batch and notes its answer; in halves where the server takes less at once."""
    request = ingestion_pb2.IngestNotificationsRequest(
        request_id=request_id(),
        notifications=[
            ingestion_pb2.Notification(json=each, seller_id=seller_id, observed_ms=observed)
            for _, each in batch
        ],
    )
    try:
        answer = patiently(stub.IngestNotifications, request)
    except grpc.RpcError as error:
        if not wants_less(error):
            raise
        if len(batch) == 1:
            summary.sent += 1
            note(summary, batch[0][0], "", "MESSAGE_TOO_LARGE", str(error.details()))
            return
        middle = len(batch) // 2
        send(stub, batch[:middle], seller_id, observed, summary)
        send(stub, batch[middle:], seller_id, observed, summary)
        return
    summary.sent += len(batch)
    summary.applied += answer.applied_count
    summary.decisions += len(answer.decisions)
    summary.ambiguous_own += answer.ambiguous_own_count
    for each in answer.unapplied:
        source = batch[each.index][0]
        note(summary, source, each.notification_type, each.reason, each.message)


def note(summary: Summary, source: str, kind: str, reason: str, message: str) -> None:
    """Notes a message that was not applied."""
    summary.reasons[reason] += 1
    summary.unapplied.append({"source": source, "type": kind, "reason": reason, "message": message})


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
                    "reasons": dict(summary.reasons.most_common()),
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
