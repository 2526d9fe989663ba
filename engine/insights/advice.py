"""Which strategy suits which listings, and why, in plain words: rules of thumb, in one table.

`recommend` is the table; it looks at nothing but its arguments. A question is asked only where its
answer would change what is recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import product
from typing import Any

from engine.bounds.goals import Goal, GoalKind
from engine.bounds.solver import safe_floor
from engine.errors import InputError
from engine.insights.facts import Facts
from engine.insights.profile import MONTH_DAYS, Market, Profile, Standing
from engine.schema import Audience, Condition, MatchTarget, StrategyKind, WhenWinning
from engine.strategies import Filter, Offset, PushStep, StrategyDefinition

DAY_MS = 86_400_000
WEEK_DAYS = 7
BRISK_UNITS_A_MONTH = 300
"""Units of a listing from which on the sales of a single day say something: ten a day."""
MARGIN_BP = 1_000
"""Margin of the net price that a proposed floor earns."""
ROOM_BP = 13_000
"""A price that is to climb needs a ceiling of so much of it."""
FULL_BP = 10_000
LONGEST_HANDLING_HOURS = 120
PUSH_STEP_BP = 200
PUSH_TIMES = 5
NEWCOMER_LIMIT_BP, LIMIT_BP = 500, 1_000
AMAZON_OFFSET_BP = -100
LOOKS_OF_A_WEEK = 7 * 96


class Question(StrEnum):
    """What the seller is asked; the names are those of `Profile`."""

    OWN_BRAND = "own_brand"
    MONTHS_SELLING = "months_selling"
    ORDERS_PER_MONTH = "orders_per_month"


ASKED = {
    Question.OWN_BRAND: "Are the products that nobody else offers your own brand?",
    Question.MONTHS_SELLING: "For how many months have you been selling on Amazon?",
    Question.ORDERS_PER_MONTH: "About how many orders do you have in a month?",
}
TRIED: dict[Question, tuple[int, int]] = {
    Question.OWN_BRAND: (False, True),
    Question.MONTHS_SELLING: (0, 120),
    Question.ORDERS_PER_MONTH: (0, 1_000_000),
}
"""Answers at both ends: between them lies every answer that could change the advice."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Listings that are advised alike."""

    marketplace_id: str
    currency: str
    audience: int
    condition: int
    market: Market
    proven_alone: bool

    def __str__(self) -> str:
        audience, condition = Audience(self.audience).name, Condition(self.condition).name
        parts = (self.marketplace_id, self.currency, audience, condition, self.market.name)
        return "/".join((*parts, "PROVEN")) if self.proven_alone else "/".join(parts)


@dataclass(slots=True)
class Recommended:
    """A strategy for a group, and the reasons. Of PUSH and DAILY_PUSH the start price is missing
    where listings have different prices: each needs a strategy of its own."""

    strategy: StrategyDefinition
    reasons: list[str]


@dataclass(slots=True)
class Proposed:
    """Bounds and start price proposed for a listing; 0: none."""

    facts: Facts
    floor_minor: int = 0
    ceiling_minor: int = 0
    start_minor: int = 0
    reasons: list[str] = field(default_factory=list)


def groups_of(standings: Sequence[Standing]) -> dict[GroupKey, list[Standing]]:
    """Listings that are advised alike, in the order of their keys."""
    found: dict[GroupKey, list[Standing]] = {}
    for each in standings:
        facts = each.facts
        key = GroupKey(
            facts.key.marketplace_id, facts.currency, facts.key.audience, facts.condition,
            each.market, each.proven_alone,
        )  # fmt: skip
        found.setdefault(key, []).append(each)
    return dict(sorted(found.items(), key=lambda item: str(item[0])))


