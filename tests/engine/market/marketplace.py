"""A marketplace with one competitor and a threshold of our landed price.

Still: we win at or below `take`. Sticky: whoever holds the Buy Box keeps it up to `keep`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace

from engine.schema import FeedbackKind, Reason
from market.listing import LOSES, WINS, Listing, offer


@dataclass(frozen=True, slots=True)
class Market:
    """How the marketplace behaves. Prices are landed, times milliseconds, chances per cent."""

    reference: int
    take: int
    keep: int
    shows_own: bool = True
    live_delay_ms: int = 300_000
    verdict_delay_ms: int = 300_000
    spread_ms: int = 0
    lost_pct: int = 0
    repeated_pct: int = 0
    by_hand_pct: int = 0  # prices that somebody then changes by hand to one that wins


@dataclass
class Marketplace:
    """Runs a listing against a market by its own clock."""

    market: Market
    listing: Listing
    random: Random = field(default_factory=lambda: Random(0))
    incumbent: bool = False
    live: int = 0
    live_decision: int = 0
    probe_losses_ms: list[int] = field(default_factory=list)
    """When the Buy Box was lost in truth because a probe went live."""
    _probing: bool = False
    _queue: list[tuple[int, int, Callable[[], SimpleNamespace]]] = field(default_factory=list)
    _sent: int = 0

    def wins(self) -> bool:
        """Whether our live price has the Buy Box now, which also makes or ends incumbency."""
        limit = self.market.keep if self.incumbent else self.market.take
        self.incumbent = self.live > 0 and self.listing.landed(self.live) <= limit
        return self.incumbent

    def look(self) -> None:
        """Sends one snapshot of the present offers."""
        self._send(self._snapshot_now(), 1)

    def run(self, hours: int) -> None:
        """Lets time pass: messages arrive and timers become due, in order of time."""
        end = self.listing.now_ms + hours * 3_600_000
        while True:
            message = self._queue[0][0] if self._queue else end + 1
            deadline = self.listing.deadline_s * 1000 or end + 1
            at = max(self.listing.now_ms, min(message, deadline))
            if at > end:
                break
            self.listing.now_ms = at
            if message <= deadline:
                done: SimpleNamespace | None = heapq.heappop(self._queue)[2]()
            else:
                done = self.listing.timers()
            if done is not None and done.changed:
                if done.reason != Reason.REEMIT:
                    self._probing = done.reason == Reason.PROBE_UP
                self.submit(done.price_minor, self.listing.decision_id)
        self.listing.now_ms = end

    def submit(self, price: int, decision_id: int) -> None:
        """Takes a price, which goes live and is judged later."""

        probing = self._probing

        def goes_live() -> SimpleNamespace:
            held = self.incumbent
            self.live, self.live_decision = price, decision_id
            won = self.wins()
            effective = self.listing.now_ms
            if held and probing and not won:
                self.probe_losses_ms.append(effective)
            if self.random.randrange(100) < self.market.by_hand_pct:
                self._send(self._change_by_hand, self._spread())
            if self.market.shows_own:
                self._deliver(self._snapshot_now(), self.market.verdict_delay_ms)
            else:
                self._deliver(
                    self._verdict(won, decision_id, effective + 1000), self.market.verdict_delay_ms
                )
            return self._effective(price, decision_id, effective)

        self._send(goes_live, self.market.live_delay_ms)

    def _change_by_hand(self) -> SimpleNamespace:
        self.live = self.market.take - self.listing.shipping
        self.wins()
        self._deliver(self._snapshot_now(), self.market.verdict_delay_ms)
        return self._nothing()

    def _effective(self, price: int, decision_id: int, event_ms: int) -> SimpleNamespace:
        if self.market.shows_own or self._is_lost():
            return self._nothing()
        return self.listing.feedback(
            FeedbackKind.EFFECTIVE, price=price, decision=decision_id, event_ms=event_ms
        )

    def _verdict(self, won: bool, decision_id: int, event_ms: int) -> Callable[[], SimpleNamespace]:
        kind = FeedbackKind.WON if won else FeedbackKind.LOST
        return lambda: self.listing.feedback(kind, decision=decision_id, event_ms=event_ms)

    def _snapshot_now(self) -> Callable[[], SimpleNamespace]:
        """The offers as they are now, to be seen later."""
        own = self.live if self.market.shows_own else 0
        won = self.incumbent
        taken = self.listing.now_ms + 1000
        mine, theirs = (WINS, LOSES) if won else (LOSES, WINS)
        if not own:
            mine, theirs = LOSES, LOSES
        rival = offer(self.market.reference, theirs)
        return lambda: self.listing.snapshot(rival, own=own, verdict=mine, event_ms=taken)

    def _deliver(self, message: Callable[[], SimpleNamespace], delay_ms: int) -> None:
        """Sends a message as this marketplace does: perhaps never, perhaps twice."""
        if self._is_lost():
            return
        self._send(message, delay_ms + self._spread())
        if self.random.randrange(100) < self.market.repeated_pct:
            self._send(message, delay_ms + self._spread())

    def _send(self, message: Callable[[], SimpleNamespace], delay_ms: int) -> None:
        self._sent += 1
        heapq.heappush(self._queue, (self.listing.now_ms + delay_ms, self._sent, message))

    def _spread(self) -> int:
        return self.random.randrange(self.market.spread_ms + 1)

    def _is_lost(self) -> bool:
        return self.random.randrange(100) < self.market.lost_pct

    @staticmethod
    def _nothing() -> SimpleNamespace:
        return SimpleNamespace(changed=0)
