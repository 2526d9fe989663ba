"""A whole engine with hand-made batches: no bytes, no protobuf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.catalog import Catalog
from engine.columns import (
    Address,
    DefinitionBatch,
    FeedbackBatch,
    ListingDefinition,
    ListingKey,
    OfferColumns,
    SnapshotBatch,
)
from engine.errors import RepricedError
from engine.journal import MemoryJournal
from engine.money import currency_index
from engine.pipeline import Batch, Engine, Input
from engine.replies import identity_of
from engine.results import Answer
from engine.schema import (
    FEEDBACK,
    SNAPSHOT,
    Audience,
    Condition,
    FeedbackKind,
    InputKind,
    JournalMode,
)
from engine.strategies import seller_hash
from market.listing import ELIGIBLE, START_MS


class NoCodec:
    """The engine's codec where no bytes are needed."""

    def configure(self, limits: Mapping[str, int]) -> None:
        pass

    def decode(self, kind: InputKind, payload: bytes) -> Batch:
        raise AssertionError("batches are made by hand")

    def encode(self, kind: InputKind, result: Any, catalog: Catalog, mode: JournalMode) -> bytes:
        return f"{kind.name} {result.sequence}".encode()


def new_engine(keep_bytes: int = 1 << 20) -> Engine:
    """An empty engine with a journal in memory."""
    return Engine(NoCodec(), MemoryJournal(keep_bytes))


def answer(engine: Engine, kind: InputKind, batch: Batch, now_ms: int = START_MS, body: bytes = b""
           ) -> Answer | RepricedError:  # fmt: skip
    """What the engine answers to one request; its body stands for the batch."""
    return engine.apply_group([given(kind, batch, body)], now_ms)[0]


def given(kind: InputKind, batch: Batch, body: bytes = b"") -> Input:
    """An input with a hand-made batch; its body stands for the batch."""
    return Input(kind, body, batch, identity_of("caller", kind, batch.request_id, body))


_requests = iter(range(1_000_000))


def apply(engine: Engine, kind: InputKind, batch: Batch, now_ms: int = START_MS) -> Any:
    """The result of a request with an id of its own."""
    batch.request_id = f"request {next(_requests)}"
    given = answer(engine, kind, batch, now_ms)
    assert isinstance(given, Answer)
    return given.result


def key(sku: str = "SKU-1", seller: str = "S1", audience: int = Audience.B2C) -> ListingKey:
    """A natural key in one marketplace."""
    return ListingKey(seller, "M1", sku, audience)


def listing(sku: str = "SKU-1", **given: Any) -> ListingDefinition:
    """A sound definition with some fields replaced."""
    values: dict[str, Any] = {
        "key": key(sku), "asin": "ASIN-1", "condition": Condition.NEW, "fulfilment": 0,
        "currency": "EUR", "floor_minor": 500, "ceiling_minor": 2000,
    }  # fmt: skip
    return ListingDefinition(**(values | given))


def definitions(rows: Sequence[Any]) -> DefinitionBatch[Any]:
    """Definitions to upsert."""
    return DefinitionBatch("", len(rows), list(enumerate(rows)))


def own_offer(item_minor: int, bits: int = ELIGIBLE, sku: str = "", seller: str = "S1"
              ) -> tuple[str, int, int, str]:  # fmt: skip
    """(seller, item price, bits, SKU) of an offer in `snapshots`."""
    return seller, item_minor, int(bits), sku


def rival(item_minor: int, bits: int = ELIGIBLE) -> tuple[str, int, int, str]:
    """A competitor's offer."""
    return own_offer(item_minor, bits, seller="RIVAL")


def snapshots(*rows: tuple[Address, list[tuple[str, int, int, str]]], event_ms: int = START_MS,
              currency: str = "EUR") -> SnapshotBatch:  # fmt: skip
    """Snapshots of (address, offers)."""
    offers = [each for _, listed in rows for each in listed]
    columns = OfferColumns.empty(len(offers))
    for at, (seller, item, bits, _) in enumerate(offers):
        columns.seller[at], columns.landed_minor[at] = seller_hash(seller), item
        columns.bits[at] = bits
    records = np.zeros(len(rows), SNAPSHOT)
    records["event_ms"], records["index"] = event_ms, np.arange(len(rows))
    records["offer_end"] = np.cumsum([len(listed) for _, listed in rows])
    records["offer_begin"][1:] = records["offer_end"][:-1]
    return SnapshotBatch(
        "", len(rows), records, [address for address, _ in rows],
        np.full(len(rows), currency_index(currency), np.uint8),
        np.array([item for _, item, _, _ in offers], np.int64), columns,
        {at: sku for at, (_, _, _, sku) in enumerate(offers) if sku},
    )  # fmt: skip


def feedback(address: Address, kind: FeedbackKind, *, decision: int = 0, price: int = 0,
             fulfilment: int = 0, event_ms: int = START_MS, currency: str = "EUR"
             ) -> FeedbackBatch:  # fmt: skip
    """One row of feedback."""
    row = np.zeros(1, FEEDBACK)
    row["event_ms"], row["kind"], row["price_minor"] = event_ms, kind, price
    return FeedbackBatch(
        "", 1, row, [address], np.array([currency_index(currency) if price else 0], np.uint8),
        np.array([decision], np.uint64), np.array([fulfilment], np.uint8),
    )  # fmt: skip
