"""Fee schedules and computed bounds, between their messages and the engine's definitions."""

from __future__ import annotations

from typing import Any

from engine.bounds.definitions import ComputedBounds, FeeScheduleDefinition
from engine.bounds.fees import FeePreview, FeeSchedule, FulfilmentBand, ReferralTier, TierKind
from engine.bounds.goals import Goal, GoalKind
from engine.bounds.proposed import ProposedBounds
from engine.bounds.rates import ExchangeRate
from repriced.v1 import catalog_pb2, fees_pb2

KINDS = {
    fees_pb2.TIER_KIND_UNSPECIFIED: TierKind.PORTION,
    fees_pb2.TIER_KIND_PORTION: TierKind.PORTION,
    fees_pb2.TIER_KIND_WHOLE: TierKind.WHOLE,
}
GOALS = {
    "amount_minor": GoalKind.AMOUNT,
    "margin_basis_points": GoalKind.MARGIN_NET,
    "gross_margin_basis_points": GoalKind.MARGIN_GROSS,
    "markup_basis_points": GoalKind.MARKUP,
}
GOAL_FIELDS = {kind: name for name, kind in GOALS.items()}


def end_of(message: Any) -> int | None:
    """Where a tier or band ends; None: it is open."""
    return message.up_to_minor if message.HasField("up_to_minor") else None


def fee_schedule_definition(message: fees_pb2.FeeSchedule) -> FeeScheduleDefinition:
    """Definition as the caller stated it."""
    bands = [FulfilmentBand(end_of(each), each.fee_minor) for each in message.fulfilment_bands]
    fees = FeeSchedule(
        tiers=tuple(
            ReferralTier(end_of(each), each.rate_basis_points) for each in message.referral_tiers
        ),
        kind=KINDS.get(message.tier_kind),
        minimum_minor=message.minimum_referral_minor,
        digital_services_bp=message.digital_services_basis_points,
        bands=tuple(bands or [FulfilmentBand(None, 0)]),
        fixed_minor=message.fixed_minor,
    )
    return FeeScheduleDefinition(message.seller_id, message.fee_schedule_id, message.currency, fees)


def fee_schedule_message(definition: FeeScheduleDefinition) -> fees_pb2.FeeSchedule:
    """The same as a message."""
    fees = definition.fees
    whole = fees.kind is TierKind.WHOLE
    return fees_pb2.FeeSchedule(
        seller_id=definition.seller_id,
        fee_schedule_id=definition.fee_schedule_id,
        currency=definition.currency,
        referral_tiers=[
            fees_pb2.ReferralTier(up_to_minor=each.up_to_minor, rate_basis_points=each.rate_bp)
            for each in fees.tiers
        ],
        tier_kind=fees_pb2.TIER_KIND_WHOLE if whole else fees_pb2.TIER_KIND_PORTION,
        minimum_referral_minor=fees.minimum_minor,
        digital_services_basis_points=fees.digital_services_bp,
        fulfilment_bands=[
            fees_pb2.FulfilmentBand(up_to_minor=each.up_to_minor, fee_minor=each.fee_minor)
            for each in fees.bands
        ],
        fixed_minor=fees.fixed_minor,
    )


def exchange_rate_definition(message: fees_pb2.ExchangeRate) -> ExchangeRate:
    """Rate as the caller stated it."""
    return ExchangeRate(
        message.seller_id, message.from_currency, message.to_currency, message.rate_billionths,
        message.day,
    )  # fmt: skip


def exchange_rate_message(rate: ExchangeRate) -> fees_pb2.ExchangeRate:
    """The same as a message."""
    return fees_pb2.ExchangeRate(
        seller_id=rate.seller_id, from_currency=rate.from_currency, to_currency=rate.to_currency,
        rate_billionths=rate.rate_billionths, day=rate.day,
    )  # fmt: skip


def preview_definition(message: fees_pb2.FeePreview) -> FeePreview:
    """Preview as the caller stated it."""
    with_referral = message.HasField("referral_fee_minor")
    with_fulfilment = message.HasField("fulfilment_fee_minor")
    return FeePreview(
        message.currency,
        message.price_minor,
        message.referral_fee_minor if with_referral else None,
        message.fulfilment_fee_minor if with_fulfilment else None,
    )


def goal_definition(message: fees_pb2.ProfitGoal) -> Goal | None:
    """Goal as the caller stated it; None: it says nothing."""
    which = message.WhichOneof("goal")
    return Goal(GOALS[which], getattr(message, which)) if which else None


def goal_message(goal: Goal | None) -> fees_pb2.ProfitGoal | None:
    """The same as a message."""
    if goal is None:
        return None
    fields: dict[str, Any] = {GOAL_FIELDS[goal.kind]: goal.value}
    return fees_pb2.ProfitGoal(**fields)


def computed_bounds_definition(listing: catalog_pb2.Listing) -> ComputedBounds | None:
    """How a listing's bounds are to be computed; None: they are not."""
    if not listing.HasField("computed_bounds"):
        return None
    message = listing.computed_bounds
    ceiling = message.WhichOneof("ceiling")
    return ComputedBounds(
        fee_schedule_id=message.fee_schedule_id,
        goal=goal_definition(message.goal),
        vat_bp=message.vat_basis_points,
        fee_vat_lost=message.fee_vat_lost,
        allowance_bp=message.allowance_basis_points,
        ceiling_goal=goal_definition(message.ceiling_goal) if ceiling == "ceiling_goal" else None,
        ceiling_over_floor_bp=message.ceiling_over_floor_basis_points,
        lowest_floor=message.lowest_floor,
        list_price_minor=message.list_price_minor,
    )


def computed_bounds_message(definition: ComputedBounds | None) -> fees_pb2.ComputedBounds | None:
    """The same as a message."""
    if definition is None:
        return None
    message = fees_pb2.ComputedBounds(
        fee_schedule_id=definition.fee_schedule_id,
        goal=goal_message(definition.goal),
        vat_basis_points=definition.vat_bp,
        fee_vat_lost=definition.fee_vat_lost,
        allowance_basis_points=definition.allowance_bp,
        ceiling_goal=goal_message(definition.ceiling_goal),
        lowest_floor=definition.lowest_floor,
    )
    if definition.ceiling_over_floor_bp:
        message.ceiling_over_floor_basis_points = definition.ceiling_over_floor_bp
    if definition.list_price_minor:
        message.list_price_minor = definition.list_price_minor
    return message


def proposed_bounds_message(bounds: ProposedBounds) -> fees_pb2.ProposedBounds:
    """Proposed bounds with their reasons."""
    codes: dict[str, Any] = {"source": int(bounds.source)}
    return fees_pb2.ProposedBounds(
        floor_minor=bounds.floor_minor,
        ceiling_minor=bounds.ceiling_minor,
        reasons=bounds.reasons,
        **codes,
    )