def questions(groups: dict[GroupKey, list[Standing]], profile: Profile) -> list[Question]:
    """What is not known and would change the kind of a recommended strategy."""
    open_ones = [each for each in Question if getattr(profile, each) is None]
    kinds = {}
    for answers in product(*(TRIED[each] for each in open_ones)):
        given: dict[str, Any] = dict(zip(open_ones, answers, strict=True))
        said = replace(profile, **given)
        kinds[answers] = [
            recommend(key, listed, said).strategy.kind for key, listed in groups.items()
        ]
    return [
        question
        for at, question in enumerate(open_ones)
        if any(
            kinds[answers] != kinds[(*answers[:at], other, *answers[at + 1 :])]
            for answers in kinds
            for other in TRIED[question]
        )
    ]


def recommend(key: GroupKey, listed: Sequence[Standing], profile: Profile) -> Recommended:
    """The strategy for a group. Rules of thumb, from the first that fits."""
    base = StrategyDefinition("", "", key.currency, StrategyKind.BUY_BOX)
    brand = profile.own_brand if profile.own_brand is not None else key.proven_alone
    if key.market == Market.ALONE and brand:
        found = push(base, listed, profile)
    elif key.condition not in (Condition.NONE, Condition.NEW):
        found = position(base)
    elif key.market == Market.COMPETITION and never_featured(listed) and not profile.experienced:
        found = match(base)
    else:
        found = buy_box(base, key.market, profile)
    limit = LIMIT_BP if profile.experienced else NEWCOMER_LIMIT_BP
    found.strategy = replace(found.strategy, step_limit_bp=limit)
    found.reasons.append(
        f"No single change is larger than {limit // 100} %, so that one odd offer moves a price"
        " only a little."
    )
    return found


def never_featured(listed: Sequence[Standing]) -> bool:
    """Whether a week or more of looks never saw us featured."""
    known = sum(each.counts.known for each in listed)
    return known >= LOOKS_OF_A_WEEK * len(listed) and not any(each.counts.ours for each in listed)


