"""The demo: a real server, a catalogue, a marketplace playing against it, and checks."""

from __future__ import annotations

import random
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from repriced.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    ingestion_pb2,
    ingestion_pb2_grpc,
    pricing_pb2,
    pricing_pb2_grpc,
    types_pb2,
)
from server.app import App
from server.cli.connection import request_id
from server.config import Config, JournalConfig, ServerConfig
from server.demo.catalogue import listing, make_items, strategies
from server.demo.market import Marketplace
from server.demo.messages import messages_of
from server.demo.post import Post
from server.demo.show import Board
from server.logs import configure

BATCH = 250
MEASURED = 5
CATCH_UP_SECONDS = 5
ROUND_PART = 3
"""A round shows a third of the listings."""
CALL_SECONDS = 60


@dataclass(slots=True)
class Tally:
    """What the demo saw, counted apart from the server."""

    decisions: int = 0
    outside_bounds: int = 0
    sent: int = 0
    applied: int = 0
    unapplied: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    per_listing: Counter[int] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)


class Play:
    """One run of the demo."""

    def __init__(self, count: int, seed: int, board: Board) -> None:
        chance = random.Random(seed)
        self.chance = chance
        self.market = Marketplace(make_items(count, chance), chance)
        self.post = Post(chance)
        self.tally = Tally()
        self.board = board
        self.listing_at: dict[int, int] = {}
        self._number = 0
        self._decided: list[types_pb2.Decision] = []
        self._lock = threading.Lock()

    def connect(self, port: int) -> None:
        """Opens the channel and watches decisions from the first one on."""
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self.channel)
        self.pricing = pricing_pb2_grpc.PricingServiceStub(self.channel)
        self.ingestion = ingestion_pb2_grpc.IngestionServiceStub(self.channel)
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        request = pricing_pb2.WatchDecisionsRequest(after_decision_id=0)
        try:
            for answer in self.pricing.WatchDecisions(request):
                with self._lock:
                    self._decided.extend(answer.decisions)
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE):
                self.tally.errors.append(f"WatchDecisions: {error.details()}")

    def bring_in(self) -> None:
        """Strategies and listings, over gRPC."""
        made = catalog_pb2.BatchUpsertStrategiesRequest(
            request_id=request_id(), strategies=strategies()
        )
        self._note_rows(self.catalog.BatchUpsertStrategies(made, timeout=CALL_SECONDS))
        items = self.market.items
        for start in range(0, len(items), 1_000):
            request = catalog_pb2.BatchUpsertListingsRequest(
                request_id=request_id(),
                listings=[listing(item) for item in items[start : start + 1_000]],
            )
            answer = self.catalog.BatchUpsertListings(request, timeout=CALL_SECONDS)
            self._note_rows(answer)
            for each in answer.upserted:
                self.listing_at[each.listing_id] = start + each.index
            self.board.line(f"imported {len(self.listing_at)} of {len(items)} listings")

    def _note_rows(self, answer: Any) -> None:
        self.tally.errors += [each.message for each in answer.errors]

    def round(self) -> None:
        """Decisions into the marketplace, its answers and its notifications to the server."""
        self._submit_decisions()
        now = time.time_ns() // 1_000_000
        answers = self.market.turn(now)
        for start in range(0, len(answers), 1_000):
            request = pricing_pb2.ReportFeedbackRequest(
                request_id=request_id(), feedback=answers[start : start + 1_000]
            )
            self._note_rows(self.pricing.ReportFeedback(request, timeout=CALL_SECONDS))
        stalls = self.market.stalls
        shown = self.chance.sample(range(len(stalls)), max(1, len(stalls) // ROUND_PART))
        told = [message for at in shown for message in self._messages_of(at)]
        arriving = self.post.deliver(told)
        for start in range(0, len(arriving), BATCH):
            self._notify(arriving[start : start + BATCH])

    def _messages_of(self, at: int) -> list[bytes]:
        self._number += 1
        now = time.time_ns() // 1_000_000
        return messages_of(self.market.stalls[at], now, self._number, self.chance)

    def _submit_decisions(self) -> None:
        with self._lock:
            decided, self._decided = self._decided, []
        for decision in decided:
            at = self.listing_at[decision.listing_id]
            item = self.market.items[at]
            self.tally.decisions += 1
            self.tally.per_listing[decision.listing_id] += 1
            self.tally.reasons[types_pb2.Reason.Name(decision.reason).removeprefix("REASON_")] += 1
            if not item.floor_minor <= decision.price_minor <= item.ceiling_minor:
                self.tally.outside_bounds += 1
            self.market.submit(at, decision.decision_id, decision.price_minor)

    def _notify(self, messages: list[bytes]) -> None:
        request = ingestion_pb2.IngestNotificationsRequest(
            request_id=request_id(),
            notifications=[ingestion_pb2.Notification(json=each) for each in messages],
        )
        answer = self.ingestion.IngestNotifications(request, timeout=CALL_SECONDS)
        self.tally.sent += len(messages)
        self.tally.applied += answer.applied_count
        self.tally.unapplied.update(each.reason for each in answer.unapplied)

    def measure(self) -> float:
        """Listings a second through Reprice: every listing in one call, encoded beforehand."""
        reprice: Any = self.channel.unary_unary("/repriced.v1.PricingService/Reprice")
        spent = 0.0
        for _ in range(MEASURED):
            payload = self._snapshots().SerializeToString()
            started = time.perf_counter()
            answer = reprice(payload, timeout=CALL_SECONDS)
            spent += time.perf_counter() - started
            self._note_rows(pricing_pb2.RepriceResponse.FromString(answer))
        return MEASURED * len(self.market.stalls) / spent

    def _snapshots(self) -> pricing_pb2.RepriceRequest:
        request = pricing_pb2.RepriceRequest(request_id=request_id())
        now = time.time_ns() // 1_000_000
        for stall in self.market.stalls:
            key, currency = stall.item.key, stall.item.currency
            snapshot = request.snapshots.add(key=key, currency=currency, event_ms=now)
            for rival in stall.rivals:
                snapshot.offers.add(
                    seller_id=rival.seller_id,
                    item_price_minor=rival.price_minor,
                    condition=types_pb2.CONDITION_NEW,
                )
        return request

    def catch_up(self, decisions: int) -> None:
        """Waits until the stream has shown as many decisions as the server counts."""
        end = time.monotonic() + CATCH_UP_SECONDS
        self._submit_decisions()
        while self.tally.decisions < decisions and time.monotonic() < end:
            time.sleep(0.05)
            self._submit_decisions()

    def explain_one(self) -> Any:
        """The listing with the most decisions."""
        [(listing_id, _)] = self.tally.per_listing.most_common(1) or [(1, 0)]
        request = pricing_pb2.ExplainPriceRequest(listing_id=listing_id)
        return self.pricing.ExplainPrice(request, timeout=CALL_SECONDS)


def run_demo(count: int, seconds: int, seed: int) -> bool:
    """Plays for about `seconds` and says whether every check passed."""
    configure("warning")
    board = Board()
    with tempfile.TemporaryDirectory(prefix="repriced-demo-") as directory:
        config = Config(
            server=ServerConfig("127.0.0.1:0", "127.0.0.1:0", drain_seconds=5),
            journal=JournalConfig(data_directory=directory),
        )
        return play_on(App(config), board, count, seconds, seed)


def play_on(app: App, board: Board, count: int, seconds: int, seed: int) -> bool:
    """The demo against one server, which is stopped at the end; whether all went right."""
    app.start()
    board.line(f"server on 127.0.0.1:{app.port}, metrics on 127.0.0.1:{app.metrics_port}")
    play = Play(count, seed, board)
    try:
        play.connect(app.port)
        play.market.open()
        before = play.market.share()
        play.bring_in()
        run_rounds(play, board, seconds)
        after = play.market.share()
        explained = play.explain_one()
        rate = play.measure()
        metrics = fetch_metrics(app.metrics_port)
        play.catch_up(decisions_in(metrics))
        board.result(play.tally, before, after, rate)
        board.metrics(metrics)
        board.explanation(explained)
    finally:
        play.channel.close()
        app.stop()
    return board.checks(checks(play, before, after, metrics))


def run_rounds(play: Play, board: Board, seconds: int) -> None:
    """Rounds until the time is over; the server's own timers probe between them."""
    end = time.monotonic() + seconds
    with board.live():
        while time.monotonic() < end:
            started = time.monotonic()
            play.round()
            board.show(play.market, play.tally)
            time.sleep(max(0.0, min(0.4 - (time.monotonic() - started), end - time.monotonic())))


def fetch_metrics(port: int) -> dict[str, float]:
    """What /metrics says, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def decisions_in(metrics: dict[str, float]) -> int:
    """Decisions that the server counts, whatever their reason."""
    name = "repriced_decisions_total{"
    return round(sum(value for key, value in metrics.items() if key.startswith(name)))


def checks(
    play: Play, before: float, after: float, metrics: dict[str, float]
) -> list[tuple[str, bool]]:
    """What must hold for the demo to have gone right."""
    tally, counted = play.tally, decisions_in(metrics)
    told = sum(tally.unapplied.values())
    trips = metrics['repriced_guard_trips_total{guard="bounds"}']
    failures = sum(
        value
        for name, value in metrics.items()
        if name.startswith("grpc_server_handled_total") and 'grpc_code="INTERNAL"' in name
    )
    return [
        ("every listing was imported", len(play.listing_at) == len(play.market.items)),
        ("the Buy Box share rose", after > before),
        ("the stream showed every decision that /metrics counts", tally.decisions >= counted > 0),
        (f"{tally.decisions} prices, none outside its bounds", tally.outside_bounds == 0),
        ("no guard had to stop a price", trips == 0),
        ("every message was applied or reported", tally.applied + told == tally.sent),
        ("no call failed and no row was refused", not tally.errors and failures == 0),
    ]
