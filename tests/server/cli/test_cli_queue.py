"""`repriced ingest-queue` between a queue of SQS's protocol and a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest
from cli_runner import SERVER, Run, runner_for
from moto.server import ThreadedMotoServer
from test_cli_ingest import notification

from repriced.v1.ingestion_pb2_grpc import IngestionServiceStub
from server.app import App
from server.cli import queue as command
from server.cli.connection import channel_to
from server.config import Config, JournalConfig

MESSAGES = "ApproximateNumberOfMessages"
HIDDEN = "ApproximateNumberOfMessagesNotVisible"


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Address of a service that speaks SQS's protocol."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sqs(service: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in (
        ("AWS_ENDPOINT_URL_SQS", service),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ):
        monkeypatch.setenv(name, value)
    return boto3.client("sqs")


@pytest.fixture
def queue_url(sqs: Any, request: pytest.FixtureRequest) -> str:
    """A queue without dead letters, of this test alone."""
    return str(sqs.create_queue(QueueName=f"offers-{abs(hash(request.node.name))}")["QueueUrl"])


@pytest.fixture
def shop(repriced: Run, catalogue: Path) -> Run:
    """A server that knows the catalogue."""
    assert repriced("listings", "import", catalogue).exit_code == 0
    return repriced


def put(sqs: Any, url: str, *bodies: str) -> None:
    for first in range(0, len(bodies), 10):
        entries = [
            {"Id": str(at), "MessageBody": each}
            for at, each in enumerate(bodies[first : first + 10])
        ]
        assert not sqs.send_message_batch(QueueUrl=url, Entries=entries).get("Failed")


def left_in(sqs: Any, url: str) -> int:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[MESSAGES, HIDDEN])["Attributes"]
    return int(found[MESSAGES]) + int(found[HIDDEN])


def test_a_queue_is_emptied_into_the_server(shop: Run, sqs: Any, queue_url: str) -> None:
    put(sqs, queue_url, *(json.dumps(notification(each)) for each in range(137)))
    told = shop("ingest-queue", "--until-empty", queue_url)
    assert told.exit_code == 0, told.output
    assert " messages: 137 applied, " in told.stdout
    # A queue may give a message twice, and this one does when it is asked many times at once.
    assert all("REPEATED" in each for each in told.stdout.splitlines()[1:])
    assert "no dead-letter queue" in told.stderr
    assert left_in(sqs, queue_url) == 0


def test_only_what_cannot_be_read_stays(shop: Run, sqs: Any, queue_url: str) -> None:
    first = json.dumps(notification(1))
    strange = '{"NotificationType": "ORDER_CHANGE"}'
    unknown = json.dumps(notification(2, asin="B0UNKNOWN1"))
    put(sqs, queue_url, first, first, strange, unknown, '{"NotificationType": ')
    told = shop("ingest-queue", "--until-empty", queue_url)
    assert told.exit_code == 0, told.output
    assert "5 messages: 1 applied, 4 not" in told.stdout
    assert "1 x BROKEN_JSON" in told.stdout
    assert left_in(sqs, queue_url) == 1


def test_what_cannot_be_read_reaches_the_dead_letters(shop: Run, sqs: Any, queue_url: str) -> None:
    dead = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]
    policy = json.dumps({"deadLetterTargetArn": arn["QueueArn"], "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes=attributes)
    put(sqs, queue_url, "not JSON")
    told = shop("ingest-queue", "--until-empty", queue_url)
    assert told.exit_code == 0, told.output
    assert "dead-letter" not in told.stderr
    assert (left_in(sqs, queue_url), left_in(sqs, dead)) == (0, 1)


def test_a_server_that_is_away_is_waited_for(
    catalogue: Path, tmp_path: Path, sqs: Any, queue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Config(server=SERVER, journal=JournalConfig(data_directory=str(tmp_path / "data")))
    first = App(kept)
    first.start()
    assert runner_for(first)("listings", "import", catalogue).exit_code == 0
    first.stop()
    put(sqs, queue_url, json.dumps(notification(1)))
    monkeypatch.setattr(command, "RETRY_S", 0.1)
    queue, found = command.Queue(queue_url, None), command.Summary()
    target = f"127.0.0.1:{first.port}"
    with channel_to(target) as channel:
        stub = IngestionServiceStub(channel)
        messages = queue.receive(1)
        reader = Thread(target=command.settle, args=(queue, stub, target, messages, found))
        reader.start()
        reader.join(0.5)
        assert reader.is_alive()
        assert left_in(sqs, queue_url) == 1
        again = App(replace(kept, server=replace(SERVER, listen=target)))
        again.start()
        reader.join(30)
        again.stop()
    assert found.applied == 1
    assert left_in(sqs, queue_url) == 0


def test_a_queue_that_is_not_there(shop: Run, sqs: Any, queue_url: str) -> None:
    told = shop("ingest-queue", "--until-empty", queue_url + "-not")
    assert told.exit_code == 1
    assert "does not exist" in told.stderr
