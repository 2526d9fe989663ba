"""Codes that Amazon writes into reports: those that are known, and how many rows hold others.

An unknown code is kept, counted and reported: it may be new, and money may hang on it.
Sources: the ledger's own help page for its letters; reimbursement reasons are an open set.
"""

from __future__ import annotations

import duckdb

__all__ = ["LEDGER_REASONS", "REASON_GROUPS", "reason_group_sql", "unknown_codes"]

LEDGER_REASONS = frozenset("M5FNE67HKUPQDGO34")

REASON_GROUPS: dict[str, tuple[str, ...]] = {
    "LOST": ("lostwarehouse", "warehouselost", "warehouselostmanual"),
    "DAMAGED": ("damagedwarehouse", "warehousedamage", "warehousedamageexception"),
    "INBOUND": (
        "lostinbound", "missingfrominbound", "damagedinbound", "inboundcarrierdamage",
    ),
    "ORDER": (
        "customerreturn", "customerserviceissue", "returnadjustment", "cserroritems",
        "reversalreimbursement", "freereplacementrefunditems", "paymentretractionitems",
    ),
    "REMOVAL": ("removalorderlost", "removalorderdamaged"),
    "MCF": ("multichannelorderlost",),
    "FEES": ("incorrectfeesitems", "incorrectfeesnonitemized"),
    "CLAWBACK": (
        "reimbursementreversal", "compensatedclawback", "missingfrominboundclawback",
    ),
}  # fmt: skip
"""Reasons of the reimbursements report without case and separators, by what they pay for."""


def reason_group_sql(reason: str) -> str:
    """Expression of the group of a reason; UNKNOWN for one that is not listed."""
    name = f"regexp_replace(lower({reason}), '[^0-9a-z]', '', 'g')"
    branches = " ".join(
        f"WHEN {name} IN ({', '.join(repr(each) for each in names)}) THEN '{group}'"
        for group, names in REASON_GROUPS.items()
    )
    return f"CASE {branches} ELSE 'UNKNOWN' END"


def unknown_codes(
    database: duckdb.DuckDBPyConnection, kind: str, paths: list[str]
) -> dict[str, int]:
    """Codes of Parquet files that nothing here knows, with their rows."""
    wanted = {
        "ledger": f"reason <> '' AND reason NOT IN {tuple(sorted(LEDGER_REASONS))}",
        "reimbursements": f"{reason_group_sql('reason')} = 'UNKNOWN'",
    }.get(kind)
    if wanted is None or not paths:
        return {}
    rows = database.execute(
        f"SELECT reason, count(*) FROM read_parquet(?) WHERE {wanted} GROUP BY reason", [paths]
    ).fetchall()
    return {str(code)[:80]: int(count) for code, count in rows}
