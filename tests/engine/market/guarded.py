"""An engine with a clock, spoken to in the words of its callers, for tests of the guards."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import HoldBatch, RefBatch, RestoreBatch, SellerDefinition, StopBatch
from engine.guards import Event, Guard
from engine.guards.holds import Hold, HoldKind, all_holds
from engine.results import CountResult, TickResult, UpsertResult
from engine.schema import FeedbackKind, InputKind, MatchTarget, OfferBit, StrategyKind
from engine.strategies import Offset, StrategyDefinition
from market.listing import ELIGIBLE, START_MS
from market.shard import (
    apply,
    definitions,
    feedback,
    key,
    listing,
    new_engine,
    own_offer,
    snapshots,
)

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


def follow(**given: Any) -> StrategyDefinition:
    """MATCH the lowest competitor exactly, with no limit that binds."""
    values: dict[str, Any] = {
        "changes_per_hour": 120, "targets": (MatchTarget.LOWEST,), "offsets": (None, None, None),
    }  # fmt: skip
    return StrategyDefinition("S1", "follow", "EUR", StrategyKind.MATCH, **(values | given))


class World:
    """One engine; every call happens at `now_ms`, which tests move on."""

    def __init__(self, *strategies: StrategyDefinition) -> None:
        self.engine = new_engine()
        self.now_ms = START_MS
        if strategies:
            self._apply(InputKind.STRATEGIES, definitions(strategies))

    def _apply(self, kind: InputKind, batch: Any) -> Any:
        return apply(self.engine, kind, batch, self.now_ms)

    def listings(self, *skus: str, **given: Any) -> UpsertResult:
        """Upserts listings alike, 5 to 20 EUR, live at 10 EUR unless said otherwise."""
        values = {"price_minor": 1000, "strategy_id": "follow"} | given
        seller = values.pop("seller", "S1")
        if seller != "S1":
            values["strategy_id"] = ""
        rows = [listing(sku, **{"key": key(sku, seller), "asin": sku, **values}) for sku in skus]
        result = self._apply(InputKind.LISTINGS, definitions(rows))
        assert isinstance(result, UpsertResult)
        return result

    def seller(self, dry_run: bool, seller_id: str = "S1") -> None:
        """Turns the dry run of a seller on or off."""
        self._apply(InputKind.SELLERS, definitions([SellerDefinition(seller_id, dry_run=dry_run)]))

    def offers(
        self, rivals: dict[str, int], own: dict[str, int] | None = None, seller: str = "S1",
        by: str = "RIVAL", wins: bool = False,
    ) -> TickResult:  # fmt: skip
        """A competitor's price for each SKU, and ours where it is shown."""
        rows = []
        for sku, price in rivals.items():
            offers = [own_offer(price, seller=by)]
            if own and sku in own:
                bits = ELIGIBLE | (OfferBit.WINNER if wins else OfferBit.NOT_WINNER)
                offers.append(own_offer(own[sku], int(bits), seller=seller))
            rows.append((key(sku, seller), offers))
        result = self._apply(InputKind.REPRICE, snapshots(*rows, event_ms=self.now_ms))
        assert isinstance(result, TickResult)
        return result

    def live(self, sku: str, price: int, seller: str = "S1") -> TickResult:
        """The marketplace says that our price is live, a moment later."""
        self.now_ms += 1
        given = feedback(
            key(sku, seller), FeedbackKind.EFFECTIVE, price=price, event_ms=self.now_ms
        )
        result = self._apply(InputKind.FEEDBACK, given)
        assert isinstance(result, TickResult)
        return result

    def stop(self, *skus: str, everything: bool = False, sellers: tuple[str, ...] = (),
             kind: InputKind = InputKind.STOP) -> CountResult:  # fmt: skip
        """Stops listings, sellers or everything."""
        keys = [key(sku) for sku in skus]
        batch = StopBatch("", 1, everything, list(sellers), list(range(len(keys))), list(keys))
        result = self._apply(kind, batch)
        assert isinstance(result, CountResult)
        return result

    def restart(self, *skus: str, **given: Any) -> CountResult:
        """Lifts what `stop` did."""
        return self.stop(*skus, kind=InputKind.RESTART, **given)

    def release(self, *hold_ids: int, seller: str = "", marketplace: str = "",
                kind: InputKind = InputKind.RELEASE) -> CountResult:  # fmt: skip
        """Releases holds by id, or all of a seller."""
        result = self._apply(kind, HoldBatch("", 1, list(hold_ids), seller, marketplace))
        assert isinstance(result, CountResult)
        return result

    def discard(self, *hold_ids: int, **given: Any) -> CountResult:
        """Discards holds."""
        return self.release(*hold_ids, kind=InputKind.DISCARD, **given)

    def restore(self, at_ms: int, seller: str = "S1", marketplace: str = "") -> CountResult:
        """Goes back to the live prices of a time."""
        batch = RestoreBatch("", 1, seller, marketplace, at_ms)
        result = self._apply(InputKind.RESTORE, batch)
        assert isinstance(result, CountResult)
        return result

    def pause(self, *skus: str, kind: InputKind = InputKind.PAUSE) -> CountResult:
        """Pauses listings."""
        keys = [key(sku) for sku in skus]
        result = self._apply(kind, RefBatch("", len(keys), list(range(len(keys))), list(keys)))
        assert isinstance(result, CountResult)
        return result

    def advance(self, milliseconds: int) -> int:
        """Moves the clock and runs the timers; decisions that went out or were shown."""
        self.now_ms += milliseconds
        return self.engine.advance(self.now_ms, 1, self.engine.catalog.count)

    # What is seen

    def id(self, sku: str, seller: str = "S1") -> int:
        """Id of a listing."""
        return self.engine.catalog.id_of(key(sku, seller))

    def row(self, sku: str, seller: str = "S1") -> np.void:
        """Row of a listing."""
        row: np.void = self.engine.catalog.rows[self.id(sku, seller)]
        return row

    def price(self, sku: str, seller: str = "S1") -> int:
        """Current price of a listing."""
        return int(self.row(sku, seller)["price_minor"])

    def log(self, after: int = 0) -> NDArray[np.void]:
        """Decisions and withdrawals since an id."""
        return self.engine.decisions.after(after, 1_000_000)

    def events(self, guard: Guard) -> list[Event]:
        """Events of a guard."""
        return [each for each in self.engine.state.guards.events.after(0, 10_000)
                if each.guard == guard]  # fmt: skip

    def holds(self, kind: HoldKind) -> list[Hold]:
        """What is held."""
        state = self.engine.state
        return [each for each in all_holds(state.guards, state.catalog, state.now_ms, None)
                if each.kind == kind]  # fmt: skip


def distance(basis_points: int) -> tuple[Offset, Offset, Offset]:
    """The same distance from every competitor."""
    each = Offset(basis_points=basis_points)
    return each, each, each
