"""The other commands: explain, serve, version, help, and what a missing server looks like."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from cli_runner import Run
from click.testing import CliRunner
from grpc_health.v1 import health_pb2, health_pb2_grpc
from test_cli_ingest import notification, write

from server.cli import main

COMMANDS = (
    (), ("serve",), ("ingest",), ("listings",), ("listings", "import"), ("listings", "export"),
    ("explain",), ("demo",), ("version",), ("audit",), ("tokens",), ("tokens", "create"),
    ("tokens", "list"), ("tokens", "revoke"), ("tokens", "rotate"), ("listings", "proposals"),
    ("listings", "accept"), ("fees", "check"),
)  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("words", COMMANDS)
def test_help_explains_every_command(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*words, "--help"])
    assert told.exit_code == 0
    assert max(map(len, told.stdout.splitlines())) <= 80
    self_evident = {(), ("version",), ("listings",), ("demo",), ("audit",), ("tokens",)}
    assert (
        words in self_evident
        or words[-1] in {"list", "revoke", "rotate"}
        or ("Example" in told.stdout)
    )


def test_explain_by_id_and_by_key(repriced: Run, catalogue: Path, tmp_path: Path) -> None:
    repriced("listings", "import", catalogue)
    repriced("ingest", write(tmp_path / "one.json", notification(1)))
    key = ("--seller", "A1SHOP", "--marketplace", "A1PA6795UKMFR9", "--sku", "MUG-01")
    told = repriced("explain", *key)
    assert told.exit_code == 0
    assert "MUG-01 of A1SHOP" in told.stdout
    assert "The price is 12.48 EUR" in told.stdout
    assert "sets the reference price" in told.stdout
    listing_id = json.loads(repriced("explain", *key, "--json").stdout)["listing"]["listing_id"]
    assert repriced("explain", "--listing-id", str(listing_id)).stdout == told.stdout
    business = repriced("explain", *key[:-1], "MUG-02", "--audience", "B2B")
    assert "MUG-02" in business.stdout


def test_explain_names_what_it_does_not_find(repriced: Run) -> None:
    told = repriced("explain", "--listing-id", "77")
    assert told.exit_code == 1
    assert "NOT_FOUND" in told.stderr
    assert "77" in told.stderr
    assert repriced("explain", "--seller", "A1SHOP").exit_code == 2


@pytest.mark.parametrize(
    "words", [("ingest", "-"), ("listings", "export"), ("explain", "--listing-id", "1")]
)
def test_without_a_server_one_line_says_what_to_do(words: tuple[str, ...]) -> None:
    target = f"127.0.0.1:{free_port()}"
    told = CliRunner().invoke(main, [*words, "--target", target], input='{"a": 1}\n')
    assert told.exit_code == 1
    assert told.stdout == ""
    assert told.stderr == f"Error: no server answers at {target}; start one with: repriced serve\n"


def test_version() -> None:
    facts = json.loads(CliRunner().invoke(main, ["version", "--json"]).stdout)
    assert facts["cpu_level"] in facts["cpu_levels_available"]
    shown = CliRunner().invoke(main, ["version"]).stdout
    assert facts["repriced"] in shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nlisten = 'nowhere'\n", "server.listen"),
        ("[limits]\nqueue_request = 5\n", "limits.queue_requests"),
        ("[server\n", "not valid TOML"),
    ],
)
def test_serve_refuses_a_bad_configuration(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "repriced.toml"
    path.write_text(text)
    told = CliRunner().invoke(main, ["serve", "--config", str(path)])
    assert told.exit_code == 2
    assert words in told.stderr


def test_serve_says_which_address_is_taken(app: Any) -> None:
    words = [
        "serve",
        "--listen",
        f"127.0.0.1:{app.port}",
        "--metrics-listen",
        "127.0.0.1:0",
        "--in-memory",
    ]
    told = subprocess.run(
        [sys.executable, "-m", "server.cli", *words], capture_output=True, text=True, timeout=30
    )
    assert told.returncode == 2
    assert "is another server running?" in told.stderr


def test_serve_drains_on_sigterm() -> None:
    target = f"127.0.0.1:{free_port()}"
    words = ["serve", "--listen", target, "--metrics-listen", "127.0.0.1:0", "--in-memory"]
    with subprocess.Popen(
        [sys.executable, "-m", "server.cli", *words], stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            wait_until_serving(target)
            server.send_signal(signal.SIGTERM)
            _, log = server.communicate(timeout=30)
        finally:
            server.kill()
    assert server.returncode == 0
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events == ["serving", "draining", "stopped"]


def wait_until_serving(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(100):
            try:
                answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.RpcError:
                time.sleep(0.1)
    raise AssertionError("the server does not serve")
