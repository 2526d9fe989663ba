"""One listing, and every input that can reach it, through the same face that the engine uses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import guards, kernel
from engine.columns import OfferColumns
from engine.counters import new_counters
from engine.schema import (
    COMMAND,
    FEEDBACK,
    GRID,
    OUTCOME,
    PREMIUM_UNKNOWN,
    ROW,
    SNAPSHOT,
    BuyBoxStatus,
    CommandKind,
    Condition,
    CycleState,
    FeedbackKind,
    OfferBit,
    Reason,
    RowFlag,
    StrategyKind,
)
from engine.strategies import StrategyDefinition, compile_strategy

RULES = kernel.load()
LISTING_ID = 1
START_MS = 1_750_000_000_000
WINS, LOSES, SILENT = OfferBit.WINNER, OfferBit.NOT_WINNER, OfferBit(0)
ELIGIBLE = OfferBit.CONDITION_NEW | OfferBit.AVAILABLE_NOW | OfferBit.FEATURED

Strategy = StrategyDefinition
"""Used with `replace` to vary one strategy."""

PATIENT = StrategyDefinition(
    "S", "patient", "EUR", StrategyKind.BUY_BOX, min_samples=1, changes_per_hour=120,
    hold_ms=600_000, cooldown_ms=3_600_000, live_wait_ms=1_800_000, verdict_wait_ms=3_600_000,
    evidence_max_age_ms=365 * 86_400_000,
)  # fmt: skip
"""Judges every price by one draw; no limit binds and no evidence ages."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A competitor's offer; `bits` beyond those of an eligible one."""

    landed_minor: int
    bits: int = OfferBit.FULFILLED_BY_MERCHANT | ELIGIBLE | SILENT
    seller: int = 7


def offer(landed_minor: int, verdict: OfferBit = SILENT, **given: Any) -> Offer:
    """An eligible competitor."""
    plain = Offer(landed_minor, **given)
    return replace(plain, bits=plain.bits | verdict)


