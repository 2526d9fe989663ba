"""The state as columns, which snapshots store, and back; and the hash of it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from engine._state_hash import hash_rows, places_needed
from engine.bounds.book import BoundsBook, Listed
from engine.bounds.definitions import FeeScheduleDefinition
from engine.bounds.proposed import ProposedBounds
from engine.bounds.rates import ExchangeRate, ForeignCost, Rates
from engine.bounds.solver import Gaps
from engine.catalog import COLUMNS, Catalog, rooms
from engine.columns import SellerDefinition
from engine.coupling import Coupling
from engine.decisions import DecisionLog
from engine.errors import InputError, ReplayError
from engine.following import Following, KeptFollowing
from engine.guards import Guards
from engine.promotions import Promotion
from engine.replies import Replies
from engine.room import Room
from engine.sales import Sales
from engine.schema import GRID, RECORD, ROW, Audience
from engine.settings import EngineSettings
from engine.state import State
from engine.strategies import StrategyDefinition
from engine.terms import dump_terms, load_terms
from engine.tiers import Tier, TierPrices

LAYOUT = 11
"""Raised whenever columns are added or change their meaning."""

SHARED_AT_ONCE = 1 << 18
"""Listings that one of two threads looks at at a time."""

GUARDS = "guards_"
"""Begins the name of every column of the guards."""

Columns = Mapping[str, NDArray[Any]]


class Definitions(msgspec.Struct, frozen=True):
    """The part of a state that is no column of numbers."""

    layout: int
    now_ms: int
    next_decision_id: int
    decisions_from: int
    settings: EngineSettings | None
    sellers: list[SellerDefinition]
    strategies: list[StrategyDefinition]
    marketplaces: list[str]
    fee_schedules: list[FeeScheduleDefinition]
    computed_bounds: list[tuple[int, Listed]]
    bounds_due: list[int]
    calendars_ms: int
    sales_sources: list[tuple[int, str]]
    following: KeptFollowing
    tiers: list[tuple[int, tuple[Tier, ...]]]
    tiers_sent: list[tuple[int, TierPrices]]
    gaps: list[tuple[int, Gaps]]
    promotions: list[tuple[int, tuple[Promotion, ...]]]
    proposed_bounds: list[tuple[int, ProposedBounds]]
    exchange_rates: list[ExchangeRate]
    foreign_costs: list[tuple[int, ForeignCost]]


def dump(state: State) -> dict[str, NDArray[Any]]:
    """Every column of a state. Views where possible: the state must not change meanwhile."""
    catalog = state.catalog
    definitions = Definitions(
        LAYOUT,
        state.now_ms,
        state.next_decision_id,
        state.decisions.kept_from,
        state.settings,
        catalog.sellers,
        catalog.strategies[1:],
        catalog.marketplaces,
        list(state.bounds.schedules.values()),
        list(state.bounds.listings.items()),
        list(state.bounds.due),
        catalog.schedules.at_ms,
        state.sales.sources(),
        state.following.dump(),
        list(catalog.tiers.items()),
        list(state.coupling.sent.items()),
        list(state.bounds.gaps.items()),
        list(catalog.promotions.items()),
        list(state.bounds.proposed.items()),
        list(state.bounds.rates.pairs.values()),
        list(state.bounds.rates.costs.items()),
    )
    points = catalog.fixed_points
    return {
        "definitions": as_bytes(msgspec.json.encode(definitions)),
        **catalog.columns(),
        "fixed_points": np.array(list(points.items()), np.int64).reshape(-1, 2),
        "terms": dump_terms(catalog.terms),
        "sales": state.sales.dump(),
        "decisions": state.decisions.dump(),
        "replies": state.replies.dump(),
        **guard_columns(state.guards),
    }


def load(columns: Columns, memory: dict[str, Room] | None = None) -> State:
    """The state that `dump` gave. Raises ReplayError for columns of another version.

    The state takes the columns over: nobody may use them afterwards. Those that stand in `memory`
    already, which is `catalog.rooms()`, are not copied.
    """
    try:
        return _load(columns, memory)
    except (InputError, KeyError, ValueError, TypeError, IndexError, OverflowError) as error:
        raise ReplayError(
            f"the snapshot contradicts itself: {error!r}", reason="SNAPSHOT_LAYOUT"
        ) from error


def _load(columns: Columns, memory: dict[str, Room] | None) -> State:
    """The same; columns that nobody wrote lead to whatever their readers raise."""
    raw = columns["definitions"].tobytes()
    layout = msgspec.json.decode(raw, type=dict[str, Any])["layout"]
    types = {"rows": ROW, "grids": GRID, "records": RECORD}
    if layout != LAYOUT or any(columns[each].dtype != types[each] for each in types):
        raise ReplayError(
            f"the snapshot has layout {layout}; this version reads layout {LAYOUT}: start the"
            " version that wrote it, or remove the snapshot and replay the whole journal",
            reason="SNAPSHOT_LAYOUT",
        )
    definitions = msgspec.json.decode(raw, type=Definitions)
    catalog = load_catalog(definitions, columns, memory)
    decisions = DecisionLog()
    last_id = definitions.next_decision_id - 1
    decisions.load(columns["decisions"], definitions.decisions_from, last_id)
    return State(
        settings=definitions.settings,
        catalog=catalog,
        guards=load_guards(columns),
        bounds=load_bounds(definitions),
        sales=Sales.load(columns["sales"], definitions.sales_sources),
        following=Following.load(definitions.following),
        coupling=Coupling(dict(definitions.tiers_sent)),
        decisions=decisions,
        replies=Replies.load(columns["replies"]),
        now_ms=definitions.now_ms,
        next_decision_id=definitions.next_decision_id,
    )


def load_bounds(definitions: Definitions) -> BoundsBook:
    """Fee schedules and computed bounds."""
    schedules = {(each.seller_id, each.fee_schedule_id): each for each in definitions.fee_schedules}
    due = dict.fromkeys(definitions.bounds_due)
    gaps, proposed = dict(definitions.gaps), dict(definitions.proposed_bounds)
    rates = Rates(
        {each.pair: each for each in definitions.exchange_rates}, dict(definitions.foreign_costs)
    )
    return BoundsBook(schedules, dict(definitions.computed_bounds), due, gaps, proposed, rates)


def guard_columns(guards: Guards) -> dict[str, NDArray[Any]]:
    """What the guards remember."""
    return {
        GUARDS + name: as_bytes(each) if isinstance(each, bytes) else each
        for name, each in guards.dump().items()
    }


def load_guards(columns: Columns) -> Guards:
    """Guards that remember what is in `guard_columns`."""
    guards = Guards()
    held: dict[str, Any] = {
        name.removeprefix(GUARDS): each for name, each in columns.items() if name.startswith(GUARDS)
    }
    for name in ("plain", "proposal_inputs"):
        held[name] = held[name].tobytes()
    guards.load(held)
    return guards


def check_places(definitions: Definitions, columns: Columns) -> bool:
    """Raises ValueError for listings that lead to places which are not there: native code reads
    them without a look. Whether a listing is, or was, for B2B."""
    rows, records = columns["rows"].view(np.uint8), columns["records"].view(np.uint8)

    def part(first: int) -> tuple[int, int, int, int]:
        last = first + SHARED_AT_ONCE
        return places_needed(
            rows[first * ROW.itemsize : last * ROW.itemsize],
            records[first * RECORD.itemsize : last * RECORD.itemsize],
        )

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(part, range(0, len(columns["rows"]), SHARED_AT_ONCE)))
    *needed, audience = (max(each) for each in zip(*found, strict=True))
    for name, least, count in zip(
        ("seller", "marketplace", "strategy"),
        needed,
        (len(definitions.sellers), len(definitions.marketplaces), 1 + len(definitions.strategies)),
        strict=True,
    ):
        if least > count:
            raise ValueError(f"a listing has a {name} beyond the {count} that there are")
    return bool(audience == Audience.B2B)


def load_catalog(
    definitions: Definitions, columns: Columns, memory: dict[str, Room] | None
) -> Catalog:
    """The catalogue with its indexes. Raises KeyError, ValueError, and more for forged columns."""
    count = len(columns["rows"])
    if memory is None:
        memory = rooms()
        for name, room in memory.items():
            room.records(count)[:] = columns[name]
    for name in COLUMNS:
        if len(columns[name]) != count:
            raise ValueError(f"{name} has {len(columns[name])} entries; allowed: {count}")
    has_b2b = check_places(definitions, columns)
    catalog = Catalog(max(1024, 1 << (count - 1).bit_length()), memory)
    catalog.count = count
    catalog.names.load(dict(columns), count)
    catalog.fixed_points = dict(columns["fixed_points"].tolist())
    catalog.terms = load_terms(columns["terms"])
    catalog.tiers = dict(definitions.tiers)
    catalog.promotions = dict(definitions.promotions)
    catalog.has_b2b = has_b2b
    catalog.schedules.at_ms = definitions.calendars_ms
    catalog.find_next_promotion()
    for marketplace in definitions.marketplaces:
        catalog.marketplace(marketplace)
    catalog.restore(definitions.sellers, definitions.strategies)
    return catalog


def state_hash(state: State) -> str:
    """16 hexadecimal digits over listings, sellers and strategies.

    It is a sum of hashes keyed by natural key, so it depends neither on ids nor on the order in
    which things were made, and hashes of shards add up to the hash of the whole.
    """
    catalog = state.catalog
    strategies = [definition_hash(each) if each.seller_id else 0 for each in catalog.strategies]
    by_strategy = np.array(strategies, np.uint64)

    def part(first: int) -> int:
        used = slice(first, min(first + SHARED_AT_ONCE, catalog.count))
        return hash_rows(
            catalog.rows[used].view(np.uint8),
            catalog.grids[used].view(np.uint8),
            catalog.records[used].view(np.uint8),
            catalog.definition_hashes[used],
            by_strategy,
        )

    with ThreadPoolExecutor(2) as pool:
        total = sum(pool.map(part, range(0, catalog.count, SHARED_AT_ONCE)))
    sellers = [definition_hash(each) for each in catalog.sellers if each.seller_id]
    total += sum(strategies) + sum(sellers) + bounds_hash(state)
    return f"{total % 2**64:016x}"


def bounds_hash(state: State) -> int:
    """Sum over fee schedules, and over computed and proposed bounds by their listing's key."""
    keys, due = state.catalog.definition_hashes, state.bounds.due
    total = sum(definition_hash(each) for each in state.bounds.schedules.values())
    for listing_id, listed in state.bounds.listings.items():
        keyed = (int(keys[listing_id]), listing_id in due, listed)
        total += xxhash.xxh3_64_intdigest(msgspec.json.encode(keyed))
    total += sum(definition_hash(each) for each in state.bounds.rates.pairs.values())
    for table in (state.bounds.proposed, state.bounds.rates.costs):
        for listing_id, each in table.items():
            total += xxhash.xxh3_64_intdigest(msgspec.json.encode((int(keys[listing_id]), each)))
    return total


def definition_hash(
    definition: SellerDefinition | StrategyDefinition | FeeScheduleDefinition | ExchangeRate,
) -> int:
    """Hash of a definition with everything in it."""
    return xxhash.xxh3_64_intdigest(msgspec.json.encode(definition))


def as_bytes(raw: bytes) -> NDArray[np.uint8]:
    """Bytes as a column."""
    return np.frombuffer(raw, np.uint8)
