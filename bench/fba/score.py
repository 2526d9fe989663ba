"""Compares what the audit said with the truth, in units and money, rule by rule.

Both sides are summed by account, rule, product and event date: each story has its own product, so
such a group is one claim, or several that are alike. Money is summed in minor units without regard
to currency: it weighs rules, it is no sum of money.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bench.fba.truth import NEEDS, TrueClaim

OPEN = {"found", "needs_documents", "needs_confirmation", "ready"}


@dataclass(frozen=True, slots=True)
class Said:
    """One claim of the audit; `fnsku` is "" if none of its ids belongs to a product."""

    rule: str
    seller_id: str
    country: str
    fnsku: str
    event: date
    units: int
    amount_minor: int | None
    grade: str
    state: str
    text: str
    story: str = ""


Key = tuple[str, str, str, date, str]

COUNTRY_RULES = {
    "warehouse_lost",
    "warehouse_damaged",
    "disposed_without_request",
    "return_missing",
    "return_damaged_by_amazon",
    "replacement_not_returned",
    "refund_exceeds_price",
    "refund_fee_not_returned",
    "referral_fee_overcharge",
}
"""Rules whose reports name the country, so that a claim in another one is wrong."""


def key_of(claim: TrueClaim | Said) -> Key:
    """Group of a claim of either side; a wrong measure is one claim, whenever it was noticed."""
    if claim.rule == "fee_dimensions":
        return claim.seller_id, claim.rule, claim.fnsku, date.min, ""
    country = claim.country if claim.rule in COUNTRY_RULES else ""
    return claim.seller_id, claim.rule, claim.fnsku, claim.event, country


@dataclass(slots=True)
class Tally:
    """True, false and missed: units or minor units."""

    true: int = 0
    false: int = 0
    missed: int = 0

    def add(self, right: int, said: int) -> None:
        """Counts one group."""
        both = min(right, said)
        self.true += both
        self.false += said - both
        self.missed += right - both

    def merge(self, other: Tally) -> None:
        """Adds another tally."""
        self.true += other.true
        self.false += other.false
        self.missed += other.missed

    @property
    def precision(self) -> float:
        """Share of what was said that is true; 1 if nothing was said."""
        said = self.true + self.false
        return self.true / said if said else 1.0

    @property
    def recall(self) -> float:
        """Share of what is true that was said; 1 if there was nothing to say."""
        right = self.true + self.missed
        return self.true / right if right else 1.0


@dataclass(slots=True)
class RuleScore:
    """Scores of one rule. `ready` and `found` count units, the others minor units."""

    ready: Tally = field(default_factory=Tally)
    ready_money: Tally = field(default_factory=Tally)
    found: Tally = field(default_factory=Tally)
    found_money: Tally = field(default_factory=Tally)
    blocked_units: int = 0
    amounts: int = 0
    wrong_amounts: int = 0

    def merge(self, other: RuleScore) -> None:
        """Adds the score of another audit."""
        for name in ("ready", "ready_money", "found", "found_money"):
            getattr(self, name).merge(getattr(other, name))
        self.blocked_units += other.blocked_units
        self.amounts += other.amounts
        self.wrong_amounts += other.wrong_amounts


@dataclass(slots=True)
class Score:
    """Scores by rule, what went wrong in words, and rules whose blocking nobody named."""

    rules: dict[str, RuleScore] = field(default_factory=lambda: defaultdict(RuleScore))
    wrong: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)

    def merge(self, other: Score) -> None:
        """Adds another audit."""
        for rule, found in other.rules.items():
            self.rules[rule].merge(found)
        self.wrong += other.wrong
        self.unnamed += other.unnamed

    def total(self) -> RuleScore:
        """All rules together."""
        summed = RuleScore()
        for found in self.rules.values():
            summed.merge(found)
        return summed


@dataclass(slots=True)
class Side:
    """Units and money of one side of a group."""

    units: int = 0
    minor: int = 0

    def add(self, units: int, minor: int | None) -> None:
        """Adds one claim."""
        self.units += units
        self.minor += minor or 0


def score(right: Iterable[TrueClaim], said: Iterable[Said], named: set[tuple[str, str]]) -> Score:
    """The score of one audit. `named`: (account, rule) that the audit called blocked."""
    found = Score()
    true_groups: dict[Key, list[TrueClaim]] = defaultdict(list)
    for each in right:
        true_groups[key_of(each)].append(each)
    said_groups: dict[Key, list[Said]] = defaultdict(list)
    for claim in said:
        said_groups[key_of(claim)].append(claim)
    for key in sorted(true_groups.keys() | said_groups.keys()):
        compare(found, key, true_groups.get(key, []), said_groups.get(key, []))
    blocked = {
        (each.seller_id, each.rule)
        for group in true_groups.values()
        for each in group
        if each.state == "blocked"
    }
    found.unnamed = [f"{seller} {rule}" for seller, rule in sorted(blocked - named)]
    return found


def compare(found: Score, key: Key, right: list[TrueClaim], said: list[Said]) -> None:
    """Counts one group and says what is wrong with it."""
    rule = key[1]
    if rule not in NEEDS:
        early = [each for each in said if each.state == "ready"]
        if early:
            found.rules[rule].ready.add(0, len(early))
            found.wrong.append(f"a candidate is ready: {early[0].text}")
        return
    tally = found.rules[rule]
    states = {each.state for each in right}
    tally.blocked_units += sum(each.units for each in right if each.state == "blocked")
    if "any" in states:
        return
    if "pending" in states:
        said, right = [each for each in said if each.state == "ready"], []
    count_found(tally, right, said)
    ready_right, ready_said = Side(), Side()
    for each in right:
        if each.state == "ready":
            ready_right.add(each.units, each.amount_minor if each.amount_known else 0)
    for claim in said:
        if claim.state == "ready" and states != {"either"}:
            ready_said.add(units_of(claim), money_of(claim, right))
    tally.ready.add(ready_right.units, ready_said.units)
    tally.ready_money.add(ready_right.minor, ready_said.minor)
    check_amounts(found, tally, right, said)
    expected = sorted(f"{each.state} {each.units}" for each in right)
    answered = sorted(f"{each.state} {each.units}" for each in said if each.state in OPEN)
    if ready_right.units != ready_said.units or open_units(right) != sum(
        units_of(each) for each in said if each.state in OPEN
    ):
        story = right[0].story if right else f"nothing owed: {said[0].story}"
        texts = " / ".join(each.text for each in said) or "nothing said"
        found.wrong.append(
            f"{rule} [{story}] {key[0]} {key[4]} {key[2] or '?'}"
            f" event {key[3]}: true {expected},"
            f" said {answered}: {texts}"
        )


def open_units(right: list[TrueClaim]) -> int:
    """Units that an audit must show as open."""
    return sum(each.units for each in right if each.state in {"ready", "open", "either"})


def count_found(tally: RuleScore, right: list[TrueClaim], said: list[Said]) -> None:
    """Counts what was found at all, ready or not."""
    true_side, said_side = Side(), Side()
    for each in right:
        if each.state in {"ready", "open", "either"}:
            true_side.add(each.units, each.amount_minor if each.amount_known else 0)
    for claim in said:
        if claim.state in OPEN:
            said_side.add(units_of(claim), money_of(claim, right))
    tally.found.add(true_side.units, said_side.units)
    tally.found_money.add(true_side.minor, said_side.minor)


MONEY_RULES = {
    "refund_exceeds_price",
    "refund_fee_not_returned",
    "fee_dimensions",
    "referral_fee_overcharge",
    "storage_fee_overcharge",
    "reimbursement_underpaid",
    "reimbursement_reversed",
    "reimbursement_missing",
}
"""Rules whose claim is an amount: each counts as one, whatever its units."""


def units_of(claim: Said) -> int:
    """Units of a claim as they are counted."""
    return 1 if claim.rule in MONEY_RULES else claim.units


def money_of(claim: Said, right: list[TrueClaim]) -> int:
    """Amount of a claim, 0 where the truth does not ask for it."""
    asked = all(each.amount_known for each in right)
    return (claim.amount_minor or 0) if asked else 0


def check_amounts(found: Score, tally: RuleScore, right: list[TrueClaim], said: list[Said]) -> None:
    """Exact and declared amounts must be right to the minor unit, unknown ones must be none."""
    spoken = [each for each in said if each.state in OPEN]
    open_right = [each for each in right if each.state in {"ready", "open", "either"}]
    if not spoken or not open_right or not all(each.amount_known for each in open_right):
        return
    if sum(each.units for each in open_right) != sum(units_of(each) for each in spoken):
        return
    tally.amounts += 1
    known = [each.amount_minor for each in open_right]
    answered = [each.amount_minor for each in spoken]
    if (None in known) != (None in answered) or sum(each or 0 for each in known) != sum(
        each or 0 for each in answered
    ):
        tally.wrong_amounts += 1
        found.wrong.append(
            f"{right[0].rule} [{right[0].story}] {right[0].fnsku}: true amounts {known}"
            f" ({right[0].grade}), said {answered} ({spoken[0].grade}): {spoken[0].text}"
        )


def as_number(rule: RuleScore) -> dict[str, Any]:
    """One rule as the results file holds it."""

    def part(units: Tally, money: Tally) -> dict[str, Any]:
        return {
            "units": {"true": units.true, "false": units.false, "missed": units.missed},
            "precision": round(units.precision, 5),
            "recall": round(units.recall, 5),
            "precision_money": round(money.precision, 5),
            "recall_money": round(money.recall, 5),
        }

    return {
        "ready": part(rule.ready, rule.ready_money),
        "found": part(rule.found, rule.found_money),
        "blocked_units": rule.blocked_units,
        "amounts_checked": rule.amounts,
        "amounts_wrong": rule.wrong_amounts,
    }
