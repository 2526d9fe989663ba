"""Units are consumed once: payments, found units and other answers taken off the candidates.

Each stock is walked through for all candidates before the next one is opened, so that what surely
belongs to one candidate is not taken by another: first what names the order, then the same FNSKU
and reason group, then reasons that nobody knows, then units found, and last the surplus of other
FNSKUs of the ASIN. Within a stock, rules come in the order of their rank, older events first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from engine.claims.candidates import Candidate

__all__ = ["Entry", "Stock", "consume"]

BEFORE = timedelta(days=7)
AFTER = timedelta(days=180)
MOVED_BACK_DAYS = timedelta(days=30)
EVERY_GROUP = ("LOST", "DAMAGED", "INBOUND", "ORDER", "REMOVAL", "MCF", "UNKNOWN")


@dataclass(slots=True)
class Entry:
    """Units that can be taken: `first` to `last` are the days on which they count.

    `bought` are units that no disposal has been set against yet, whoever took the payment.
    """

    units: int
    first: date
    last: date
    facts: dict[str, Any] = field(default_factory=dict)
    bought: int = 0

    def __post_init__(self) -> None:
        self.bought = self.units


class Stock:
    """Entries by key, oldest first."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, ...], list[Entry]] = {}

    def add(self, key: tuple[str, ...], entry: Entry) -> None:
        """Adds units. Call in the order of dates."""
        self._entries.setdefault(key, []).append(entry)

    def of(self, key: tuple[str, ...]) -> list[Entry]:
        """Entries of a key that still hold units."""
        return [each for each in self.every(key) if each.units > 0]

    def every(self, key: tuple[str, ...]) -> list[Entry]:
        """Entries of a key, those without units left too."""
        return self._entries.get(key, [])


@dataclass(slots=True)
class Stocks:
    """Everything that can be taken off candidates."""

    orders: Stock = field(default_factory=Stock)  # (order id, fnsku or sku)
    groups: Stock = field(default_factory=Stock)  # (fnsku, reason group)
    found: Stock = field(default_factory=Stock)  # (fnsku,)
    surplus: Stock = field(default_factory=Stock)  # (asin,)
    moved_back: Stock = field(default_factory=Stock)  # (fnsku,)
    disposals: Stock = field(default_factory=Stock)  # (fnsku, disposition)
    stray_returns: Stock = field(default_factory=Stock)  # (name,)
    ledger_returns: Stock = field(default_factory=Stock)  # (fnsku, ...)
    siblings: Stock = field(default_factory=Stock)  # (fnsku,) or (shipment,)
    paid_lines: Stock = field(default_factory=Stock)  # (sku, amount)


def consume(candidates: list[Candidate], stocks: Stocks) -> None:
    """Takes off the candidates what was paid, found or answered otherwise."""
    for phase, users in PHASES:
        for each in candidates:
            tokens = set(" ".join(each.rule.consumes).split())
            if each.units > 0 and users & tokens:
                phase(each, stocks)


def take(
    candidate: Candidate, entries: Iterable[Entry], fits: Callable[[Entry], bool], *, paid: bool
) -> None:
    """Takes units off a candidate from the entries that fit, in their order."""
    for entry in entries:
        if candidate.units == 0:
            return
        if not fits(entry):
            continue
        units = min(candidate.units, entry.units)
        entry.units -= units
        candidate.units -= units
        if paid:
            candidate.paid_units += units
            candidate.payments.append(entry.facts | {"units": units})


def window(candidate: Candidate) -> tuple[date, date]:
    """Approval dates of payments that can be for a candidate."""
    event = candidate.event_date or date.min + AFTER
    return candidate.payments_from or event - BEFORE, candidate.payments_to or event + AFTER


def by_order(candidate: Candidate, stocks: Stocks) -> None:
    """Payments that name the order, whatever their reason."""
    for order_id in (candidate.order_id, candidate.other_order_id):
        if not order_id:
            continue
        for name in dict.fromkeys((candidate.fnsku, candidate.sku, candidate.asin)):
            if name:
                take(candidate, stocks.orders.of((order_id, name)), lambda _: True, paid=True)


def by_settlement(candidate: Candidate, _: Stocks) -> None:
    """Payments that the settlement shows for the order beyond those that the report shows."""
    units = min(candidate.units, max(0, candidate.settled_units - candidate.paid_units))
    candidate.units -= units
    candidate.paid_units += units
    if units:
        candidate.payments.append({"reimbursement_id": "", "source": "settlement", "units": units})


def by_group(candidate: Candidate, stocks: Stocks) -> None:
    """Payments of the same FNSKU and group near the event, older first."""
    if "any_payments" in candidate.rule.consumes:
        by_any_payment(candidate, stocks)
        return
    first, last = window(candidate)
    for group in payment_groups(candidate):
        entries = stocks.groups.of((candidate.fnsku, group))
        take(candidate, entries, lambda e: may_be_for(candidate, e, first, last), paid=True)


def by_any_payment(candidate: Candidate, stocks: Stocks) -> None:
    """Payments of any reason, those that another claim took too: a paid unit is Amazon's."""
    first, last = window(candidate)
    entries = [
        each
        for group in EVERY_GROUP
        for each in stocks.groups.every((candidate.fnsku, group))
        if may_be_for(candidate, each, first, last)
    ]
    for entry in sorted(entries, key=lambda each: each.units == 0):
        units = min(candidate.units, entry.bought)
        if units:
            entry.bought -= units
            entry.units -= min(entry.units, units)
            candidate.units -= units
            candidate.paid_units += units
            candidate.payments.append(entry.facts | {"units": units})