def push(base: StrategyDefinition, listed: Sequence[Standing], profile: Profile) -> Recommended:
    """For products of one's own brand: sales decide, not competitors."""
    reasons = [
        "Nobody else offers these products and they are your own brand, so no competitor tells you"
        " the right price: your sales do."
    ]
    units = sum(each.units or 0 for each in listed)
    if profile.experienced and units >= BRISK_UNITS_A_MONTH * len(listed):
        a_day = units // MONTH_DAYS // len(listed)
        first, second = max(1, a_day // 2), max(2, a_day)
        steps = tuple(PushStep(each, Offset(basis_points=PUSH_STEP_BP)) for each in (first, second))
        reasons.append(
            f"DAILY_PUSH: they sell about {a_day} a day each, enough for the sales of one day to"
            f" tell: {PUSH_STEP_BP // 100} % more after {first} and after {second} units of a day,"
            " and back to the start price each midnight of schedule.time_zone."
        )
        return Recommended(replace(base, kind=StrategyKind.DAILY_PUSH, push_steps=steps), reasons)
    step = max(1, units * WEEK_DAYS // MONTH_DAYS // len(listed))
    reasons.append(
        f"PUSH: after every {step} {'unit' if step == 1 else 'units'} the price climbs by"
        f" {PUSH_STEP_BP // 100} %, {PUSH_TIMES} times; then, after a week in which nothing sold,"
        " it comes down by as much. So you find out what buyers pay without risking sales at once."
    )
    if not profile.experienced:
        reasons.append(
            "You have few sales to judge by yet; PUSH moves slowly and never without sales."
        )
    return Recommended(
        replace(
            base, kind=StrategyKind.PUSH, keep_buy_box=True, period_ms=WEEK_DAYS * DAY_MS,
            push_steps=(PushStep(step, Offset(basis_points=PUSH_STEP_BP), PUSH_TIMES),),
            push_rules=(PushStep(1, Offset(basis_points=-PUSH_STEP_BP), fewer=True),),
        ),
        reasons,
    )  # fmt: skip


def position(base: StrategyDefinition) -> Recommended:
    """For what is not new: buyers compare the offers of a condition."""
    return Recommended(
        replace(base, kind=StrategyKind.POSITION, position=1),
        [
            "POSITION 1: buyers of what is not new look through the list of offers, cheapest first,"
            " rather than at the featured one; only offers of the same condition count."
        ],
    )


def match(base: StrategyDefinition) -> Recommended:
    """For sellers who are not featured whatever they ask."""
    return Recommended(
        replace(
            base, kind=StrategyKind.MATCH, targets=(MatchTarget.LOWEST,),
            when_winning=WhenWinning.RAISE_TO_NEXT,
        ),
        [
            "MATCH the lowest offer: in a week and more you were never featured, which young"
            " accounts often are not at any price. To ask less than the cheapest would only cost"
            " you margin.",
            "When you are featured for the first time, ask for advice again: then it is BUY_BOX.",
        ],
    )  # fmt: skip


def buy_box(base: StrategyDefinition, market: Market, profile: Profile) -> Recommended:
    """For everything that has competitors, or may have them tomorrow."""
    chosen = Filter(max_handling_hours=LONGEST_HANDLING_HOURS)
    strategy = replace(base, filter=chosen)
    reasons = ["BUY_BOX: most sales go to the featured offer; this strategy wins it, then climbs to"
               " the highest price that keeps it."]  # fmt: skip
    if profile.experienced:
        reasons.append("You have the experience and the record that the Buy Box goes to.")
    if market == Market.ALONE:
        reasons.append(
            "Nobody else offers these products now, so prices climb to the ceiling step by step;"
            " when a competitor comes, they follow at once."
        )
    if market == Market.AMAZON:
        strategy = replace(strategy, offsets=(None, None, Offset(basis_points=AMAZON_OFFSET_BP)))
        reasons.append(
            "Amazon itself sells here and is featured at equal prices; the first try is"
            f" {-AMAZON_OFFSET_BP // 100} % below Amazon, and what wins is learned from there."
        )
    if market == Market.SUPPRESSED:
        reasons.append(
            "Mostly nobody is featured, because prices exceed what Amazon calls competitive; the"
            " strategy comes down to that price if your floor allows it. Check whether it does."
        )
    if market == Market.UNKNOWN:
        reasons.append(
            "Nothing has been seen of these markets yet. Let the seller run dry, and ask again in a"
            " week."
        )
    reasons.append(
        f"Offers that ship later than in {LONGEST_HANDLING_HOURS // 24} days do not count: they"
        " hardly ever win, and following them would cost margin."
    )
    return Recommended(strategy, reasons)


def propose(facts: Facts, strategy: StrategyDefinition) -> Proposed:
    """Bounds for a listing under a recommended strategy, with the reasons."""
    found = Proposed(facts)
    climbs = strategy.kind in (StrategyKind.PUSH, StrategyKind.DAILY_PUSH)
    wanted = facts.price_minor * ROOM_BP // FULL_BP if climbs else 0
    if facts.ceiling_minor < wanted:
        found.ceiling_minor = wanted
        found.reasons.append(f"A ceiling of {ROOM_BP // 100} % of the price leaves room to climb.")
    top = max(facts.ceiling_minor, wanted)
    if facts.economics is None:
        missing = "the fees, as computed bounds" if facts.cost_minor else "cost and fees"
        found.reasons.append(
            f"Whether the floor earns anything is not known: give {missing}. Until then keep the"
            " floor that you stated."
        )
    else:
        try:
            floor = safe_floor(facts.economics, Goal(GoalKind.MARGIN_NET, MARGIN_BP), top)
        except InputError:  # Fees so flat that the margin says nothing; the stated floor stays.
            floor = None
        if floor is not None and floor.floor_minor is None:
            found.reasons.append(f"No price up to the ceiling earns {MARGIN_BP // 100} % of it.")
        elif floor is not None and floor.floor_minor is not None:
            found.floor_minor = floor.floor_minor
            found.reasons.append(
                f"From this floor on every price earns at least {MARGIN_BP // 100} % of its net."
            )
    if climbs and facts.price_minor > 0:
        low = max(facts.floor_minor, found.floor_minor)
        found.start_minor = max(low, min(facts.price_minor, top))
    return found
