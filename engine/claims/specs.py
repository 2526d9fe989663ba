"""Every kind of report: its columns, how its dates are written, and what a re-import replaces.

A report is recognised by its header. Header names are compared without case, spaces, hyphens and
underscores, so that `EventType`, `Event Type` and `event-type` are one name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.claims.report_columns import (
    CASES,
    CATEGORIES,
    COSTS,
    DIMENSIONS,
    DOCUMENTS,
    FEE_PREVIEW,
    INBOUND_ITEMS,
    INBOUND_SHIPMENTS,
    LEDGER,
    LEDGER_SUMMARY,
    REIMBURSEMENTS,
    REMOVAL_ORDERS,
    REMOVAL_RECEIPTS,
    REMOVAL_SHIPMENTS,
    REPLACEMENTS,
    RETURNS,
    SETTLEMENT,
    SHIPMENTS,
    STORAGE_FEES,
    TRACKING,
    Column,
    Type,
    folded,
)

__all__ = ["REPORTS", "Column", "Replace", "ReportSpec", "Type", "folded", "recognise"]


class Replace(StrEnum):
    """Which stored rows of the same kind a re-import replaces."""

    RANGE = "range"  # rows of the covered dates, in the scopes that the file holds
    KEY = "key"  # rows with the same key
    ALL = "all"  # every row: the report is a snapshot


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """A kind of report.

    `date` names the column that places a row in time, "" for a snapshot. `formats` are the ways
    its dates are written. `scope` names the column whose region (country or currency) splits the
    coverage; "" where the report always holds the whole account. `quiet_days`: without a stated
    range, the report is taken to reach its download if its last row is at most so old.
    `local_days`: a time with a zone is put on the day that it was where the currency is used.
    """

    kind: str
    title: str
    columns: tuple[Column, ...]
    date: str
    replace: Replace
    key: tuple[str, ...] = ()
    scope: str = ""
    quiet_days: int = 14
    slashes_month_first: bool = False
    local_days: bool = False
    seller_import: bool = False
    by_name: dict[str, Column] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        self.by_name.update({column.name: column for column in self.columns})


def spec(kind: str, title: str, cols: tuple[Column, ...], date: str, **more: object) -> ReportSpec:
    """A kind whose re-import replaces its dates, unless told otherwise."""
    given: dict[str, object] = {"replace": Replace.RANGE} | more
    return ReportSpec(kind, title, cols, date, **given)  # type: ignore[arg-type]


def own(kind: str, title: str, cols: tuple[Column, ...], date: str, *key: str) -> ReportSpec:
    """A list that the seller keeps; a line replaces the one with the same key."""
    return spec(kind, title, cols, date, replace=Replace.KEY, key=key, seller_import=True)


REPORTS: dict[str, ReportSpec] = {
    each.kind: each
    for each in (
        spec(
            "ledger", "Inventory Ledger, detailed view", LEDGER, "date",
            scope="country", quiet_days=3, slashes_month_first=True,
        ),
        spec(
            "ledger_summary", "Inventory Ledger, summary view", LEDGER_SUMMARY, "date",
            scope="location", quiet_days=3, slashes_month_first=True,
        ),
        spec("reimbursements", "FBA Reimbursements", REIMBURSEMENTS, "approval_date",
             scope="currency", quiet_days=21, local_days=True),
        spec("returns", "FBA Customer Returns", RETURNS, "return_date", quiet_days=14),
        spec("replacements", "FBA Replacements", REPLACEMENTS, "shipment_date", quiet_days=60),
        spec("shipments", "FBA Customer Shipment Sales", SHIPMENTS, "shipment_date", quiet_days=3),
        spec("removal_orders", "FBA Removal Order Detail", REMOVAL_ORDERS, "request_date",
             quiet_days=60),
        spec("removal_shipments", "FBA Removal Shipment Detail", REMOVAL_SHIPMENTS,
             "shipment_date", quiet_days=60),
        spec("fee_preview", "FBA Fee Preview", FEE_PREVIEW, "", replace=Replace.ALL),
        spec("storage_fees", "Monthly Storage Fees", STORAGE_FEES, "month",
             replace=Replace.KEY, key=("month", "country")),
        spec("settlement", "Settlement V2", SETTLEMENT, "posted_date",
             replace=Replace.KEY, key=("settlement_id",), scope="currency", quiet_days=16),
        spec("inbound_shipments", "Inbound shipments", INBOUND_SHIPMENTS, "",
             replace=Replace.KEY, key=("shipment_id",)),
        spec("inbound_items", "Inbound shipment items", INBOUND_ITEMS, "",
             replace=Replace.KEY, key=("shipment_id",)),
        own("costs", "Sourcing costs", COSTS, "", "sku", "from_date"),
        own("dimensions", "Measured dimensions", DIMENSIONS, "", "fnsku", "measured_on"),
        own("categories", "Referral categories", CATEGORIES, "", "sku"),
        own("removal_receipts", "Removals received", REMOVAL_RECEIPTS, "",
            "order_id", "tracking_number", "fnsku"),
        own("tracking", "Tracking of removals", TRACKING, "", "tracking_number"),
        own("cases", "Cases filed elsewhere", CASES, "", "case_id", "subject_key"),
        own("documents", "Documents at hand", DOCUMENTS, "", "case_key", "kind"),
    )
}  # fmt: skip


def recognise(header: list[str]) -> tuple[ReportSpec | None, str]:
    """The kind whose columns a header holds; else None and which columns are missing.

    Of several kinds that fit, the one with most of its columns present is taken.
    """
    names = {folded(each) for each in header}
    best: tuple[int, ReportSpec] | None = None
    nearest: tuple[int, str] = (0, "no column of any known report")
    for each in REPORTS.values():
        present = [column for column in each.columns if names & set(column.names)]
        missing = [
            column.names[0]
            for column in each.columns
            if column.required and not names & set(column.names)
        ]
        if not missing and (best is None or len(present) > best[0]):
            best = (len(present), each)
        elif missing and len(present) > nearest[0]:
            nearest = (len(present), f"{each.title} would need also {', '.join(missing)}")
    return (best[1], "") if best else (None, nearest[1])
