"""B2B prices beside the B2C prices of the same SKU: never above them, and with quantity prices.

A B2C price is the ceiling of the B2B listing beside it, and what a strategy that follows it starts
from. What an input changes of B2C prices, B2B listings follow in the same input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.guards.proposals import Origin
from engine.redefining import present_commands
from engine.reference import load
from engine.reference_rules import own_landed
from engine.results import CountResult, Result, TickResult
from engine.schema import COMMAND, NO_INDEX, Audience, CommandKind
from engine.strategies import Offset, StrategyDefinition
from engine.tiers import FULL_BP, TierPrices

if TYPE_CHECKING:
    from engine.guards.slices import Slice
    from engine.shard import Shard


class Coupling:
    """What is sent with the prices of B2B listings. Belongs to the writer thread."""

    def __init__(self, sent: dict[int, TierPrices] | None = None) -> None:
        self.sent = sent or {}
        """Quantity prices that went out last, where there were any."""
        self.due: set[int] = set()
        """B2B listings that an input may have changed something for; empty between inputs."""

    def note(self, catalog: Catalog, part: Slice, accepted: NDArray[np.bool_]) -> None:
        """Notes what a slice that was committed changes for B2B listings."""
        changed = accepted & (part.outcomes["changed"] != 0)
        ids = part.ids[changed]
        if catalog.tiers or self.sent:
            for listing_id in ids.tolist():
                self._send(catalog, listing_id)
        touched = part.ids[accepted] if part.source.origin == Origin.COMMAND else ids
        for each in (touched, catalog.coupled[touched]):
            b2b = catalog.records["audience"][each] == Audience.B2B
            self.due.update(each[b2b].tolist())

    def _send(self, catalog: Catalog, listing_id: int) -> None:
        prices = catalog.tier_prices(listing_id, int(catalog.rows["price_minor"][listing_id]))
        self.sent.pop(listing_id, None)
        if prices:
            self.sent[listing_id] = prices

    def changed(self, catalog: Catalog, listing_id: int) -> bool:
        """Whether quantity prices are others than those that went out last."""
        price = int(catalog.rows["price_minor"][listing_id])
        return catalog.tier_prices(listing_id, price) != self.sent.get(listing_id, ())

    def forget(self, listing_id: int) -> None:
        """Takes a deleted listing out."""
        self.sent.pop(listing_id, None)
        self.due.discard(listing_id)


def couple(shard: Shard, result: Result) -> None:
    """Lets B2B listings follow what an input changed, and adds what that leads to."""
    coupling = shard.state.coupling
    if not coupling.due:
        return
    catalog, tick = shard.state.catalog, TickResult(0)
    due = np.array(sorted(coupling.due), np.uint32)
    due = due[catalog.active[due]]
    capped = cap_commands(shard, due)
    rising = capped["ceiling_minor"] > catalog.rows["ceiling_minor"][capped["listing_id"]]
    derived = derived_commands(catalog, due)
    shard.command(np.concatenate([capped[rising], derived, capped[~rising]]), tick)
    again = [each for each in due.tolist() if coupling.changed(catalog, each)]
    shard.command(plain_commands(np.array(again, np.uint32), CommandKind.RESEND), tick)
    coupling.due.clear()
    if isinstance(result, TickResult):
        result.join(tick)
        return
    result.decisions = np.concatenate([result.decisions, tick.decisions])
    if not isinstance(result, CountResult):
        result.set_aside = np.concatenate([result.set_aside, tick.set_aside])


def plain_commands(ids: NDArray[np.uint32], kind: CommandKind) -> NDArray[np.void]:
    """Commands that no row of a request asked for."""
    commands = np.zeros(len(ids), COMMAND)
    commands["listing_id"], commands["index"], commands["kind"] = ids, NO_INDEX, kind
    return commands


def cap_commands(shard: Shard, ids: NDArray[np.uint32]) -> NDArray[np.void]:
    """Commands for the B2B listings whose ceiling is another one now."""
    commands = present_commands(shard, ids)
    commands["capped"] = 1
    other = commands["ceiling_minor"] != shard.state.catalog.rows["ceiling_minor"][ids]
    capped: NDArray[np.void] = commands[other]
    return capped


def derived_commands(catalog: Catalog, ids: NDArray[np.uint32]) -> NDArray[np.void]:
    """Commands for the B2B listings that keep a distance from another B2C price now."""
    found = []
    for listing_id in ids.tolist():
        strategy = catalog.strategies[int(catalog.rows["strategy"][listing_id])]
        if not strategy.follow_b2c:
            continue
        wanted = derived_landed(catalog, listing_id, strategy)
        if wanted != int(catalog.rows["reference_minor"][listing_id]):
            found.append((listing_id, wanted))
    commands = plain_commands(np.array([each for each, _ in found], np.uint32), CommandKind.FOLLOW)
    commands["sources_minor"] = [wanted for _, wanted in found]
    return commands


def derived_landed(catalog: Catalog, listing_id: int, strategy: StrategyDefinition) -> int:
    """Landed price that a strategy makes of the B2C price; 0: there is none."""
    price = catalog.b2c_price(listing_id)
    if price == 0:
        return 0
    offset = strategy.offsets[1] or Offset()
    item = max(1, price + offset.amount_minor + price * offset.basis_points // FULL_BP)
    return max(1, own_landed(load(catalog.rows, listing_id), item))
