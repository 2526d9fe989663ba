"""The state as columns, which snapshots store, and back; and the hash of it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from engine._state_hash import hash_rows
from engine._tables import Texts
from engine.catalog import Catalog
from engine.columns import SellerDefinition
from engine.decisions import DecisionLog
from engine.errors import ReplayError
from engine.guards import Guards
from engine.replies import Replies
from engine.sales import Sales
from engine.schema import RECORD, ROW
from engine.settings import EngineSettings
from engine.state import State
from engine.strategies import StrategyDefinition
from engine.terms import dump_terms, load_terms

LAYOUT = 3
"""Raised whenever columns are added or change their meaning."""

GUARDS = "guards_"
"""Begins the name of every column of the guards."""

Columns = Mapping[str, NDArray[Any]]


class Definitions(msgspec.Struct, frozen=True):
    """The part of a state that is no column of numbers."""

    layout: int
    now_ms: int
    next_decision_id: int
    settings: EngineSettings | None
    sellers: list[SellerDefinition]
    strategies: list[StrategyDefinition]
    marketplaces: list[str]
    calendars_ms: int
    calendars_waiting: list[int]
    sales_sources: list[tuple[int, str]]


def dump(state: State) -> dict[str, NDArray[Any]]:
    """Every column of a state. Views where possible: the state must not change meanwhile."""
    catalog = state.catalog
    used = slice(0, catalog.count)
    definitions = Definitions(
        LAYOUT,
        state.now_ms,
        state.next_decision_id,
        state.settings,
        catalog.sellers,
        catalog.strategies[1:],
        catalog.marketplaces,
        catalog.schedules.at_ms,
        sorted(catalog.schedules.waiting),
        state.sales.sources(),
    )
    points = catalog.fixed_points
    return {
        "definitions": as_bytes(msgspec.json.encode(definitions)),
        "rows": catalog.rows[used],
        "records": catalog.records[used],
        "key_hashes": catalog.key_hashes[used],
        "definition_hashes": catalog.definition_hashes[used],
        **text_columns("skus", catalog.skus),
        **text_columns("asins", catalog.asins),
        "fixed_points": np.array(list(points.items()), np.int64).reshape(-1, 2),
        "terms": dump_terms(catalog.terms),
        "sales": state.sales.dump(),
        "decisions": state.decisions.dump(),
        "replies": state.replies.dump(),
        **guard_columns(state.guards),
    }


def load(columns: Columns) -> State:
    """The state that `dump` gave. Raises ReplayError for columns of another version."""
    try:
        raw = columns["definitions"].tobytes()
        layout = msgspec.json.decode(raw, type=dict[str, Any])["layout"]
        rows, records = columns["rows"], columns["records"]
        if layout != LAYOUT or rows.dtype != ROW or records.dtype != RECORD:
            raise ReplayError(
                f"the snapshot has layout {layout}; this version reads layout {LAYOUT}: start the"
                " version that wrote it, or remove the snapshot and replay the whole journal",
                reason="SNAPSHOT_LAYOUT",
            )
        definitions = msgspec.json.decode(raw, type=Definitions)
    except (KeyError, msgspec.DecodeError) as error:
        raise ReplayError(
            f"the snapshot is incomplete: {error}", reason="SNAPSHOT_LAYOUT"
        ) from None
    decisions = DecisionLog()
    decisions.append(columns["decisions"])
    with no_collection():
        catalog = load_catalog(definitions, columns)
    return State(
        settings=definitions.settings,
        catalog=catalog,
        guards=load_guards(columns),
        sales=Sales.load(columns["sales"], definitions.sales_sources),
        decisions=decisions,
        replies=Replies.load(columns["replies"]),
        now_ms=definitions.now_ms,
        next_decision_id=definitions.next_decision_id,
    )


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


@contextmanager
def no_collection() -> Iterator[None]:
    """Keeps the garbage collector from walking millions of new keys, of which none is garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_catalog(definitions: Definitions, columns: Columns) -> Catalog:
    """The catalogue with its indexes made anew."""
    count = len(columns["rows"])
    skus, asins = texts(columns, "skus"), texts(columns, "asins")
    catalog = Catalog(max(1024, 1 << (count - 1).bit_length()))
    catalog.count = count
    for name in ("rows", "records", "key_hashes", "definition_hashes"):
        getattr(catalog, name)[:count] = columns[name]
    for listing_id in range(1, count):
        catalog.names.skus.append(skus[listing_id])
        catalog.names.asins.append(asins[listing_id])
    catalog.fixed_points = dict(columns["fixed_points"].tolist())
    catalog.terms = load_terms(columns["terms"])
    catalog.schedules.at_ms = definitions.calendars_ms
    catalog.restore(definitions.sellers, definitions.strategies)
    catalog.schedules.waiting = set(definitions.calendars_waiting)
    for marketplace in definitions.marketplaces:
        catalog.marketplace(marketplace)
    for listing_id in np.flatnonzero(catalog.active[:count]).tolist():
        catalog.names.enter_key(catalog.record_bytes, listing_id)
        catalog.join_asin(listing_id)
    return catalog


def state_hash(state: State) -> str:
    """16 hexadecimal digits over listings, sellers and strategies.

    It is a sum of hashes keyed by natural key, so it depends neither on ids nor on the order in
    which things were made, and hashes of shards add up to the hash of the whole.
    """
    catalog = state.catalog
    used = slice(0, catalog.count)
    strategies = [definition_hash(each) if each.seller_id else 0 for each in catalog.strategies]
    total = hash_rows(
        catalog.rows[used].view(np.uint8),
        catalog.records[used].view(np.uint8),
        catalog.key_hashes[used],
        catalog.definition_hashes[used],
        np.array(strategies, np.uint64),
    )
    sellers = [definition_hash(each) for each in catalog.sellers if each.seller_id]
    total += sum(strategies) + sum(sellers)
    return f"{total % 2**64:016x}"


def definition_hash(definition: SellerDefinition | StrategyDefinition) -> int:
    """Hash of a definition with everything in it."""
    return xxhash.xxh3_64_intdigest(msgspec.json.encode(definition))


def as_bytes(raw: bytes) -> NDArray[np.uint8]:
    """Bytes as a column."""
    return np.frombuffer(raw, np.uint8)


def text_columns(name: str, listed: Texts) -> dict[str, NDArray[Any]]:
    """Texts as one column of UTF-8 and one of where each ends."""
    encoded = [each.encode() for each in listed]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.uint64)
    return {name: as_bytes(b"".join(encoded)), f"{name}_end": ends}


def texts(columns: Columns, name: str) -> list[str]:
    """The texts of `text_columns`."""
    raw = columns[name].tobytes()
    ends = columns[f"{name}_end"].tolist()
    return [raw[begin:end].decode() for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
