"""What an operator does by hand, through the command line, on a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.request import urlopen

import grpc
import pytest

from repriced.v1 import catalog_pb2, pricing_pb2, types_pb2
from server.app import App
from tests.server.conftest import (
    MARKETPLACE,
    SELLER,
    Running,
    key,
    listing,
    now_ms,
    request_id,
    rival,
)
from tests.server.conftest import snapshot as offers
from tests.server.test_guard_calls import MATCH


@pytest.fixture
def server(app: App) -> Any:
    """The server of `repriced`, with a listing that follows the lowest offer, live at 12 EUR."""
    with grpc.insecure_channel(f"127.0.0.1:{app.port}") as channel:
        running = Running(app, channel)
        running.catalog.BatchUpsertStrategies(
            catalog_pb2.BatchUpsertStrategiesRequest(request_id=request_id(), strategies=[MATCH])
        )
        running.upsert(listing("MUG", strategy_id="match", price_minor=1200))
        yield running


def metric(app: App, name: str) -> float:
    """A sample of /metrics."""
    with urlopen(f"http://127.0.0.1:{app.metrics_port}/metrics") as page:
        lines = page.read().decode().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{name} "))
    return float(found.rpartition(" ")[2])


NAMED = ("--listing", SELLER, MARKETPLACE, "MUG")
HELD = 'repriced_held_decisions{kind="bounds"}'


@pytest.mark.parametrize(
    ("words", "scope"),
    [(("--everything",), "everything"), (("--seller", SELLER), "seller"), (NAMED, "listing")],
)
def test_stop_and_restart(
    server: Running, repriced: Any, words: tuple[str, ...], scope: str
) -> None:
    gauge = f'repriced_active_stops{{scope="{scope}"}}'
    assert metric(server.app, gauge) == 0
    assert repriced("stop", *words).output == "stopped 1 listings\n"
    assert metric(server.app, gauge) == 1
    assert [each.reason for each in server.reprice(offers("MUG", rival(1000))).errors] == [
        "REPRICING_STOPPED"
    ]
    assert repriced("restart", *words).output == "restarted 1 listings\n"
    assert metric(server.app, gauge) == 0
    assert server.reprice(offers("MUG", rival(1000))).decisions[0].price_minor == 1000


def test_held_bounds_are_listed_released_and_discarded(server: Running, repriced: Any) -> None:
    assert repriced("held", "list").output == "nothing is held\n"
    for verb, floor in (("discard", 800), ("release", 80)):
        server.upsert(listing("MUG", strategy_id="match", floor_minor=80))
        assert metric(server.app, HELD) == 1
        (line,) = repriced("held", "list", "--seller", SELLER).output.splitlines()
        number, kind, seller, marketplace, sku, *rest = line.split("  ")
        assert (kind, seller, marketplace, sku) == (
            "bounds",
            SELLER,
            MARKETPLACE,
            "MUG (listing 1)",
        )
        assert "floor_minor=80" in rest
        (held,) = repriced("held", "list", "--json").output.splitlines()
        assert json.loads(held)["hold_id"] == number
        assert repriced("held", verb, number).output.startswith(f"{verb.removesuffix('e')}ed 1")
        assert metric(server.app, HELD) == 0
        state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("MUG"))).listing
        assert state.listing.floor_minor == floor
        again = repriced("held", verb, number)
        assert again.exit_code == 1
        assert "refused: " in again.stderr
    server.upsert(listing("MUG", strategy_id="match", floor_minor=8))
    assert repriced("held", "discard", "--seller", SELLER).output == "discarded 1\n"


def test_pause_and_resume(server: Running, repriced: Any) -> None:
    assert repriced("pause", *NAMED).output == "paused 1 listings\n"
    assert not server.reprice(offers("MUG", rival(1000))).decisions
    assert repriced("resume", "--listing-id", "1").output == "resumed 1 listings\n"
    unknown = repriced("pause", "--listing-id", "77")
    assert unknown.exit_code == 1
    assert "listing_id 77 is not known" in unknown.stderr


def test_prices_of_a_time_come_back(server: Running, repriced: Any) -> None:
    then = datetime.now(UTC).isoformat()
    server.reprice(offers("MUG", rival(900)))
    feedback = pricing_pb2.Feedback(
        key=key("MUG"), kind=pricing_pb2.FEEDBACK_KIND_EFFECTIVE, price_minor=900, currency="EUR",
        event_ms=now_ms() + 1000,
    )  # fmt: skip
    server.pricing.ReportFeedback(
        pricing_pb2.ReportFeedbackRequest(request_id=request_id(), feedback=[feedback])
    )
    assert repriced("restore-prices", SELLER, "--at", then).exit_code == 1, "it asks first"
    told = repriced("restore-prices", SELLER, "--at", then, "--yes")
    assert told.output == "restored 1 listings, which are paused now\n"
    state = server.catalog.GetListing(catalog_pb2.GetListingRequest(key=key("MUG"))).listing
    assert state.price_minor == 1200
    blurred = repriced("restore-prices", SELLER, "--at", "2026-05-04", "--yes")
    assert blurred.exit_code == 2
    assert "a time with its zone" in blurred.stderr


def test_a_seller_runs_dry_and_for_real_again(server: Running, repriced: Any) -> None:
    told = repriced("sellers", "dry-run", SELLER, "on")
    assert told.output == f"{SELLER} runs dry\n"
    (decision,) = server.reprice(offers("MUG", rival(1000))).set_aside
    assert decision.status == types_pb2.DECISION_STATUS_DRY_RUN
    assert json.loads(repriced("sellers", "dry-run", SELLER, "off", "--json").output) == {
        "seller_id": SELLER, "dry_run": False
    }  # fmt: skip
    (decision,) = server.reprice(offers("MUG", rival(990))).decisions
    assert decision.status == types_pb2.DECISION_STATUS_EMITTED
    unknown = repriced("sellers", "dry-run", "NOBODY", "on")
    assert (unknown.exit_code, "'NOBODY' is not known" in unknown.stderr) == (1, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stop",), "say what"),
        (("restart",), "say what"),
        (("pause",), "name the listings"),
        (("resume",), "name the listings"),
        (("held", "release"), "say what is meant"),
        (("held", "discard", "1", "--seller", "A"), "say what is meant"),
        (("held", "release", "1", "--marketplace", "A"), "goes with --seller"),
        (("restore-prices", "A"), "--at"),
    ],
)
def test_wrong_words(repriced: Any, words: tuple[str, ...], told: str) -> None:
    result = repriced(*words)
    assert result.exit_code == 2
    assert told in result.stderr