def by_unknown_reason(candidate: Candidate, stocks: Stocks) -> None:
    """Payments with a reason that nobody knows; doubt counts as paid."""
    first, last = window(candidate)
    entries = stocks.groups.of((candidate.fnsku, "UNKNOWN"))
    take(candidate, entries, lambda e: may_be_for(candidate, e, first, last), paid=True)


def may_be_for(candidate: Candidate, entry: Entry, first: date, last: date) -> bool:
    """Whether a payment lies in the window and names no other order."""
    order_id = entry.facts["order_id"]
    ours = {candidate.order_id, candidate.other_order_id} - {""}
    if order_id and ours and order_id not in ours:
        return False
    if entry.facts.get("taken_back") and candidate.event_date:
        # It was for a loss that the ledger may show as unpaid again; the reversal is claimed.
        return entry.first >= candidate.event_date - BEFORE
    return first <= entry.first <= last


def payment_groups(candidate: Candidate) -> Iterator[str]:
    """Reason groups that a rule counts as payment."""
    for token in candidate.rule.consumes:
        if token.startswith("payments "):
            yield from token.split()[1:]


def by_found(candidate: Candidate, stocks: Stocks) -> None:
    """Units of the same FNSKU found again, where the ledger does not reconcile by itself."""
    if candidate.uses_found:
        take_dated(candidate, stocks.found.of((candidate.fnsku,)))


def by_surplus(candidate: Candidate, stocks: Stocks) -> None:
    """Surplus of another FNSKU of the same ASIN."""
    if candidate.asin:
        entries = [
            each
            for each in stocks.surplus.of((candidate.asin,))
            if each.facts["fnsku"] != candidate.fnsku
        ]
        take_dated(candidate, entries)


def take_dated(candidate: Candidate, entries: Iterable[Entry]) -> None:
    """Takes entries from shortly before the event on."""
    event = candidate.event_date or date.max
    first, last = candidate.found_from or event - BEFORE, candidate.found_to or date.max
    take(candidate, entries, lambda e: first <= e.first <= last, paid=False)


def by_moved_back(candidate: Candidate, stocks: Stocks) -> None:
    """Damaged units that came back into sellable stock."""
    event = candidate.event_date or date.max
    if candidate.uses_found:
        take(
            candidate,
            stocks.moved_back.of((candidate.fnsku,)),
            lambda e: event <= e.first <= event + MOVED_BACK_DAYS,
            paid=False,
        )


def by_disposal(candidate: Candidate, stocks: Stocks) -> None:
    """Disposals that were ordered, by the seller or automatically."""
    event = candidate.event_date or date.max
    for disposition in (candidate.disposition, ""):
        take(
            candidate,
            stocks.disposals.of((candidate.fnsku, disposition)),
            lambda e: e.first <= event <= e.last,
            paid=False,
        )


def by_stray_return(candidate: Candidate, stocks: Stocks) -> None:
    """Returns that name no order, of the same item and after the order was refunded."""
    event = candidate.event_date or date.max
    for name in (candidate.fnsku, candidate.sku, candidate.asin):
        take(
            candidate,
            stocks.stray_returns.of((name,)) if name else (),
            lambda e: e.first >= event - timedelta(days=60),
            paid=False,
        )


def by_ledger_return(candidate: Candidate, stocks: Stocks) -> None:
    """Ledger rows of the return: soon and in the same centre, then anywhere, at last late."""
    day = candidate.matched_on
    if day is None:
        return
    entries = stocks.ledger_returns.of((candidate.fnsku,))
    first = day - timedelta(days=2)
    soon, late = day + timedelta(days=14), day + timedelta(days=45)
    centre, disposition = candidate.fulfillment_center, candidate.disposition
    here = [each for each in entries if each.facts["centre"] == centre]
    same = [each for each in here if each.facts["disposition"] == disposition]
    for part, last in ((same, soon), (here, soon), (entries, soon), (entries, late)):
        dated = [each for each in part if first <= each.first <= last]
        take(candidate, dated, lambda _: True, paid=False)


def by_sibling(candidate: Candidate, stocks: Stocks) -> None:
    """Surplus of shipments of the same plan or time, and of other FNSKUs in the same shipment."""
    event = candidate.event_date or date.max
    near = timedelta(days=60)
    take(
        candidate,
        stocks.siblings.of((candidate.fnsku,)),
        lambda e: (
            (bool(candidate.plan_id) and e.facts["plan_id"] == candidate.plan_id)
            or abs(e.first - event) <= near
        ),
        paid=False,
    )
    before = candidate.units
    take(candidate, stocks.siblings.of((candidate.shipment_id,)), lambda _: True, paid=False)
    if candidate.units < before:
        candidate.flags.append("another FNSKU of this shipment was received in its place")


def by_paid_line(candidate: Candidate, stocks: Stocks) -> None:
    """The settlement line that pays a reimbursement, one to one."""
    event = candidate.event_date or date.max
    for entry in stocks.paid_lines.of((candidate.sku, str(candidate.amount_minor))):
        if event - timedelta(days=2) <= entry.first <= event + timedelta(days=21):
            entry.units = candidate.units = 0
            return


PHASES: tuple[tuple[Callable[[Candidate, Stocks], None], set[str]], ...] = (
    (by_paid_line, {"paid_lines"}),
    (by_ledger_return, {"ledger_returns"}),
    (by_order, {"order_payments"}),
    (by_settlement, {"settled_payments"}),
    (by_group, {"payments", "any_payments"}),
    (by_unknown_reason, {"payments", "order_payments"}),
    (by_disposal, {"disposals"}),
    (by_moved_back, {"moved_back"}),
    (by_sibling, {"siblings"}),
    (by_stray_return, {"stray_returns"}),
    (by_found, {"found"}),
    (by_surplus, {"asin_surplus"}),
)
"""Phases in order, each with the words of a rule's `consumes` that let it act."""
