"""`repriced ingest-queue`: marketplace messages from an SQS queue to a running server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import click
import grpc

from engine.schema import Reason
from repriced.v1 import ingestion_pb2_grpc
from server.cli.connection import channel_to, message_of, target_option
from server.cli.documents import Document
from server.cli.ingest import Summary, batches, report, send

A_CALL = 10
"""Messages that SQS gives, and deletes, at once."""
MORE_CALLS = 20
"""Calls made together while the queue is full, so that a batch is large."""
THREADS = 8
LONG_POLL_S = 20
SHORT_POLL_S = 1
RETRY_S = 5
LINE_S = 60
AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)

DONE = {each.name for each in Reason} | {
    "REPEATED",
    "UNKNOWN_LISTING",
    "NOTIFICATION_TYPE_NOT_USED",
    "ISSUE_TYPE_NOT_USED",
    "RESPONSE_TYPE_NOT_USED",
    "STATUS_NOT_SUCCESS",
}
"""Why a message that was not applied need not come again: it is read, and says nothing for us."""


class Queue:
    """An SQS queue: messages out, and those that are done with away."""

    def __init__(self, url: str, region: str | None) -> None:
        try:
            import boto3
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise click.ClickException(
                "reading a queue takes the extra sqs: pip install 'repriced[sqs]'"
            ) from error
        self.errors = (BotoCoreError, ClientError)
        self._url = url
        try:
            self._client = boto3.client("sqs", region_name=region)
        except self.errors as error:
            raise click.ClickException(f"{error} --region names the queue's region.") from error

    def has_dead_letters(self) -> bool:
        """Whether the queue sets messages aside that come too often. Raises one of `errors`."""
        answer = self._client.get_queue_attributes(
            QueueUrl=self._url, AttributeNames=["RedrivePolicy"]
        )
        return "RedrivePolicy" in answer.get("Attributes", {})

    def receive(self, wait_s: int) -> list[Any]:
        """Up to ten messages, after a wait for the first of at most `wait_s` seconds."""
        answer = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=A_CALL, WaitTimeSeconds=wait_s
        )
        return list(answer.get("Messages", []))

    def delete(self, receipts: list[str]) -> int:
        """Takes messages away; how many of them SQS could not delete. Raises one of `errors`."""
        left = 0
        for first in range(0, len(receipts), A_CALL):
            ten = receipts[first : first + A_CALL]
            entries = [{"Id": str(at), "ReceiptHandle": each} for at, each in enumerate(ten)]
            answer = self._client.delete_message_batch(QueueUrl=self._url, Entries=entries)
            left += len(answer.get("Failed", []))
        return left


@click.command("ingest-queue")
@click.argument("queue_url")
@click.option("--region", help="AWS region of the queue; default: what AWS's own settings say.")
@click.option("--until-empty", is_flag=True, help="End when nothing is left, instead of waiting.")
@target_option
def ingest_queue_command(
    queue_url: str, region: str | None, until_empty: bool, target: str
) -> None:
    """Send the SP-API messages of an SQS queue to the server, and go on until ended.

    A message leaves the queue once the server has answered for it: applied, or nothing new. One
    that cannot be read stays, so that the queue's own dead-letter queue gets it. So ending this
    command, or a server that is away, loses nothing; what comes twice changes nothing.

    Needs the extra sqs, and AWS credentials where its own tools look for them, with the rights
    sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes.

    \b
    Examples:
      repriced ingest-queue https://sqs.eu-west-1.amazonaws.com/123456789012/offers
      repriced ingest-queue --until-empty --region eu-west-1 $QUEUE_URL
    """
    queue = Queue(queue_url, region)
    try:
        if not queue.has_dead_letters():
            click.echo(
                "the queue has no dead-letter queue: messages that cannot be read come again until"
                " they are too old",
                err=True,
            )
    except queue.errors as error:
        raise click.ClickException(f"{queue_url}: {error}") from error
    total = Summary()
    with channel_to(target) as channel, ThreadPoolExecutor(THREADS) as pool:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        said = time.monotonic()
        for messages in received(queue, pool, until_empty):
            settle(queue, stub, target, messages, total)
            if time.monotonic() - said >= LINE_S:
                report(total, as_json=False)
                total, said = Summary(), time.monotonic()
    report(total, as_json=False)


def received(queue: Queue, pool: ThreadPoolExecutor, until_empty: bool) -> Iterator[list[Any]]:
    """Messages as they come; what cannot be reached is asked again after a while."""
    wait_s = SHORT_POLL_S if until_empty else LONG_POLL_S
    while True:
        try:
            messages = taken(queue, pool, wait_s)
        except queue.errors as error:
            click.echo(f"the queue: {error}; asked again in {RETRY_S} s", err=True)
            time.sleep(RETRY_S)
            continue
        if messages:
            yield messages
        elif until_empty:
            return


def taken(queue: Queue, pool: ThreadPoolExecutor, wait_s: int) -> list[Any]:
    """Messages of one call, and of many more where it was full."""
    messages = queue.receive(wait_s)
    if len(messages) == A_CALL:
        for more in pool.map(queue.receive, repeat(0, MORE_CALLS)):
            messages += more
    return messages


def settle(queue: Queue, stub: Any, target: str, messages: list[Any], total: Summary) -> None:
    """Sends messages, takes away those that are done with, adds what became of them to `total`."""
    documents = [(str(at), each["Body"].encode()) for at, each in enumerate(messages)]
    for batch in batches(documents):
        found = delivered(stub, target, batch)
        left = {each["source"] for each in found.unapplied if each["reason"] not in DONE}
        receipts = [messages[int(at)]["ReceiptHandle"] for at, _ in batch if at not in left]
        try:
            failed = queue.delete(receipts)
        except queue.errors as error:
            click.echo(f"the queue: {error}; messages that are done with come again", err=True)
        else:
            if failed:
                click.echo(f"the queue kept {failed} messages, which come again", err=True)
        for each in found.unapplied:
            each["source"] = messages[int(each["source"])]["MessageId"]
        add(total, found)


def delivered(stub: Any, target: str, batch: list[Document]) -> Summary:
    """Sends one batch; again while no server answers."""
    while True:
        found = Summary()
        try:
            send(stub, batch, "", time.time_ns() // 1_000_000, found)
            return found
        except grpc.RpcError as error:
            if error.code() not in AWAY:
                raise
            click.echo(f"{message_of(error, target)}; tried again in {RETRY_S} s", err=True)
            time.sleep(RETRY_S)


def add(total: Summary, found: Summary) -> None:
    """Adds what became of one batch."""
    total.sent += found.sent
    total.applied += found.applied
    total.decisions += found.decisions
    total.ambiguous_own += found.ambiguous_own
    total.reasons.update(found.reasons)
    total.unapplied += found.unapplied
