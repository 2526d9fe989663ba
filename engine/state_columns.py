"""The state as columns, which snapshots store, and back; and the hash of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from engine._state_hash import hash_rows
from engine.catalog import Catalog
from engine.columns import SellerDefinition
from engine.decisions import DecisionLog
from engine.errors import ReplayError
from engine.replies import Replies
from engine.schema import RECORD, ROW
from engine.settings import EngineSettings
from engine.state import State
from engine.strategies import StrategyDefinition

LAYOUT = 1
"""Raised whenever columns are added or change their meaning."""

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
        "decisions": state.decisions.dump(),
        "replies": state.replies.dump(),
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
    return State(
        settings=definitions.settings,
        catalog=load_catalog(definitions, columns),
        decisions=decisions,
        replies=Replies.load(columns["replies"]),
        now_ms=definitions.now_ms,
        next_decision_id=definitions.next_decision_id,
    )


def load_catalog(definitions: Definitions, columns: Columns) -> Catalog:
    """The catalogue with its indexes made anew."""
    count = len(columns["rows"])
    catalog = Catalog(max(1024, 1 << (count - 1).bit_length()))
    catalog.count = count
    for name in ("rows", "records", "key_hashes", "definition_hashes"):
        getattr(catalog, name)[:count] = columns[name]
    catalog.skus = texts(columns, "skus")
    catalog.asins = texts(columns, "asins")
    catalog.fixed_points = dict(columns["fixed_points"].tolist())
    catalog.restore(definitions.sellers, definitions.strategies)
    for marketplace in definitions.marketplaces:
        catalog.marketplace(marketplace)
    for listing_id in np.flatnonzero(catalog.active[:count]).tolist():
        catalog.ids[catalog.key_of(listing_id)] = listing_id
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


def text_columns(name: str, listed: list[str]) -> dict[str, NDArray[Any]]:
    """Texts as one column of UTF-8 and one of where each ends."""
    encoded = [each.encode() for each in listed]
    ends = np.cumsum([len(each) for each in encoded], dtype=np.uint64)
    return {name: as_bytes(b"".join(encoded)), f"{name}_end": ends}


def texts(columns: Columns, name: str) -> list[str]:
    """The texts of `text_columns`."""
    raw = columns[name].tobytes()
    ends = columns[f"{name}_end"].tolist()
    return [raw[begin:end].decode() for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
