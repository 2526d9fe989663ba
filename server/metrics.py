"""Every metric, label and bucket of the server, in this one file.

Prefix `repriced_`, base units, and no label whose values grow with sellers, SKUs or ASINs. What
the engine counts in plain C integers is exported by `EngineCollector` when it is asked.
"""

from __future__ import annotations

import time
from collections import Counter as Counter_
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from engine.claims.lifecycle import Ledger
from engine.claims.rules import load_rules
from engine.claims.store import DATABASE, Store
from engine.claims.summary import OPEN_STATES, Summary, summarise
from engine.counters import tables
from engine.guards import Guard
from engine.guards.holds import count_holds
from engine.money import minor_text
from engine.pipeline import Engine
from engine.schema import (
    FIRST_UNCHANGED_REASON,
    CycleState,
    FeedbackKind,
    Reason,
    StrategyKind,
)

disable_created_metrics()  # type: ignore[no-untyped-call]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
AGES = (1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400)
AGES_MS = np.array(AGES) * 1000
REFUSALS = (
    "AMOUNT", "BOUND", "BROKEN_JSON", "CALLER_CONCURRENCY", "CALLER_LIMIT", "CALLER_RATE",
    "CURRENCY", "DEADLINE", "DRAINING", "EMPTY_BATCH", "EVENT_IN_FUTURE", "LISTING",
    "MALFORMED_REQUEST", "NOTIFICATION", "OTHER", "PRICE", "QUEUE_FULL", "READ_QUEUE_FULL",
    "REPEATED", "REPRICING_STOPPED", "REQUEST_ID", "REQUEST_TOO_LARGE", "RESTORE_TIME",
    "ROLE_MISSING", "SLOW_READER", "STRATEGY", "TOO_MANY_HELD", "TOO_MANY_OFFERS", "TOO_MANY_ROWS",
    "TOO_MANY_STREAMS", "UNAUTHENTICATED", "UNKNOWN_HOLD", "UNKNOWN_LISTING", "UNKNOWN_MARKETPLACE",
    "UNKNOWN_METHOD", "UNKNOWN_SELLER",
)  # fmt: skip
GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE",
    "UNAUTHENTICATED", "FAILED_PRECONDITION",
)  # fmt: skip
SNAPSHOT_STEPS = ("commit", "tidy")
NOTIFICATION_OUTCOMES = ("applied", "repeated", "refused")


def product_version() -> str:
    """Version of the installed package."""
    try:
        return version("repriced")
    except PackageNotFoundError:
        return "unknown"


class AgeHistogram:
    """Ages counted a batch at a time, so that a call costs the same for one row and for many."""

    def __init__(self, name: str, text: str) -> None:
        self._name, self._text = name, text
        self._counts = np.zeros(len(AGES) + 1, np.int64)
        self._sum_ms = 0

    def observe(self, now_ms: int, event_ms: NDArray[np.int64]) -> None:
        """Counts the ages of events at `now_ms`; one from the future has age zero."""
        ages = np.maximum(now_ms - event_ms, 0)
        at = np.searchsorted(AGES_MS, ages)
        self._counts += np.bincount(at, minlength=len(self._counts))
        self._sum_ms += int(ages.sum())

    def describe(self) -> list[Metric]:
        """Nothing to look at before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The histogram as it is now."""
        bounds = [*(str(float(each)) for each in AGES), "+Inf"]
        family = HistogramMetricFamily(self._name, self._text)
        counts = np.cumsum(self._counts).tolist()
        family.add_metric([], list(zip(bounds, counts, strict=True)), self._sum_ms / 1000)
        yield family


@dataclass(frozen=True, slots=True)
class CallMetrics:
    """Metrics of one method, every label filled in."""

    method: str
    started: Counter
    handled: dict[str, Counter]  # by status code
    seconds: Histogram

    def begin(self) -> float:
        """Counts a call and returns when it began, for `end`."""
        self.started.inc()
        return time.perf_counter()

    def end(self, code: str, started: float) -> None:
        """Counts how a call ended."""
        self.handled[code].inc()
        self.seconds.observe(time.perf_counter() - started)


