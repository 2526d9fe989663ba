"""What a change of strategy has brought: the same listings before and after, and what to do next.

Days are compared as wholes and the day of the change is left out, so that before and after are
equally long and touch no common day. Nothing here says why a figure moved: demand moves too. The
proposals say what to look at and what speaks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from engine.insights.facts import Facts
from engine.insights.figures import FULL_BP, Figures, figures_of, part_bp
from engine.insights.history import Day, Seen
from engine.insights.look import DAY_MS, LOOK_MS
from engine.money import format_minor
from engine.schema import Audience

TRIAL_DAYS = 14
QUARTER_DAYS = 91
LOOKS_A_DAY = DAY_MS // LOOK_MS
LEAST_COVERAGE_BP = 5_000
"""Of the looks that a period can have; with fewer its figures say too little."""
MUCH_OUT_BP = 2_000
MOVED_BP = 500
"""A smaller move of profit or revenue is taken for noise."""
OFTEN_BP = 5_000
LOW_SHARE_BP, HIGH_SHARE_BP = 5_000, 9_000


class Kind(IntEnum):
    """Which periods are compared."""

    TRIAL = 1
    """TRIAL_DAYS before and after the day on which the strategy of the listings changed."""
    QUARTER = 2
    """The last QUARTER_DAYS and the ones before."""


class Change(IntEnum):
    """What a review proposes."""

    KEEP = 1
    WAIT = 2
    GO_BACK = 3
    LOWER_FLOOR = 4
    RAISE_CEILING = 5
    RESTOCK = 6
    GIVE_COSTS = 7
    REPORT_SALES = 8


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to change, and why, in a whole sentence."""

    change: Change
    why: str


@dataclass(frozen=True, slots=True)
class Period:
    """Days first to last (excluded)."""

    first_day: int
    last_day: int

    @property
    def days(self) -> int:
        """How many there are."""
        return max(0, self.last_day - self.first_day)


@dataclass(frozen=True, slots=True)
class ReviewKey:
    """Which listings are reviewed together. `since_day` 0: of a quarter."""

    kind: Kind
    marketplace_id: str
    currency: str
    audience: int
    strategy_id: str
    since_day: int

    @property
    def review_id(self) -> str:
        """The same as text; it stays the same from day to day."""
        audience = Audience(self.audience).name
        since = "" if self.kind == Kind.QUARTER else f"/{self.since_day}"
        return (
            f"{self.kind.name}/{self.marketplace_id}/{self.currency}/{audience}"
            f"/{self.strategy_id}{since}"
        )


@dataclass(frozen=True, slots=True)
class Review:
    """Figures of the same listings before and after, and what they propose."""

    key: ReviewKey
    listing_count: int
    before: Figures
    after: Figures
    periods: tuple[Period, Period]
    proposals: list[Proposal]


def periods_of(kind: Kind, since_day: int, today: int) -> tuple[Period, Period]:
    """Before and after. Of a trial that goes on, as many days as have passed whole."""
    if kind == Kind.QUARTER:
        middle = today - QUARTER_DAYS
        return Period(middle - QUARTER_DAYS, middle), Period(middle, today)
    days = max(0, min(TRIAL_DAYS, today - since_day - 1))
    before = Period(since_day - days, since_day)
    return before, Period(since_day + 1, since_day + 1 + days)


def groups_of(
    kind: Kind, listed: Sequence[Facts], seen: Mapping[int, Seen]
) -> dict[ReviewKey, list[Facts]]:
    """Listings that are reviewed together; those that nobody has looked at yet are left out."""
    found: dict[ReviewKey, list[Facts]] = {}
    for each in listed:
        if each.listing_id not in seen:
            continue
        since = seen[each.listing_id].since_day if kind == Kind.TRIAL else 0
        key = ReviewKey(
            kind, each.key.marketplace_id, each.currency, each.key.audience, each.strategy_id,
            since,
        )  # fmt: skip
        found.setdefault(key, []).append(each)
    return dict(sorted(found.items(), key=lambda item: item[0].review_id))


def review(
    key: ReviewKey, listed: Sequence[Facts], days: tuple[Sequence[Day], Sequence[Day]],
    periods: tuple[Period, Period],
) -> Review:  # fmt: skip
    """Compares the days before and after of some listings."""
    economics = {each.listing_id: each.economics for each in listed}
    before, after = (figures_of(each, economics) for each in days)
    found = Review(key, len(listed), before, after, periods, [])
    found.proposals.extend(proposals(found))
    return found


