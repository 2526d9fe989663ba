"""What an honest audit must say of a world: read off the books, the calendar and the reports' cut.

A claim is `ready`, `open` (waiting, or short of a document, a confirmation or a certain window),
`expired` or `blocked`; `either` where the sources leave open whether the window is certain, and
`any` where a damaged report may or may not have held what the claim rests on. `pending` is no
claim: nothing is owed, but an audit may wait for a row that no report shows yet, if it only waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from bench.fba.books import Debt
from bench.fba.markets import MARKETS, window
from bench.fba.printing import Cut, overlap, periods
from bench.fba.world import World

NEEDS: dict[str, tuple[str, ...]] = {
    "warehouse_lost": ("ledger", "reimbursements"),
    "warehouse_damaged": ("ledger", "reimbursements"),
    "disposed_without_request": ("ledger", "removal_orders", "reimbursements"),
    "return_missing": ("settlement", "returns", "reimbursements"),
    "return_not_restocked": ("returns", "ledger", "reimbursements"),
    "return_damaged_by_amazon": ("returns", "reimbursements"),
    "replacement_not_returned": ("replacements", "returns", "reimbursements"),
    "refund_exceeds_price": ("settlement",),
    "refund_fee_not_returned": ("settlement",),
    "inbound_short": ("inbound_shipments", "inbound_items", "ledger", "reimbursements"),
    "removal_lost": ("removal_shipments", "reimbursements"),
    "removal_incomplete": ("removal_orders", "removal_shipments"),
    "fee_dimensions": ("fee_preview", "settlement"),
    "referral_fee_overcharge": ("settlement",),
    "storage_fee_overcharge": ("storage",),
    "reimbursement_underpaid": ("reimbursements",),
    "reimbursement_reversed": ("reimbursements", "ledger", "returns"),
    "reimbursement_missing": ("reimbursements", "settlement", "ledger"),
}
"""Reports without which a rule cannot tell a debt from none."""

TOUCHES: dict[str, tuple[str, ...]] = {
    "return_damaged_by_amazon": ("settlement",),
    "replacement_not_returned": ("settlement",),
    "removal_lost": ("removal_orders",),
    "removal_incomplete": ("reimbursements",),
    "storage_fee_overcharge": ("ledger",),
    "reimbursement_underpaid": ("settlement", "returns"),
    "warehouse_lost": ("removal_orders",),
    "reimbursement_missing": ("settlement", "ledger"),
}
"""Reports that may change such a claim; a damaged one makes it `any`."""

LOOSE_GAPS = {
    "return_not_restocked",
    "refund_exceeds_price",
    "refund_fee_not_returned",
    "referral_fee_overcharge",
    "fee_dimensions",
    "storage_fee_overcharge",
    "reimbursement_missing",
    "inbound_short",
}
"""Rules that may, but need not, rest on each day up to the audit."""

ONCE = {"replacements"}
"""Reports of which only the event's own day counts: no later row of them answers a claim."""

LOOK_BACK_DAYS = {"removal_orders": 180, "reimbursements": 7}


@dataclass(frozen=True, slots=True)
class TrueClaim:
    """One true claim; `amount_minor` None: nobody can know it; `amount_known` False: do not ask."""

    rule: str
    seller_id: str
    country: str
    fnsku: str
    event: date
    units: int
    amount_minor: int | None
    grade: str
    state: str
    amount_known: bool
    story: str


def truths(world: World, cut: Cut, documented: bool) -> list[TrueClaim]:
    """Each debt that is still open at the audit. `documented`: documents were handed in."""
    return [
        truth(world, cut, debt, documented)
        for debt in world.books.debts
        if debt.open_units() > 0 and not debt.filed
    ]


def truth(world: World, cut: Cut, debt: Debt, documented: bool) -> TrueClaim:
    """One debt as a claim."""
    made = TrueClaim(
        debt.rule,
        debt.product.seller_id,
        debt.country,
        debt.product.fnsku,
        debt.event,
        1 if debt.money else debt.open_units(),
        debt.amount_minor,
        debt.grade if debt.value_minor is not None else "unknown",
        state(world, debt, documented),
        debt.amount_known,
        debt.story,
    )
    found = effect(world, cut, debt)
    if found == "none" or made.state in {"expired", "any", "pending"}:
        return replace(made, state="any") if found != "none" else made
    return replace(made, state=found)


def state(world: World, debt: Debt, documented: bool) -> str:
    """The state with every report at hand."""
    if debt.pending:
        return "pending"
    allowed = window(debt.rule, debt.country, world.today)
    found = allowed.state((world.today - debt.event).days)
    if found == "expired":
        unknown = MARKETS[debt.country].region == "JP" and allowed.certain is False
        return "any" if unknown else found
    if found == "waiting" or not debt.ready or allowed.certain is False:
        return "open"
    if debt.document and not documented:
        return "open"
    return "ready" if allowed.certain else "either"


def effect(world: World, cut: Cut, debt: Debt) -> str:
    """What the damaged report does to a claim: `blocked`, `any` or `none`."""
    if debt.rule == "disposed_without_request" and (
        debt.event - timedelta(LOOK_BACK_DAYS["removal_orders"]) < world.start
    ):
        return "blocked"
    if not cut.report or cut.seller_id != debt.product.seller_id:
        return "none"
    needed = cut.report in (debt.needs or NEEDS[debt.rule])
    touched = cut.report in TOUCHES.get(debt.rule, ())
    if not needed and not touched:
        return "none"
    if cut.how == "gap":
        age = (world.today - debt.event).days
        back = LOOK_BACK_DAYS.get(cut.report, 0)
        last = age if cut.report in ONCE else 0
        if not any(overlap((age + back, last), gap) for gap in gaps(cut, debt)):
            return "none"
        if debt.rule in LOOSE_GAPS:
            return "any"
    return "blocked" if needed else "any"


def gaps(cut: Cut, debt: Debt) -> list[tuple[int, int]]:
    """Ages that a gap really takes out: of settlements whole files are missing."""
    if cut.report != "settlement":
        return [cut.gap]
    return [each for each in periods(MARKETS[debt.country]) if overlap(each, cut.gap)]
