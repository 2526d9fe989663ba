"""Compares Amazon's fee previews with what fee schedules say; prices stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.bounds.fees import FeePreview
from engine.checks import value_error
from engine.columns import FeePreviewBatch
from engine.errors import InputError, RowProblem
from engine.guards import EventKind, Guard
from engine.money import currency_code, format_minor
from engine.resolve import resolve_refs
from engine.results import CountResult
from engine.schema import MAX_PRICE_MINOR
from engine.scope import Scope

if TYPE_CHECKING:
    from engine.shard import Shard
    from engine.state import State

PART = 50
"""A preview may differ by one in so many: 2 %; a single minor unit is rounding."""
TOLD_ONE_BY_ONE = 8
"""Differences of a call that have an event each; the others are a number for each seller."""


def apply_fee_previews(
    shard: Shard, batch: FeePreviewBatch, sequence: int, scope: Scope
) -> CountResult:
    """Checks each preview; those that differ are warnings of the answer and events."""
    state = shard.state
    positions, listing_ids, problems = resolve_refs(batch, state.catalog, scope)
    result = CountResult(sequence, problems=batch.problems + problems)
    unsaid: dict[str, int] = {}
    for position, listing_id in zip(positions.tolist(), listing_ids.tolist(), strict=True):
        index = batch.indices[position]
        try:
            told = "; ".join(differences(state, listing_id, batch.previews[position]))
        except InputError as error:
            result.problems.append(RowProblem(index, error.field, error.reason, error.message))
            continue
        result.count += 1
        if not told:
            continue
        result.warnings.append(RowProblem(index, "", "FEES_DIFFER", told))
        if len(result.warnings) <= TOLD_ONE_BY_ONE:
            state.guards.tell(
                state.catalog, state.now_ms, Guard.COMPUTED_BOUNDS, told, listing_id=listing_id
            )
        else:
            seller_id = state.catalog.seller_of(listing_id)
            unsaid[seller_id] = unsaid.get(seller_id, 0) + 1
    for seller_id, count in unsaid.items():
        state.guards.events.add(
            state.now_ms, Guard.COMPUTED_BOUNDS, EventKind.TRIPPED,
            f"the fee previews of {count} more listings differ from their fee schedules",
            seller_id=seller_id,
        )  # fmt: skip
    return result


def differences(state: State, listing_id: int, preview: FeePreview) -> Iterator[str]:
    """Fees of a preview that are more than 2 % off, with both figures. Raises InputError."""
    listed = state.bounds.listings.get(listing_id)
    if listed is None:
        raise InputError(
            "listing has no computed_bounds, so there is no fee schedule to compare with",
            reason="NO_FEE_SCHEDULE",
            field="listing",
        )
    check_preview(preview, currency_code(int(state.catalog.records["currency"][listing_id])))
    fees = state.bounds.economics_of(listed).fees
    price = preview.price_minor
    for name, shown, computed in (
        ("referral", preview.referral_minor, fees.referral_minor(price + listed.shipping_minor)),
        ("fulfilment", preview.fulfilment_minor, fees.fulfilment_minor(price)),
    ):
        if shown is None or abs(shown - computed) <= max(1, computed // PART):
            continue
        at, by_schedule, by_amazon = (
            format_minor(each, listed.currency) for each in (price, computed, shown)
        )
        yield (
            f"the {name} fee at {at} is {by_schedule} by fee schedule"
            f" {listed.wanted.fee_schedule_id!r} and {by_amazon} by Amazon's preview"
        )


def check_preview(preview: FeePreview, currency: str) -> None:
    """Raises InputError with the field's name."""
    if preview.currency != currency:
        raise value_error(
            "currency", preview.currency[:20], f"{currency}, the listing's", "CURRENCY"
        )
    if not 0 < preview.price_minor <= MAX_PRICE_MINOR:
        raise value_error("price_minor", preview.price_minor, f"1 to {MAX_PRICE_MINOR}", "PRICE")
    if preview.referral_minor is None and preview.fulfilment_minor is None:
        raise InputError(
            "referral_fee_minor is missing; allowed: it, fulfilment_fee_minor, or both",
            reason="FEE_MISSING",
            field="referral_fee_minor",
        )
    for name in ("referral", "fulfilment"):
        fee = getattr(preview, f"{name}_minor")
        if fee is not None and not 0 <= fee <= MAX_PRICE_MINOR:
            raise value_error(f"{name}_fee_minor", fee, f"0 to {MAX_PRICE_MINOR}", "FEE")