def coverage_bp(figures: Figures, listing_count: int, period: Period) -> int:
    """How many of the looks that a period can have were made."""
    return part_bp(figures.counts.looks, listing_count * period.days * LOOKS_A_DAY) or 0


def proposals(found: Review) -> list[Proposal]:
    """What to do next, the most important first."""
    after = found.after
    made = [compare(found)]
    share, counts = after.share_bp, after.counts
    out = max(part_bp(each.counts.out, each.counts.looks) or 0 for each in (found.before, after))
    if out >= MUCH_OUT_BP:
        made.append(Proposal(
            Change.RESTOCK,
            f"The listings were out of stock {percent(out)} of a period; its sales say little about"
            " the price.",
        ))  # fmt: skip
    at_floor, at_ceiling = (
        part_bp(each, counts.priced) or 0 for each in (counts.at_floor, counts.at_ceiling)
    )
    if at_floor >= OFTEN_BP and share is not None and share < LOW_SHARE_BP:
        made.append(Proposal(
            Change.LOWER_FLOOR,
            f"Prices stood at the floor {percent(at_floor)} of the time and won the Buy Box only"
            f" {percent(share)}. If a lower price still earns enough, lower the floor; if not,"
            " these listings cannot win against the others now.",
        ))  # fmt: skip
    if at_ceiling >= OFTEN_BP and share is not None and share >= HIGH_SHARE_BP:
        made.append(Proposal(
            Change.RAISE_CEILING,
            f"Prices stood at the ceiling {percent(at_ceiling)} of the time and held the Buy Box"
            f" {percent(share)}: a higher ceiling may earn more.",
        ))  # fmt: skip
    if after.units is None:
        made.append(Proposal(
            Change.REPORT_SALES,
            "Nobody reports sales, so units, revenue and profit are not known: send them with"
            " ReportSales.",
        ))  # fmt: skip
    elif after.units_without_profit:
        made.append(Proposal(
            Change.GIVE_COSTS,
            f"Of {after.units} units {after.units_without_profit} are in no profit, because cost or"
            " fees are not known: give the listings a cost and computed bounds.",
        ))  # fmt: skip
    return made


def compare(found: Review) -> Proposal:
    """Whether the change has paid, by the best figure that both periods know."""
    before, after = found.before, found.after
    whole = TRIAL_DAYS if found.key.kind == Kind.TRIAL else QUARTER_DAYS
    if found.periods[1].days < whole:
        return Proposal(
            Change.WAIT,
            f"{found.periods[1].days} of {whole} days have passed since the change.",
        )
    for name, figures, period in zip(
        ("before", "after"), (before, after), found.periods, strict=True
    ):
        covered = coverage_bp(figures, found.listing_count, period)
        if covered < LEAST_COVERAGE_BP:
            return Proposal(
                Change.WAIT,
                f"Of the time {name} only {percent(covered)} was seen; that is too little to"
                " compare.",
            )
    whole_profits = not (before.units_without_profit or after.units_without_profit)
    if whole_profits and before.profit_minor is not None and after.profit_minor is not None:
        return judged("Profit", before.profit_minor, after.profit_minor, found.key.currency)
    if before.revenue_minor is not None and after.revenue_minor is not None:
        return judged("Revenue", before.revenue_minor, after.revenue_minor, found.key.currency)
    if before.share_bp is None or after.share_bp is None:
        return Proposal(Change.WAIT, "Nothing is known that could be compared.")
    told = f"The Buy Box share went from {percent(before.share_bp)} to {percent(after.share_bp)}"
    if after.share_bp + MOVED_BP < before.share_bp:
        return Proposal(Change.GO_BACK, f"{told}; nothing else is known.")
    return Proposal(Change.KEEP, f"{told}; nothing else is known.")


def judged(name: str, before: int, after: int, currency: str) -> Proposal:
    """Keep what earned as much or more; go back where it earned clearly less."""
    told = f"{name} went from {format_minor(before, currency)} to {format_minor(after, currency)}"
    if (before - after) * FULL_BP > abs(before) * MOVED_BP:
        return Proposal(
            Change.GO_BACK,
            f"{told}. Unless something else explains that, go back to the strategy of before.",
        )
    if (after - before) * FULL_BP > abs(before) * MOVED_BP:
        return Proposal(Change.KEEP, f"{told}.")
    return Proposal(Change.KEEP, f"{told}: about the same.")


def percent(basis_points: int) -> str:
    """Basis points for people."""
    return f"{basis_points // 100} %"