class Metrics:
    """The metrics that the server itself keeps, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls: dict[str, CallMetrics] = {}  # by path, such as "/repriced.v1.Service/Call"
        self.tick_seconds = self._histogram(
            "repriced_tick_seconds", "From the admission of a batch of offers to its answer"
        )
        self.evaluate_seconds = self._histogram(
            "repriced_evaluate_seconds", "One group of requests in the engine"
        )
        self.offer_age_seconds = AgeHistogram(
            "repriced_offer_age_seconds", "Age of offers when they arrive"
        )
        self.feedback_delay_seconds = AgeHistogram(
            "repriced_feedback_delay_seconds", "Age of feedback when it arrives"
        )
        for ages in (self.offer_age_seconds, self.feedback_delay_seconds):
            self.registry.register(ages)
        self._inputs_refused = self._counter(
            "repriced_inputs_refused_total", "Requests and rows refused", "reason"
        )
        self._notifications = self._counter(
            "repriced_notifications_total", "Marketplace messages by outcome", "outcome"
        )
        self.journal_commit_seconds = self._histogram(
            "repriced_journal_commit_seconds", "One group of inputs made durable"
        )
        self.replay_seconds = self._gauge("repriced_replay_seconds", "Replay at the last start")
        self.snapshot_age_seconds = self._gauge(
            "repriced_snapshot_age_seconds", "Since the last snapshot, or the start"
        )
        self.snapshot_pause_seconds = self._histogram(
            "repriced_snapshot_pause_seconds", "The writer's own stop for a snapshot", "step"
        )
        self.snapshot_failures = self._counter(
            "repriced_snapshot_failures_total", "Snapshots that could not be made or verified"
        )
        self.queue_depth = self._gauge("repriced_queue_depth", "Requests admitted, not answered")
        self.queue_limit = self._gauge("repriced_queue_limit", "Requests that may be admitted")
        for reason in REFUSALS:
            self._inputs_refused.labels(reason)
        for step in SNAPSHOT_STEPS:
            self.snapshot_pause_seconds.labels(step)
        for outcome in NOTIFICATION_OUTCOMES:
            self._notifications.labels(outcome)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(name, text, labels, buckets=SECONDS, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)

    def know_calls(self, services: Iterable[tuple[str, Sequence[str]]]) -> None:
        """Names of every service and its methods; label children exist from the start."""
        of_call = ("grpc_service", "grpc_method")
        started = self._counter("grpc_server_started_total", "Calls begun", *of_call)
        handled = self._counter("grpc_server_handled_total", "Calls ended", *of_call, "grpc_code")
        seconds = self._histogram("grpc_server_handling_seconds", "Duration of calls", *of_call)
        for service, methods in services:
            for method in methods:
                path = f"/{service}/{method}"
                self.calls[path] = CallMetrics(
                    path,
                    started.labels(service, method),
                    {code: handled.labels(service, method, code) for code in GRPC_CODES},
                    seconds.labels(service, method),
                )

    def refuse(self, reason: str, count: int = 1) -> None:
        """Counts a refusal under its reason, or under the first group its word begins with."""
        group = next((each for each in REFUSALS if reason.startswith(each)), "OTHER")
        self._inputs_refused.labels(group).inc(count)

    def notified(self, outcome: str, count: int) -> None:
        """Counts marketplace messages by one of NOTIFICATION_OUTCOMES."""
        self._notifications.labels(outcome).inc(count)

    def watch(self, engine: Engine) -> None:
        """Exports the engine's counters too."""
        Info("repriced_build", "What runs", registry=self.registry).info(
            {"version": product_version(), "cpu_level": engine.shard.evaluator.kernel.level}
        )
        self.registry.register(EngineCollector(engine))

    def watch_claims(self, folder: Path) -> None:
        """Exports the claims of a store too, as they are at a scrape."""
        self.registry.register(ClaimsCollector(folder))


