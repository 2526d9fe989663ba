"""Every metric, label and bucket of the server, in this one file.

Prefix `repriced_`, base units, and no label whose values grow with sellers, SKUs or ASINs. What
the engine counts in plain C integers is exported by `EngineCollector` when it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from engine.counters import tables
from engine.kernel import Kernel
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
REFUSALS = (
    "AMOUNT", "BROKEN_JSON", "CURRENCY", "DEADLINE", "DRAINING", "EMPTY_BATCH", "EVENT_IN_FUTURE",
    "LISTING", "MALFORMED_REQUEST", "OTHER", "PRICE", "QUEUE_FULL", "REQUEST_ID", "STRATEGY",
    "TOO_MANY_ROWS", "UNKNOWN_LISTING",
)  # fmt: skip
GRPC_CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "RESOURCE_EXHAUSTED", "INTERNAL", "UNAVAILABLE",
)  # fmt: skip
NOTIFICATION_OUTCOMES = ("applied", "repeated", "refused", "ignored")


def product_version() -> str:
    """Version of the installed package."""
    try:
        return version("repriced")
    except PackageNotFoundError:
        return "unknown"


class Metrics:
    """The metrics that the server itself keeps, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.tick_seconds = self._histogram("tick_seconds", "Journal, decode, evaluate and emit")
        self.evaluate_seconds = self._histogram("evaluate_seconds", "One slice in the kernel")
        self.offer_age_seconds = Histogram(
            "repriced_offer_age_seconds", "Age of offers when they arrive", buckets=AGES,
            registry=self.registry,
        )  # fmt: skip
        self.feedback_delay_seconds = Histogram(
            "repriced_feedback_delay_seconds", "Age of feedback when it arrives", buckets=AGES,
            registry=self.registry,
        )  # fmt: skip
        self.inputs_refused = Counter(
            "repriced_inputs_refused_total", "Requests and rows refused", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self.notifications = Counter(
            "repriced_notifications_total", "Marketplace messages by outcome", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.grpc_started = Counter(
            "grpc_server_started_total", "Calls begun", registry=self.registry
        )
        self.grpc_handled = Counter(
            "grpc_server_handled_total", "Calls ended", ["grpc_code"], registry=self.registry
        )
        self.grpc_seconds = Histogram(
            "grpc_server_handling_seconds", "Duration of calls", buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.queue_depth = Gauge(
            "repriced_queue_depth", "Requests waiting for the writer", registry=self.registry
        )
        self.queue_limit = Gauge(
            "repriced_queue_limit", "Requests that may wait", registry=self.registry
        )
        Info("repriced_build", "What runs", registry=self.registry).info(
            {"version": product_version()}
        )
        self._children()

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"repriced_{name}", text, buckets=SECONDS, registry=self.registry)

    def _children(self) -> None:
        """Label children exist from the start, so that a rate of zero is a zero."""
        for reason in REFUSALS:
            self.inputs_refused.labels(reason)
        for outcome in NOTIFICATION_OUTCOMES:
            self.notifications.labels(outcome)
        for code in GRPC_CODES:
            self.grpc_handled.labels(code)

    def refuse(self, reason: str, count: int = 1) -> None:
        """Counts a refusal under its reason, or under the first group its word begins with."""
        group = next((each for each in REFUSALS if reason.startswith(each)), "OTHER")
        self.inputs_refused.labels(group).inc(count)

    def watch(self, engine: Engine) -> None:
        """Exports the engine's counters too, and times its kernel."""
        engine.kernel = cast(Kernel, TimedKernel(engine.kernel, self.evaluate_seconds))
        self.registry.register(EngineCollector(engine))


class TimedKernel:
    """A kernel whose evaluations are timed; the engine itself knows no clock."""

    def __init__(self, body: Any, seconds: Histogram) -> None:
        self._body = body
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        """The kernel's attribute; an evaluation comes back timed."""
        found = getattr(self._body, name)
        return self._seconds.time()(found) if name.startswith("evaluate_") else found


class EngineCollector:
    """Reads the engine's counters at the moment of a scrape."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[Metric]:
        """Nothing to look at before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics of the engine."""
        counted = tables(self._engine.counters)
        yield from self._outcomes(counted.outcomes.tolist())
        yield self._transitions(counted.transitions.tolist())
        yield self._verdicts(counted.verdicts.tolist())
        yield from self._states()
        engine = self._engine
        yield plain("ticks_total", "Inputs applied", engine.ticks)
        yield plain("offers_read_total", "Offers read", engine.offers_read)
        yield plain("ambiguous_own_offers_total", "Own offers not told apart", engine.ambiguous_own)
        trips = CounterMetricFamily(
            "repriced_guard_trips_total", "Guards that held a price", labels=["guard"]
        )
        trips.add_metric(["bounds"], engine.bounds_trips)
        yield trips

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
        counts = self._engine.state_counts().tolist()
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


def plain(name: str, text: str, value: int) -> Metric:
    """A counter without labels."""
    return CounterMetricFamily(f"repriced_{name}", text, value)