class Listing:
    """One row. Inputs give back their outcome; `outcomes` keeps all of them with their time."""

    def __init__(
        self, strategy: StrategyDefinition, floor: int, ceiling: int, *, price: int = 0,
        shipping: int = 0, points_bp: int = 0, now_ms: int = START_MS,
    ) -> None:  # fmt: skip
        self.now_ms = now_ms
        self.rows, self.grids = np.zeros(2, ROW), np.zeros(2, GRID)
        self.strategies = compile_strategy(strategy, [])
        self.counters = new_counters()
        self.scratch, self._outcomes = np.zeros(4, ROW), np.zeros(4, OUTCOME)
        self._out = (self.scratch, np.zeros(4, GRID), self._outcomes)
        self.decision_id = 0
        self.outcomes: list[SimpleNamespace] = []
        self.shipping, self.points_bp = shipping, points_bp
        row = self.rows[LISTING_ID]
        for name in ("take_low_ppm", "take_high_ppm", "keep_low_ppm", "keep_high_ppm"):
            row[name] = PREMIUM_UNKNOWN
        row["price_minor"] = row["live_price_minor"] = price
        row["state"], row["draws"], row["reason"] = CycleState.SEEKING, 1, Reason.NEW
        self.bounds(floor, ceiling)

    def __getattr__(self, name: str) -> int:
        """A field of the row, such as `listing.price_minor`."""
        if name.startswith("_") or name not in (ROW.names or ()):
            raise AttributeError(name)
        return int(self.rows[LISTING_ID][name])

    def set(self, **values: int) -> None:
        """Writes fields of the row."""
        for name, value in values.items():
            self.rows[LISTING_ID][name] = value

    def image(self) -> bytes:
        """The row and its grid, bit by bit."""
        return self.rows[LISTING_ID].tobytes() + self.grids[LISTING_ID].tobytes()

    def landed(self, item: int) -> int:
        """What a buyer pays for our item price."""
        return item + self.shipping - item * self.points_bp // 10_000

    # Inputs

    def snapshot(
        self, *competitors: Offer, own: int = 0, verdict: OfferBit = SILENT, competitive: int = 0,
        featured: int = 0, status: int = BuyBoxStatus.UNKNOWN, event_ms: int = 0, total: int = 0,
    ) -> SimpleNamespace:  # fmt: skip
        """Offers as the marketplace shows them; `own` is our item price among them, 0: unseen."""
        offers = list(competitors)
        if own:
            mine = ELIGIBLE | OfferBit.OWN_ACCOUNT | OfferBit.FULFILLED_BY_MERCHANT | verdict
            offers.append(Offer(self.landed(own), mine, 1))
        columns = OfferColumns.empty(len(offers))
        for at, each in enumerate(offers):
            columns.landed_minor[at], columns.bits[at] = each.landed_minor, each.bits
            columns.seller[at] = each.seller
        row = np.zeros(1, SNAPSHOT)
        row["event_ms"], row["listing_id"] = event_ms or self.now_ms, LISTING_ID
        row["own_price_minor"], row["own_offer"] = own, len(offers) - 1 if own else -1
        row["competitive_minor"], row["featured_minor"] = competitive, featured
        row["offer_end"], row["buy_box_status"] = len(offers), status
        row["offer_total"] = total
        pool = np.zeros(0, np.uint64)
        count = RULES.evaluate_offers(
            self.rows, self.grids, self.strategies, pool, row, 0, 1, columns, self.now_ms,
            *self._out,
        )  # fmt: skip
        return self._commit(count)

    def feedback(
        self, kind: FeedbackKind, *, price: int = 0, decision: int = 0, share: int = 0,
        competitive: int = 0, event_ms: int = 0,
    ) -> SimpleNamespace:  # fmt: skip
        """Feedback that names a price, a decision id, or neither."""
        row = np.zeros(1, FEEDBACK)
        row["event_ms"], row["listing_id"] = event_ms or self.now_ms, LISTING_ID
        row["kind"], row["price_minor"], row["share_bp"] = kind, price, share
        row["competitive_minor"] = competitive
        if decision:
            row["names_decision"] = 1 if decision == self.decision_id else 2
        count = RULES.evaluate_feedback(
            self.rows, self.grids, self.strategies, row, 0, 1, self.now_ms, *self._out
        )
        return self._commit(count)

    def command(self, kind: CommandKind, **values: int) -> SimpleNamespace:
        """A command; `values` are fields of `schema.COMMAND`."""
        row = np.zeros(1, COMMAND)
        row["listing_id"], row["kind"] = LISTING_ID, kind
        for name, value in values.items():
            row[name] = value
        count = RULES.evaluate_commands(
            self.rows, self.grids, self.strategies, row, 0, 1, self.now_ms, *self._out
        )
        return self._commit(count)

    def bounds(self, floor: int, ceiling: int) -> SimpleNamespace:
        """An upsert with these bounds."""
        return self.command(
            CommandKind.UPSERT, floor_minor=floor, ceiling_minor=ceiling,
            landed_offset_minor=self.shipping, points_bp=self.points_bp, condition=Condition.NEW,
            strategy=self.strategy,
        )  # fmt: skip

    def timers(self) -> SimpleNamespace | None:
        """Runs the timer of the row if it is due."""
        count, _ = RULES.evaluate_timers(
            self.rows, self.grids, self.strategies, 0, 2, self.now_ms, *self._out
        )
        return self._commit(count) if count else None

    def wait(self) -> SimpleNamespace | None:
        """Moves time to the deadline of the row, if it has one, and runs the timer."""
        if not self.deadline_s:
            return None
        self.now_ms = max(self.now_ms, self.deadline_s * 1000)
        return self.timers()

    def _commit(self, count: int) -> SimpleNamespace:
        assert count == 1
        accepted = self.accepted(count)
        RULES.commit(
            self.rows, self.grids, *self._out, accepted.astype(np.uint8), self.strategies,
            self.counters, count,
        )  # fmt: skip
        values = dict(zip(OUTCOME.names or (), self._outcomes[0].item(), strict=True))
        done = SimpleNamespace(**values, now_ms=self.now_ms, accepted=bool(accepted[0]))
        if done.changed:
            self.decision_id += 1
        self.outcomes.append(done)
        return done

    def accepted(self, count: int) -> NDArray[np.bool_]:
        """The guard's word on the proposals."""
        return guards.inside_bounds(self.scratch[:count], self._outcomes[:count])

    def has(self, flag: RowFlag) -> bool:
        """Whether the row carries a flag."""
        return bool(self.flags & flag)
