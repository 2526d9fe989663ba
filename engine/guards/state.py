"""All state of the guards in one object, which a snapshot stores and restores.

A function of the journal alone, like the rest of the state. Every table is bounded: by the
catalogue, or by the constant named in its module.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine import kernel
from engine.guards.breaker import Breaker
from engine.guards.events import EventKind, EventLog, Guard
from engine.guards.native import NativeBreaker, NativeSpirals
from engine.guards.plausibility import Plausibility
from engine.guards.proposals import Proposals
from engine.guards.restore import LiveLog
from engine.guards.settings import GuardSettings
from engine.guards.spiral import Spirals
from engine.guards.stop import KillSwitch
from engine.guards.watch import WatchTable
from engine.money import currency_code

if TYPE_CHECKING:
    from engine.catalog import Catalog

STALE_EVENT_S = 3_600
"""Old offers of a seller in a marketplace are told of once in this time."""


class Guards:
    """Belongs to the writer thread; only `events` may be read from others."""

    def __init__(self, settings: GuardSettings | None = None) -> None:
        self.settings = settings or GuardSettings()
        self.events = EventLog()
        self.trips = np.zeros(max(Guard) + 1, np.int64)
        """How often each `Guard` acted, for the metrics."""
        self.next_hold_id = 1
        self.switch = KillSwitch()
        self.watch = WatchTable()
        native = kernel.load().level != kernel.REFERENCE
        self.breaker = (NativeBreaker if native else Breaker)(self.watch)
        self.spirals = (NativeSpirals if native else Spirals)(self.watch)
        self.proposals = Proposals()
        self.plausibility = Plausibility()
        self.live_log = LiveLog()
        self.stale_told_s: dict[int, int] = {}
        self.market_told_s: dict[int, int] = {}
        """When a listing's new market was told of last."""

    def new_hold(self) -> int:
        """A number for something that a person may release or discard."""
        self.next_hold_id += 1
        return self.next_hold_id - 1

    def tell(
        self, catalog: Catalog, now_ms: int, guard: Guard, message: str, *,
        kind: EventKind = EventKind.TRIPPED, listing_id: int = 0, hold_id: int = 0,
    ) -> None:  # fmt: skip
        """An event about one listing, or about everything."""
        where: dict[str, Any] = {}
        if listing_id:
            key = catalog.key_of(listing_id)
            where = {"seller_id": key.seller_id, "marketplace_id": key.marketplace_id}
            message = f"SKU {key.sku}: {message}"
        self.events.add(
            now_ms, guard, kind, message, listing_id=listing_id, hold_id=hold_id, **where
        )

    def tell_group(
        self, catalog: Catalog, now_ms: int, guard: Guard, message: str, group: int, *,
        kind: EventKind = EventKind.TRIPPED, hold_id: int = 0,
    ) -> None:  # fmt: skip
        """An event about a seller in a marketplace."""
        seller, marketplace = self.watch.groups[group]
        self.events.add(
            now_ms, guard, kind, message, seller_id=catalog.sellers[seller].seller_id,
            marketplace_id=catalog.marketplaces[marketplace], hold_id=hold_id,
        )  # fmt: skip

    def cost_of(self, listing_id: int) -> int:
        """Cost of a listing in minor units; 0: unknown."""
        records = self.watch.records
        return int(records["cost_minor"][listing_id]) if listing_id < len(records) else 0

    def forget(self, catalog: Catalog, listing_id: int, stated: bool = True) -> None:
        """Takes a deleted listing out of every table, and remembers the bounds that were stated."""
        self.watch.cover(catalog.count)
        self.proposals.pop(listing_id)
        record = catalog.records[listing_id]
        key = (*catalog.key_of(listing_id), currency_code(int(record["currency"])))
        bounds = catalog.own_terms(listing_id)[:2] if stated else None
        self.plausibility.forget(listing_id, int(record["seller"]), key, bounds)
        self.spirals.forget(listing_id)
        self.market_told_s.pop(listing_id, None)

    def erase(self, seller: int, seller_id: str, listing_ids: NDArray[np.int64]) -> None:
        """Leaves nothing of a seller whose listings are all deleted; its groups stay, empty."""
        self.events.forget(seller_id)
        self.switch.restart(False, [seller], listing_ids.tolist())
        self.plausibility.erase(seller, seller_id)
        self.live_log.forget(listing_ids)
        known = listing_ids[listing_ids < len(self.watch.records)]
        self.spirals.erase(self.watch.records["mover"][known])
        self.watch.records[known] = 0
        for group, (owner, _) in enumerate(self.watch.groups):
            if owner == seller:
                self.breaker.reset(group, 0)
                self.breaker.reset_s.pop(group)
                self.stale_told_s.pop(group, None)

    # Snapshots

    def dump(self) -> dict[str, NDArray[Any] | bytes]:
        """Everything as named arrays and bytes."""
        proposals, inputs = self.proposals.dump()
        columns: dict[str, NDArray[Any] | bytes] = {
            "watch": self.watch.records.copy(),
            "movers": self.spirals.movers[: self.spirals.used].copy(),
            "live_changes": self.live_log.changes().copy(),
            "proposals": proposals,
            "proposal_inputs": inputs,
            "stopped_listings": self.switch.listings.copy(),
            "trips": self.trips.copy(),
        }
        for at, window in enumerate(self.breaker.windows):
            columns[f"window_{at}"] = window.counts.copy()
        columns["plain"] = json.dumps(self._plain(), sort_keys=True).encode()
        return columns

    def _plain(self) -> dict[str, Any]:
        return {
            "settings": asdict(self.settings),
            "events": self.events.dump(),
            "last_event_id": self.events.last_id,
            "next_hold_id": self.next_hold_id,
            "stop_everything": self.switch.everything,
            "stopped_sellers": sorted(self.switch.sellers),
            "groups": self.watch.groups,
            "tripped": list(self.breaker.tripped.items()),
            "reset_s": list(self.breaker.reset_s.items()),
            "next_victim": self.spirals.next_victim,
            "movers_room": len(self.spirals.movers),
            "live_reaches_ms": self.live_log.reaches_ms,
            "stale_told_s": list(self.stale_told_s.items()),
            "market_told_s": list(self.market_told_s.items()),
            "plausibility": self.plausibility.dump(),
        }

    def load(self, columns: dict[str, Any]) -> None:
        """Replaces everything by what `dump` gave."""
        plain = json.loads(columns["plain"])
        self.settings = GuardSettings(**plain["settings"])
        self.events.load(plain["events"], plain["last_event_id"])
        self.next_hold_id = plain["next_hold_id"]
        self.switch.everything = plain["stop_everything"]
        self.switch.sellers = set(plain["stopped_sellers"])
        self.switch.listings = columns["stopped_listings"].copy()
        self.watch.load(columns["watch"], plain["groups"])
        self.breaker.tripped = dict(map(tuple, plain["tripped"]))
        self.breaker.reset_s = dict(map(tuple, plain["reset_s"]))
        for at, window in enumerate(self.breaker.windows):
            window.counts = columns[f"window_{at}"].copy()
        movers = columns["movers"]
        self.spirals.movers = np.zeros(plain["movers_room"], movers.dtype)
        self.spirals.movers[: len(movers)] = movers
        self.spirals.used, self.spirals.next_victim = len(movers), plain["next_victim"]
        self.live_log.load(columns["live_changes"], plain["live_reaches_ms"])
        self.proposals.load(columns["proposals"], columns["proposal_inputs"])
        self.plausibility.load(plain["plausibility"])
        self.stale_told_s = dict(map(tuple, plain["stale_told_s"]))
        self.market_told_s = dict(map(tuple, plain["market_told_s"]))
        self.trips = columns["trips"].copy()
