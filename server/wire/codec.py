"""The codec that the composition root hands to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine.catalog import Catalog
from engine.columns import SnapshotBatch
from engine.results import Result, TickResult
from engine.schema import DECISION_VALID_MS, REPRICE_KINDS, InputKind, JournalMode
from engine.wire import encode_decisions
from repriced.v1 import pricing_pb2
from server.wire.answers import ANSWERS, add_quantity_prices
from server.wire.commands import (
    decode_delete,
    decode_erase,
    decode_fee_previews,
    decode_pause,
    decode_resume,
    decode_sales,
)
from server.wire.definitions import (
    decode_exchange_rates,
    decode_fee_schedules,
    decode_listings,
    decode_sellers,
    decode_strategies,
)
from server.wire.guards import decode_holds, decode_restore, decode_stop
from server.wire.limits import WireLimits
from server.wire.native import decode_evaluate, decode_feedback, decode_reprice, decode_stock
from server.wire.parts import decode_part

DECODERS: dict[InputKind, Callable[[bytes, WireLimits], Any]] = {
    InputKind.REPRICE: decode_reprice,
    InputKind.REPRICE_PART: decode_part,
    InputKind.FEEDBACK: decode_feedback,
    InputKind.STOCK: decode_stock,
    InputKind.SALES: decode_sales,
    InputKind.SELLERS: decode_sellers,
    InputKind.STRATEGIES: decode_strategies,
    InputKind.FEE_SCHEDULES: decode_fee_schedules,
    InputKind.FEE_PREVIEWS: decode_fee_previews,
    InputKind.EXCHANGE_RATES: decode_exchange_rates,
    InputKind.LISTINGS: decode_listings,
    InputKind.DELETE: decode_delete,
    InputKind.PAUSE: decode_pause,
    InputKind.RESUME: decode_resume,
    InputKind.ERASE: decode_erase,
    InputKind.STOP: partial(decode_stop, pricing_pb2.StopRepricingRequest),
    InputKind.RESTART: partial(decode_stop, pricing_pb2.RestartRepricingRequest),
    InputKind.RELEASE: partial(decode_holds, pricing_pb2.ReleaseHeldRequest),
    InputKind.DISCARD: partial(decode_holds, pricing_pb2.DiscardHeldRequest),
    InputKind.RESTORE: decode_restore,
}
"""Every kind that a request leads to; ADVANCE comes from the server's own timer."""


DECISIONS_FIRST = REPRICE_KINDS | {InputKind.FEEDBACK}
"""Answers whose first field are decisions: the native codec writes them, in front of the rest."""


def is_tiered(result: Result, catalog: Catalog) -> bool:
    """Whether a decision of a result has quantity prices."""
    if not catalog.tiers:
        return False
    made = [result.decisions] if hasattr(result, "decisions") else []
    made += [result.set_aside] if hasattr(result, "set_aside") else []
    return any(each in catalog.tiers for part in made for each in part["listing_id"].tolist())


class WireCodec:
    """Request bytes to batches and results to answer bytes; any thread."""

    def __init__(self, limits: WireLimits | None = None) -> None:
        self.limits = limits or WireLimits()

    def configure(self, limits: Mapping[str, int]) -> None:
        """Takes limits (the fields of WireLimits) into force; the others get their defaults."""
        self.limits = WireLimits(**limits)

    def decode(self, kind: InputKind, payload: bytes) -> Any:
        """Batch of `engine.columns` that belongs to the kind.

        Raises InputError for a request that is unusable as a whole; bad rows stand in the
        batch's problems.
        """
        return DECODERS[kind](payload, self.limits)

    def decode_evaluate(self, payload: bytes) -> SnapshotBatch:
        """Batch of an EvaluatePriceRequest. Raises InputError."""
        return decode_evaluate(payload, self.limits)

    def encode(self, kind: InputKind, result: Result, catalog: Catalog, mode: JournalMode) -> bytes:
        """Answer bytes of a result of the kind. Rows are answered by index and listing id."""
        decisions = b""
        tiered = is_tiered(result, catalog)
        if kind in DECISIONS_FIRST and isinstance(result, TickResult) and not tiered:
            decisions = encode_decisions(result.decisions, DECISION_VALID_MS)
            result = result.without_decisions()
        answer: Any = ANSWERS[kind](result, int(mode))
        if tiered:
            for name in ("decisions", "set_aside"):
                for decision in getattr(answer, name, ()):
                    add_quantity_prices(catalog, decision)
        encoded: bytes = answer.SerializeToString()
        return decisions + encoded