class ClaimsCollector:
    """Reads a store of claims; one that does not exist holds none."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[Metric]:
        """Nothing to look at before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Open claims by type, what they are worth, and how many close soon."""
        summary = Summary([], [], [], [], Counter_())
        if (self._folder / DATABASE).exists():
            with Store(self._folder) as store:
                summary = summarise(Ledger(store).all(), datetime.now(UTC).date())
        claims = GaugeMetricFamily("repriced_claims_open", "Claims not closed", labels=["type"])
        worth = GaugeMetricFamily(
            "repriced_claims_open_amount", "Known value of open claims, in the currency's units",
            labels=["currency"],
        )  # fmt: skip
        counts = {rule.name: 0 for rule in load_rules()}
        amounts: Counter_[str] = Counter_()
        for line in summary.lines:
            if line.state in OPEN_STATES:
                counts[line.rule] += line.claims
                amounts.update(line.amounts)
        for rule, count in counts.items():
            claims.add_metric([rule], count)
        for currency, minor in amounts.items():
            worth.add_metric([currency], float(minor_text(minor, currency)))
        yield claims
        yield worth
        yield GaugeMetricFamily(
            "repriced_claims_due_soon", "Claims that close within days", len(summary.due_soon)
        )


class EngineCollector:
    """Reads the engine's counters at the moment of a scrape."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[Metric]:
        """Nothing to look at before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics of the engine."""
        counted = tables(self._engine.shard.evaluator.counters)
        yield from self._outcomes(counted.outcomes.tolist())
        yield self._transitions(counted.transitions.tolist())
        yield self._verdicts(counted.verdicts.tolist())
        yield from self._states()
        engine = self._engine
        yield plain("ticks_total", "Inputs applied", engine.ticks)
        yield plain("offers_read_total", "Offers read", engine.shard.offers_read)
        yield plain(
            "ambiguous_own_offers_total", "Own offers not told apart", engine.shard.ambiguous_own
        )
        yield plain("apply_failures_total", "Inputs whose application failed", engine.failures)
        journal = engine.journal
        yield gauge("journal_bytes", "Size of the journal on disk", journal.bytes_on_disk)
        yield gauge("journal_pending", "Urgent inputs that wait for room on the disk", engine.owed)
        trips = CounterMetricFamily(
            "repriced_guard_trips_total", "Guards that held a price", labels=["guard"]
        )
        for guard in Guard:
            trips.add_metric([guard.name.lower()], int(engine.state.guards.trips[guard]))
        yield trips
        yield from self._waiting()

    def _waiting(self) -> Iterator[Metric]:
        """What waits for a person: holds and stops."""
        guards = self._engine.state.guards
        held = GaugeMetricFamily(
            "repriced_held_decisions", "What guards hold until a person looks", labels=["kind"]
        )
        for kind, count in count_holds(guards, self._engine.now_ms).items():
            held.add_metric([kind.name.lower()], count)
        yield held
        stops = GaugeMetricFamily(
            "repriced_active_stops", "Stops by StopRepricing that stand", labels=["scope"]
        )
        switch = guards.switch
        stops.add_metric(["everything"], int(switch.everything))
        stops.add_metric(["seller"], len(switch.sellers))
        stops.add_metric(["listing"], len(switch.listings))
        yield stops

    def _outcomes(self, outcomes: list[list[int]]) -> Iterator[Metric]:
        made = CounterMetricFamily(
            "repriced_decisions_total", "Decisions made", labels=["strategy", "reason"]
        )
        kept = CounterMetricFamily(
            "repriced_unchanged_total", "Evaluations that changed nothing",
            labels=["strategy", "reason"],
        )  # fmt: skip
        for kind in StrategyKind:
            for reason in Reason:
                family = made if reason < FIRST_UNCHANGED_REASON else kept
                if reason != Reason.NONE:
                    family.add_metric([kind.name, reason.name], outcomes[kind][reason])
        yield made
        yield kept
        total = sum(map(sum, outcomes))
        yield plain("listings_evaluated_total", "Evaluations of a listing", total)

    def _transitions(self, transitions: list[list[int]]) -> Metric:
        family = CounterMetricFamily(
            "repriced_buybox_transitions_total", "Changes of state", labels=["from", "to"]
        )
        for before in CycleState:
            for after in CycleState:
                if before != after:
                    family.add_metric([before.name, after.name], transitions[before][after])
        return family

    def _verdicts(self, verdicts: list[int]) -> Metric:
        family = CounterMetricFamily(
            "repriced_feedback_total", "Buy Box results counted", labels=["kind"]
        )
        for kind in (FeedbackKind.WON, FeedbackKind.LOST, FeedbackKind.SHARE):
            family.add_metric([kind.name], verdicts[kind])
        return family

    def _states(self) -> Iterator[Metric]:
        counts = self._engine.shard.state_counts().tolist()
        family = GaugeMetricFamily(
            "repriced_buybox_listings",
            "Listings by state; other strategies than BUY_BOX use four of them",
            labels=["state"],
        )
        for state in CycleState:
            family.add_metric([state.name], counts[state])
        yield family
        yield GaugeMetricFamily(
            "repriced_paused_listings", "Listings not repriced", counts[CycleState.PAUSED]
        )


def gauge(name: str, text: str, value: int) -> Metric:
    """A gauge without labels."""
    return GaugeMetricFamily(f"repriced_{name}", text, value)


def plain(name: str, text: str, value: int) -> Metric:
    """A counter without labels."""
    return CounterMetricFamily(f"repriced_{name}", text, value)
