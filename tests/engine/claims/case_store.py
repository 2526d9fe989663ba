"""Case tables: small reports as CSV under the product's own column names, and what must come out.

A case file is TOML. `[reports]` holds CSV texts by kind; a `[[case]]` may replace some of them, and
says the day and the claims that are expected. TODAY in a text is that day.

Reports that a case does not mention but its rule
needs are imported empty, so that only what a case leaves out on purpose is missing.
"""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from engine.claims import audit
from engine.claims.claim import Claim
from engine.claims.imports import import_paths
from engine.claims.rules import load_rules
from engine.claims.specs import REPORTS

CASES = Path(__file__).parent / "cases"
SELLER = "A1SELLER"
REACH = timedelta(days=400)
ALWAYS = {"ledger", "reimbursements"}


@dataclass(frozen=True)
class Case:
    """One table and one day."""

    rule: str
    name: str
    today: date
    reports: dict[str, str]
    without: tuple[str, ...]
    as_of: dict[str, date]
    expect: list[dict[str, Any]]

    @property
    def id(self) -> str:
        return f"{self.rule}: {self.name}"


def load_cases() -> list[Case]:
    """All cases; a `[window]` becomes cases of its own."""
    found: list[Case] = []
    for path in sorted(CASES.glob("*/*.toml")):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        rule, base = path.parent.name, data.get("reports", {})
        for each in data.get("case", ()):
            extra = {name: text for name, text in each.items() if name in REPORTS}
            found.append(
                Case(
                    rule, each["name"], each.get("today", data.get("today")), base | extra,
                    tuple(each.get("without", ())), each.get("as_of", {}), each["expect"],
                )
            )  # fmt: skip
        if "window" in data:
            found += window_cases(rule, data["window"], base)
    return found


def window_cases(rule: str, window: dict[str, Any], base: dict[str, str]) -> list[Case]:
    """The days around both ends of a window and around the first day that filing is wise."""
    day, state = timedelta(days=1), window["state"]
    days = {
        "the first day of the window": (window["open"], "found"),
        "the day before it is ready": (window["ready"] - day, "found"),
        "the first day it is ready": (window["ready"], state),
        "the last day of the window": (window["close"], state),
        "the day after the window": (window["close"] + day, "expired"),
    }
    if window["ready"] == window["open"]:
        days["the first day of the window"] = (window["open"], state)
    days["the day before the window opens"] = (window["open"] - day, window.get("before", "found"))
    return [
        Case(
            rule, name, today, base, (), {},
            [{"state": expected, "open": window["open"], "close": window["close"]}]
            * (0 if expected == "nothing" else window.get("count", 1)),
        )
        for name, (today, expected) in days.items()
        if name not in window.get("skip", ())
    ]  # fmt: skip


def run_case(case: Case, folder: Path) -> list[Claim]:
    """Imports the case's reports and audits; claims of the case's rule."""
    rule = next(each for each in load_rules() if each.name == case.rule)
    kinds = ALWAYS | {need.report for need in rule.needs} | set(case.reports)
    downloads: dict[date, list[Path]] = {}
    for kind in sorted(kinds - set(case.without)):
        text = case.reports.get(kind, "").replace("TODAY", case.today.isoformat())
        path = write_report(folder, kind, text)
        downloads.setdefault(case.as_of.get(kind, case.today), []).append(path)
    for as_of, paths in downloads.items():
        covers = (as_of - REACH, as_of)
        result = import_paths(folder / "store", SELLER, paths, as_of, covers=covers)
        assert not result.refused, result.refused
        assert not result.rejected, result.rejected
    found = audit.run(folder / "store", case.today)
    return [each for each in found.claims if each.rule == case.rule]


def write_report(folder: Path, kind: str, text: str) -> Path:
    """A report with Amazon's header; columns that the case leaves out are blank."""
    spec = REPORTS[kind]
    rows = list(csv.DictReader(io.StringIO(text.strip()), skipinitialspace=True)) if text else []
    used = {name for row in rows for name in row}
    columns = [each for each in spec.columns if each.required or each.name in used]
    assert used <= {each.name for each in columns}, used
    path = folder / f"{kind}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([each.names[0] for each in columns])
        for row in rows:
            writer.writerow([(row.get(each.name) or "").strip() for each in columns])
    return path


SHOWN = {
    "open": "open_date", "close": "close_date", "ready": "ready_date", "event": "event_date",
    "amount": "amount_minor", "grade": "value_grade",
}  # fmt: skip


def matches(claim: Claim, expected: dict[str, Any]) -> bool:
    """Whether a claim has every value that a case expects; `unknown` stands for no amount."""
    for name, value in expected.items():
        actual = getattr(claim, SHOWN.get(name, name), claim.subject_key.get(name))
        if name == "amount" and value == "unknown":
            value = None
        if name in claim.subject_key:
            actual = claim.subject_key[name]
        if actual != value:
            return False
    return True
