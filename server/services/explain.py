"""An explanation as ExplainPriceResponse."""

from __future__ import annotations

from typing import Any

from engine.catalog import Catalog
from engine.explain import Explanation
from engine.money import currency_code
from engine.schema import DECISION_VALID_MS, DecisionStatus
from engine.state import State
from repriced.v1 import pricing_pb2, types_pb2
from server.wire import (
    bracket_message,
    key_message,
    listing_state_message,
    strategy_message,
)


def explain_message(
    state: State, found: Explanation, snapshot: pricing_pb2.OfferSnapshot | None
) -> Any:
    """The whole answer. Runs where the state may be read."""
    row, catalog = found.row, state.catalog
    message = pricing_pb2.ExplainPriceResponse(
        listing=listing_state_message(state, found.listing_id),
        sentences=found.sentences,
        reference_price_minor=max(0, row.reference_minor),
        offers=explained_offers(found, snapshot),
        offers_pruned=snapshot is None and found.record.sequence > 0,
        take=bracket_message(row.take_low_ppm, row.take_high_ppm, found.take_prices),
        keep=bracket_message(row.keep_low_ppm, row.keep_high_ppm, found.keep_prices),
        offers_event_ms=row.observed_ms,
        live_since_ms=row.effective_s * 1000,
        next_timer_ms=row.deadline_s * 1000,
        cooldown_until_ms=row.cooldown_until_s * 1000,
        strategy=strategy_message(found.strategy),
        draw_count=found.draw_count,
        win_count=found.win_count,
    )
    if found.record.decision_id:
        message.last_decision.CopyFrom(last_decision(catalog, found))
    if found.record.evidence_kind:
        message.last_evidence.CopyFrom(last_evidence(found))
    return message


def explained_offers(found: Explanation, snapshot: pricing_pb2.OfferSnapshot | None) -> list[Any]:
    """Offers of the last snapshot with their roles."""
    if snapshot is None:
        return []
    offers = snapshot.offers
    explained = []
    for each in found.offers:
        role: Any = int(each.role)
        explained.append(
            pricing_pb2.ExplainedOffer(
                offer=offers[each.position],
                landed_price_minor=each.landed_minor,
                role=role,
                filter=each.filter,
            )
        )
    return explained


def last_decision(catalog: Catalog, found: Explanation) -> types_pb2.Decision:
    """The decision behind the current price."""
    record = found.record
    codes: dict[str, Any] = {
        "reason": record.decision_reason,
        "state": found.row.state,
        "status": DecisionStatus.EMITTED,
    }
    return types_pb2.Decision(
        decision_id=record.decision_id,
        listing_id=found.listing_id,
        key=key_message(catalog.key_of(found.listing_id)),
        price_minor=found.row.price_minor,
        previous_price_minor=record.previous_minor,
        currency=currency_code(record.currency),
        decided_ms=record.decided_ms,
        valid_until_ms=record.decided_ms + DECISION_VALID_MS,
        bounds_version=record.bounds_version,
        **codes,
    )


def last_evidence(found: Explanation) -> pricing_pb2.Evidence:
    """The verdict that was taken last."""
    kind: Any = found.record.evidence_kind
    return pricing_pb2.Evidence(
        kind=kind, price_minor=found.record.evidence_minor, event_ms=found.record.evidence_ms
    )
