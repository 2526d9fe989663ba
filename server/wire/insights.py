"""Advice, reviews and figures as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import InputError
from engine.insights.advice import ASKED, GroupKey, Proposed, Question, Recommended
from engine.insights.figures import Figures, part_bp
from engine.insights.history import Answered
from engine.insights.look import DAY_MS
from engine.insights.notices import Notice
from engine.insights.profile import Profile
from engine.insights.review import Change, Period, Review, coverage_bp
from repriced.v1 import event_pb2, insights_pb2
from server.wire.definitions import key_message
from server.wire.strategies import strategy_message

LONGEST_NOTE = 1_000
SHOWN = 100
ANSWERS = (insights_pb2.ANSWER_ACCEPTED, insights_pb2.ANSWER_DECLINED, insights_pb2.ANSWER_LATER)
MOST_MONTHS = 1_200
MOST_ORDERS = 100_000_000


def notice_message(notice: Notice) -> event_pb2.Event:
    """A review that is due as an event."""
    codes: Any = {"review_notice": int(notice.kind)}
    return event_pb2.Event(
        notice_id=notice.notice_id, at_ms=notice.at_ms, seller_id=notice.seller,
        message=notice.message, **codes,
    )  # fmt: skip


def profile_definition(message: Any) -> Profile:
    """What the seller has answered. Raises InputError."""
    found: dict[str, Any] = {}
    for name, most in (
        ("own_brand", True), ("months_selling", MOST_MONTHS), ("orders_per_month", MOST_ORDERS)
    ):  # fmt: skip
        if not message.HasField(name):
            continue
        value = getattr(message, name)
        if value > most:
            raise InputError(
                f"answers.{name} is {value}; allowed: 0 to {most}",
                reason="ANSWER_INVALID",
                field=f"answers.{name}",
            )
        found[name] = value
    return Profile(**found)


def profile_message(profile: Profile) -> insights_pb2.SellerAnswers:
    """What is known of a seller."""
    return insights_pb2.SellerAnswers(
        own_brand=profile.own_brand,
        months_selling=profile.months_selling,
        orders_per_month=profile.orders_per_month,
    )


def question_message(question: Question) -> insights_pb2.Question:
    """A question to the seller."""
    return insights_pb2.Question(field=question, text=ASKED[question])


def advice_message(
    key: GroupKey, found: Recommended, listings: list[Proposed], count: int
) -> insights_pb2.GroupAdvice:
    """The advice for a group; `listings` are the first of `count`."""
    codes: dict[str, Any] = {
        "audience": key.audience, "condition": key.condition, "market": int(key.market),
    }  # fmt: skip
    return insights_pb2.GroupAdvice(
        group=str(key),
        marketplace_id=key.marketplace_id,
        currency=key.currency,
        strategy=strategy_message(found.strategy),
        reasons=found.reasons,
        listing_count=count,
        listings=[
            insights_pb2.ListingAdvice(
                listing_id=each.facts.listing_id,
                key=key_message(each.facts.key),
                floor_minor=each.floor_minor,
                ceiling_minor=each.ceiling_minor,
                start_price_minor=each.start_minor,
                reasons=each.reasons,
            )
            for each in listings
        ],
        **codes,
    )


def figures_message(
    figures: Figures, listing_count: int, period: Period
) -> insights_pb2.PeriodFigures:
    """Totals of a period."""
    counts = figures.counts
    return insights_pb2.PeriodFigures(
        begin_ms=period.first_day * DAY_MS,
        end_ms=period.last_day * DAY_MS,
        coverage_basis_points=coverage_bp(figures, listing_count, period),
        buy_box_share_basis_points=figures.share_bp,
        price_minor=figures.price_minor,
        units=figures.units,
        revenue_minor=figures.revenue_minor,
        profit_minor=figures.profit_minor,
        units_without_profit=figures.units_without_profit,
        out_of_stock_basis_points=part_bp(counts.out, counts.looks) or 0,
        at_floor_basis_points=part_bp(counts.at_floor, counts.priced) or 0,
        at_ceiling_basis_points=part_bp(counts.at_ceiling, counts.priced) or 0,
    )


def review_message(found: Review) -> insights_pb2.GroupReview:
    """One review."""
    key = found.key
    before, after = (
        figures_message(figures, found.listing_count, period)
        for figures, period in zip((found.before, found.after), found.periods, strict=True)
    )
    audience: Any = key.audience
    return insights_pb2.GroupReview(
        review_id=key.review_id,
        marketplace_id=key.marketplace_id,
        currency=key.currency,
        audience=audience,
        strategy_id=key.strategy_id,
        listing_count=found.listing_count,
        since_ms=key.since_day * DAY_MS,
        before=before,
        after=after,
        proposals=[
            insights_pb2.Proposal(change=proposal_code(each.change), why=each.why)
            for each in found.proposals
        ],
    )


def proposal_code(change: Change) -> Any:
    """A proposal's number; the enums have the same ones, which a test holds."""
    return int(change)


def answered(
    message: insights_pb2.ReviewAnswer, index: int, at_ms: int, found: Mapping[str, Review]
) -> Answered:
    """An answer of the seller to one of the reviews, which are by their id. Raises InputError."""
    reviewed = found.get(message.review_id)
    if reviewed is None:
        allowed = "the review_id of a review of this seller and kind"
        raise invalid(index, "review_id", message.review_id[:SHOWN], allowed)
    if int(message.change) not in set(Change):
        raise invalid(index, "change", message.change, ", ".join(each.name for each in Change))
    if message.answer not in ANSWERS:
        raise invalid(index, "answer", message.answer, "ACCEPTED, DECLINED, LATER")
    if len(message.note) > LONGEST_NOTE:
        allowed = f"at most {LONGEST_NOTE} characters"
        raise invalid(index, "note", f"{len(message.note)} characters", allowed)
    change = Change(message.change)
    why = next((each.why for each in reviewed.proposals if each.change == change), "")
    return Answered(at_ms, message.review_id, change.name, why, message.answer, message.note)


def invalid(index: int, field: str, value: object, allowed: str) -> InputError:
    """Error about a field of an answer."""
    return InputError(
        f"answers[{index}].{field} is {value!r}; allowed: {allowed}",
        reason="ANSWER_INVALID",
        field=f"answers[{index}].{field}",
    )


def answer_message(given: Answered) -> insights_pb2.ReviewAnswer:
    """An answer as it is kept."""
    codes: dict[str, Any] = {"change": int(Change[given.proposal]), "answer": given.answer}
    return insights_pb2.ReviewAnswer(
        review_id=given.review, note=given.note, at_ms=given.at_ms, why=given.why, **codes
    )
