"""Recorded inputs applied again under another strategy, and the prices of the two compared.

Two engines take the same inputs in the same order. One is a replay, whose answers are compared with
the recorded ones. In the other a strategy prices the listings of its seller in its currency, from
the first input on. What the marketplace would have answered to other prices nobody knows: offers
and feedback stay what was recorded, so prices are compared and nothing is said about sales.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.columns import ListingDefinition
from engine.errors import InputError
from engine.journal import Frame, FrameKind, Journal
from engine.journal.storage import Storage
from engine.money import currency_index
from engine.pipeline import SLICE_OF_LISTINGS, Codec, Engine
from engine.recovery import EVERY, Progress, begin, oldest_sequence, read_start
from engine.redefining import present_commands
from engine.results import Answer, TickResult, UpsertResult
from engine.schema import InputKind
from engine.scope import parse_scope
from engine.settings import EngineSettings
from engine.strategies import StrategyDefinition

DECISIONS_SEEN = 4_000_000
"""Decisions kept between two looks at them; one input makes far fewer."""


@dataclass(slots=True)
class PricePair:
    """Prices of one listing in both runs, in minor units, and journal time spent with them."""

    recorded_minor: int = 0
    tested_minor: int = 0
    since_ms: int = 0
    recorded_decisions: int = 0
    tested_decisions: int = 0
    equal_ms: int = 0
    higher_ms: int = 0
    lower_ms: int = 0
    difference_minor_ms: int = 0
    """Sum of (tested - recorded) price times its duration; over the time it is the mean."""

    @property
    def compared_ms(self) -> int:
        """Journal time in which both runs had a price."""
        return self.equal_ms + self.higher_ms + self.lower_ms

    def pass_time(self, now_ms: int) -> None:
        """Books the time since the last change on how the two prices stood."""
        passed, self.since_ms = now_ms - self.since_ms, now_ms
        if self.recorded_minor == 0 or self.tested_minor == 0:
            return
        difference = self.tested_minor - self.recorded_minor
        self.difference_minor_ms += difference * passed
        if difference > 0:
            self.higher_ms += passed
        elif difference < 0:
            self.lower_ms += passed
        else:
            self.equal_ms += passed


class Backtest:
    """Both engines of a data directory, fed frame by frame.

    Raises InputError for a strategy that is refused, JournalDamagedError, and ReplayError where
    this build does not decide as the recorded run did.
    """

    def __init__(
        self, storage: Storage, journal: Journal, codecs: tuple[Codec, Codec],
        strategy: StrategyDefinition,
    ) -> None:  # fmt: skip
        self._strategy = strategy
        self._currency = currency_index(strategy.currency)
        self._journal = journal
        sequence = oldest_sequence(storage, journal)
        start, columns = read_start(storage, sequence)
        self._first = start.sequence + 1
        self._recorded = begin(storage, journal, codecs[0], start, columns)
        again, _ = read_start(storage, sequence)
        self._tested = Engine(codecs[1], journal, again.state)
        if again.state.settings is not None:
            self._tested.adopt(again.state.settings)
        self._engines = (self._recorded.engine, self._tested)
        self._seen = [engine.state.next_decision_id - 1 for engine in self._engines]
        self.pairs: dict[int, PricePair] = {}
        self.inputs = 0
        self._keep_decisions()
        self._take_over()

    @property
    def tested(self) -> Engine:
        """The engine that the strategy runs in."""
        return self._tested

    def run(self, progress: Progress | None = None) -> None:
        """Feeds everything that the journal holds."""
        last = self._journal.last_sequence
        for done, frame in enumerate(self._journal.read_from(self._first)):
            if frame.sequence > last:
                break
            self.feed(frame)
            if progress is not None and done % EVERY == 0:
                progress(done, last - self._first + 1)
        for pair in self.pairs.values():
            pair.pass_time(self._tested.now_ms)

    def feed(self, frame: Frame) -> None:
        """Applies an input in both engines, or compares a recorded answer."""
        self._recorded.feed(frame)
        if frame.kind == FrameKind.OUTPUT:
            return
        self.inputs += 1
        self._tested.state.now_ms = frame.now_ms
        if frame.kind == InputKind.CONFIG:
            self._tested.adopt(EngineSettings.unpack(bytes(frame.payload)))
            self._keep_decisions()
        elif frame.kind == InputKind.ADVANCE:
            first_id, last_id = SLICE_OF_LISTINGS.unpack(bytes(frame.payload))
            self._tested.shard.advance(first_id, last_id, frame.sequence)
        else:
            self._apply(frame)
        self._look(frame.now_ms)

    def _apply(self, frame: Frame) -> None:
        kind = InputKind(frame.kind)
        batch = self._tested.shape(kind, bytes(frame.payload)).batch
        if kind == InputKind.LISTINGS:
            batch.rows[:] = [(index, self._priced(each)) for index, each in batch.rows]
        elif kind == InputKind.STRATEGIES:
            batch.rows[:] = [row for row in batch.rows if not self._is_tested(row[1])]
        answer = self._tested.apply(kind, batch, frame.sequence, parse_scope(bytes(frame.scope)))
        if not isinstance(answer, Answer):
            raise answer
        if isinstance(answer.result, UpsertResult):
            self._check_entered(answer.result)

    def _check_entered(self, result: UpsertResult) -> None:
        """Raises InputError if the strategy keeps a listing out: ids would no longer agree."""
        recorded, tested = (engine.catalog.count for engine in self._engines)
        if recorded != tested:
            told = "; ".join(each.message for each in result.problems[:3])
            raise InputError(
                f"input {result.sequence}: a listing is refused under the strategy: {told}",
                reason="STRATEGY_REFUSES",
            )

    def _is_tested(self, definition: StrategyDefinition) -> bool:
        name = (definition.seller_id, definition.strategy_id)
        return name == (self._strategy.seller_id, self._strategy.strategy_id)

    def _priced(self, definition: ListingDefinition) -> ListingDefinition:
        """The definition with the tested strategy, if the listing is one of its own."""
        strategy = self._strategy
        owner = (definition.key.seller_id, definition.currency)
        if owner != (strategy.seller_id, strategy.currency):
            return definition
        return replace(definition, strategy_id=strategy.strategy_id)

    def _take_over(self) -> None:
        """Enters the strategy and gives it to the listings that a snapshot already holds."""
        catalog = self._tested.catalog
        catalog.check_strategy(self._strategy)
        index = catalog.put_strategy(self._strategy)
        seller = catalog.seller_at.get(self._strategy.seller_id)
        if seller is None:
            return
        mine = catalog.listings_of(seller)
        ids = mine[catalog.records["currency"][mine] == self._currency]
        for listing_id in ids.tolist():
            self._pair(listing_id, self._tested.now_ms)
        commands = present_commands(self._tested.shard, ids)
        commands["strategy"] = index
        self._tested.shard.command(commands, TickResult(self._first - 1))
        self._look(self._tested.now_ms)

    def _pair(self, listing_id: int, now_ms: int) -> PricePair:
        """What is compared of a listing, from the prices of now if it is new."""
        if listing_id not in self.pairs:
            recorded, tested = (
                int(each.catalog.rows["price_minor"][listing_id]) for each in self._engines
            )
            self.pairs[listing_id] = PricePair(recorded, tested, now_ms)
        return self.pairs[listing_id]

    def _keep_decisions(self) -> None:
        for engine in self._engines:
            engine.state.decisions.limit = DECISIONS_SEEN

    def _look(self, now_ms: int) -> None:
        """Takes over the prices of listings that either engine has just decided about."""
        for which, engine in enumerate(self._engines):
            decided = engine.decisions.after(self._seen[which], DECISIONS_SEEN)
            self._seen[which] = engine.decisions.last_id or self._seen[which]
            listing_ids, counts = np.unique(decided["listing_id"], return_counts=True)
            for listing_id, count in zip(listing_ids.tolist(), counts.tolist(), strict=True):
                pair = self._pair(listing_id, now_ms)
                pair.pass_time(now_ms)
                price = int(engine.catalog.rows["price_minor"][listing_id])
                if which == 0:
                    pair.recorded_minor = price
                    pair.recorded_decisions += count
                else:
                    pair.tested_minor = price
                    pair.tested_decisions += count
