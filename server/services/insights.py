"""InsightsService: advice before a strategy is chosen, reviews of what it has brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import grpc

from engine.errors import InputError, NotFoundError
from engine.insights import advice
from engine.insights import review as reviews
from engine.insights.facts import Facts, facts_of
from engine.insights.figures import Figures
from engine.insights.history import KEPT_DAYS, Day
from engine.insights.look import DAY_MS
from engine.insights.profile import BRAND_DAYS, Profile, Standing, derived_profile, standing_of
from engine.insights.review import Kind, Period, Review
from engine.pipeline import Engine
from engine.schema import StrategyKind
from engine.scope import Scope, inside
from repriced.v1 import insights_pb2
from server.amazon.marketplaces import MARKETPLACES, UNKNOWN_MARKETPLACE
from server.services.calls import Core, Handlers, reading
from server.services.once import Once
from server.services.pages import page_size, page_start, page_token
from server.wire.definitions import key_message
from server.wire.insights import (
    advice_message,
    answer_message,
    answered,
    figures_message,
    profile_definition,
    profile_message,
    question_message,
    review_message,
)
from server.wire.limits import parse
from server.writer import wall_ms

NAME = "repriced.v1.InsightsService"
READ_ROWS = 50
"""Listings read in one turn on the writer."""
SHOWN_LISTINGS = 100
MOST_ANSWERS = 100
USUAL_DAYS = 30
BY_STRATEGY = insights_pb2.PROFITABILITY_GROUPING_STRATEGY
BY_MARKETPLACE = insights_pb2.PROFITABILITY_GROUPING_MARKETPLACE
BY_LISTING = insights_pb2.PROFITABILITY_GROUPING_LISTING
GROUPINGS = (BY_STRATEGY, BY_MARKETPLACE, BY_LISTING)
Row = tuple[str, str, str, int]
"""Marketplace, currency, strategy and listing of a row; those that it is not of are empty."""


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    service = Insights(core)
    return {
        "RecommendStrategy": reading(
            core, insights_pb2.RecommendStrategyRequest, service.recommend
        ),
        "ReviewTrial": grpc.unary_unary_rpc_method_handler(service.review_trial),
        "QueryProfitability": reading(
            core, insights_pb2.QueryProfitabilityRequest, service.profitability
        ),
    }


class Insights:
    """The calls. Errors are those of the engine."""

    def __init__(self, core: Core) -> None:
        self._core, self._history = core, core.history
        self._once = Once(core.history.reading)

    # Advice

    def recommend(self, request: Any) -> insights_pb2.RecommendStrategyResponse:
        """Groups of listings and what suits them."""
        answers = profile_definition(request.answers)
        facts, today = self._facts(request.seller_id), wall_ms() // DAY_MS
        seen = self._history.seen(request.seller_id)
        days = self._days(facts, Period(today - BRAND_DAYS, today + 1))
        standings = [
            standing_of(each, seen.get(each.listing_id), days[each.listing_id], today)
            for each in facts
        ]
        profile = derived_profile(standings, seen.values(), answers, today)
        groups = advice.groups_of(standings)
        return insights_pb2.RecommendStrategyResponse(
            groups=[
                group_advice(request.seller_id, at, key, listed, profile)
                for at, (key, listed) in enumerate(groups.items(), 1)
            ],
            questions=[question_message(each) for each in advice.questions(groups, profile)],
            profile=profile_message(profile),
            marketplace_count=profile.marketplaces,
            experienced=profile.experienced,
        )

    # Reviews

    def review_trial(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Bytes in, bytes out: the reviews, after the answers of the request were kept."""
        core = self._core
        request = parse(insights_pb2.ReviewTrialRequest, payload, core.codec.limits)
        with core.admitted(payload, 1, context):
            if not request.answers:
                found = self._reviews(request)
                return self._told(request.seller_id, found).SerializeToString()
            caller = core.caller.name
            with self._once.turn(caller, "ReviewTrial", request.request_id, payload) as turn:
                if turn.answer is not None:
                    return turn.answer
                found = self._reviews(request)
                given = answers_of(request, found)
                with self._history.keeping() as kept:
                    self._listed(request.seller_id)  # Who has left meanwhile keeps nothing.
                    for each in given:
                        kept.answer(request.seller_id, each)
                    answer = self._told(request.seller_id, found).SerializeToString()
                    turn.keep(kept, answer, request.seller_id)
                return answer

    def _reviews(self, request: Any) -> list[Review]:
        """Reviews of every group of a seller. Raises InputError, NotFoundError."""
        if request.kind not in (0, *Kind):
            raise InputError(
                f"kind is {request.kind}; allowed: TRIAL, QUARTER",
                reason="KIND_INVALID",
                field="kind",
            )
        kind = Kind(request.kind or Kind.TRIAL)
        facts, today = self._facts(request.seller_id), wall_ms() // DAY_MS
        groups = reviews.groups_of(kind, facts, self._history.seen(request.seller_id))
        found = []
        for key, listed in groups.items():
            periods = reviews.periods_of(kind, key.since_day, today)
            before, after = (
                [day for days in self._days(listed, each).values() for day in days]
                for each in periods
            )
            found.append(reviews.review(key, listed, (before, after), periods))
        return found

    def _told(self, seller_id: str, found: Sequence[Review]) -> insights_pb2.ReviewTrialResponse:
        return insights_pb2.ReviewTrialResponse(
            groups=[review_message(each) for each in found],
            timeline=[answer_message(each) for each in self._history.answers(seller_id)],
        )

    # Profitability

    def profitability(self, request: Any) -> insights_pb2.QueryProfitabilityResponse:
        """Figures by strategy, marketplace or listing."""
        grouping = request.grouping or BY_STRATEGY
        if grouping not in GROUPINGS:
            raise InputError(
                f"grouping is {grouping}; allowed: STRATEGY, MARKETPLACE, LISTING",
                reason="GROUPING_INVALID",
                field="grouping",
            )
        period = period_of(request.begin_ms, request.end_ms, wall_ms() // DAY_MS)
        query = f"profit of {request.seller_id} {period.first_day} {period.last_day} {grouping}"
        size, start = page_size(request.page_size), page_start(query, request.page_token, 0)
        rows: dict[Row, list[Facts]] = {}
        for each in self._facts(request.seller_id):
            rows.setdefault(row_of(each, grouping), []).append(each)
        page = sorted(rows)[start : start + size]
        more = len(rows) > start + size
        return insights_pb2.QueryProfitabilityResponse(
            rows=[self._row(each, rows[each], period) for each in page],
            next_page_token=page_token(query, start + size) if more else "",
        )

    def _row(
        self, row: Row, listed: Sequence[Facts], period: Period
    ) -> insights_pb2.ProfitabilityRow:
        marketplace_id, currency, strategy_id, listing_id = row
        figures = Figures()
        economics = {each.listing_id: each.economics for each in listed}
        for days in self._days(listed, period).values():
            for day in days:
                figures.add(day, economics[day.listing_id])
        return insights_pb2.ProfitabilityRow(
            marketplace_id=marketplace_id,
            currency=currency,
            strategy_id=strategy_id,
            listing_id=listing_id,
            key=key_message(listed[0].key) if listing_id else None,
            listing_count=len(listed),
            figures=figures_message(figures, len(listed), period),
        )

    # What is known

    def _facts(self, seller_id: str) -> list[Facts]:
        """A seller's listings. Raises NotFoundError."""
        listing_ids = self._listed(seller_id)
        found: list[Facts] = []
        for at in range(0, len(listing_ids), READ_ROWS):
            found += self._core.read(partial(known, ids=listing_ids[at : at + READ_ROWS]))
        return [each for each in found if each.key.seller_id == seller_id]

    def _listed(self, seller_id: str) -> list[int]:
        """Ids of a seller's listings. Raises NotFoundError."""
        scope = self._core.scope
        return self._core.read(partial(listings_of, seller_id=seller_id, scope=scope))

    def _days(self, listed: Sequence[Facts], period: Period) -> Mapping[int, list[Day]]:
        """Days of a period by listing."""
        found: dict[int, list[Day]] = {each.listing_id: [] for each in listed}
        for day in self._history.days(list(found), period.first_day, period.last_day):
            found[day.listing_id].append(day)
        return found


def listings_of(engine: Engine, seller_id: str, scope: Scope) -> list[int]:
    """Listings of a seller. Raises NotFoundError where it is unknown or another caller's."""
    catalog = engine.catalog
    seller = catalog.seller_at.get(seller_id)
    if seller is None or not inside(scope, seller_id):
        raise NotFoundError(
            f"seller_id: seller {seller_id[:100]!r} is not known",
            reason="UNKNOWN_SELLER",
            field="seller_id",
        )
    listed = catalog.listings_of(seller)
    found: list[int] = listed[catalog.active[listed]].tolist()
    return found


def known(engine: Engine, ids: Sequence[int]) -> list[Facts]:
    """What is known of listings; of those that are gone meanwhile nothing."""
    return [facts_of(engine.state, each) for each in ids if engine.catalog.find(each, None)]


def group_advice(
    seller_id: str, at: int, key: advice.GroupKey, listed: Sequence[Standing], profile: Profile
) -> insights_pb2.GroupAdvice:
    """The advice for the group of a number, its strategy ready to be sent."""
    found = advice.recommend(key, listed, profile)
    shown = [advice.propose(each.facts, found.strategy) for each in listed[:SHOWN_LISTINGS]]
    name = StrategyKind(found.strategy.kind).name.lower().replace("_", "-")
    found.strategy = replace(
        found.strategy, seller_id=seller_id, strategy_id=f"advised-{at}-{name}"
    )
    if found.strategy.kind == StrategyKind.DAILY_PUSH:
        place = MARKETPLACES.get(key.marketplace_id, UNKNOWN_MARKETPLACE)
        found.strategy = replace(found.strategy, time_zone=place.time_zone)
    starts = {each.start_minor for each in shown}
    if len(starts) == 1 and len(listed) == len(shown):
        found.strategy = replace(found.strategy, start_minor=starts.pop())
    return advice_message(key, found, shown, len(listed))


def answers_of(request: Any, found: Sequence[Review]) -> list[Any]:
    """The answers of a request. Raises InputError."""
    if len(request.answers) > MOST_ANSWERS:
        raise InputError(
            f"answers has {len(request.answers)} entries; allowed: at most {MOST_ANSWERS}",
            reason="TOO_MANY_ANSWERS",
            field="answers",
        )
    by_id, now = {each.key.review_id: each for each in found}, wall_ms()
    return [answered(each, at, now, by_id) for at, each in enumerate(request.answers)]


def row_of(facts: Facts, grouping: int) -> Row:
    """The row that a listing counts in."""
    strategy_id = "" if grouping == BY_MARKETPLACE else facts.strategy_id
    listing_id = facts.listing_id if grouping == BY_LISTING else 0
    return facts.key.marketplace_id, facts.currency, strategy_id, listing_id


def period_of(begin_ms: int, end_ms: int, today: int) -> Period:
    """Whole days of a request. Raises InputError."""
    if not begin_ms and not end_ms:
        return Period(today - USUAL_DAYS, today)
    whole = begin_ms % DAY_MS == 0 and end_ms % DAY_MS == 0
    if not whole or not begin_ms < end_ms <= begin_ms + KEPT_DAYS * DAY_MS:
        raise InputError(
            f"begin_ms and end_ms are {begin_ms} and {end_ms}; allowed: the beginnings of days"
            f" (UTC), multiples of {DAY_MS}, at most {KEPT_DAYS} days apart",
            reason="PERIOD_INVALID",
            field="begin_ms",
        )
    return Period(begin_ms // DAY_MS, end_ms // DAY_MS)
