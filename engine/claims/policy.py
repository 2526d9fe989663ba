"""Policy as data: `policy.toml`, read once, with lookups and the tables that SQL joins."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from engine.claims.specs import ReportSpec

__all__ = ["Policy", "Window", "load_policy", "scope_sql"]

SURE = "sure"
FOR_EVER = date(9999, 12, 31)


@dataclass(frozen=True, slots=True)
class Window:
    """Days after an event in which a claim may be filed, both inclusive."""

    subject: str
    not_before: int
    not_after: int
    certainty: str
    source: str


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one version; `data` is the TOML document."""

    version: str
    data: dict[str, Any]

    def window(self, subject: str, marketplace: str, filed: date) -> Window:
        """The window that holds for a claim filed on a day. Raises KeyError for no entry."""
        region = self.region(marketplace)
        best: tuple[int, date, dict[str, Any]] | None = None
        for entry in self.data["window"]:
            if entry["subject"] != subject or not entry["filed_from"] <= filed <= entry.get(
                "filed_to", FOR_EVER
            ):
                continue
            rank = nearness(entry["marketplaces"], marketplace, region)
            if rank and (best is None or (rank, entry["filed_from"]) > best[:2]):
                best = (rank, entry["filed_from"], entry)
        if best is None:
            raise KeyError(f"policy.toml has no window for {subject} in {marketplace}")
        entry = best[2]
        return Window(
            subject, entry["not_before"], entry["not_after"], entry["certainty"], entry["source"]
        )

    def region(self, marketplace: str) -> str:
        """The region whose account holds a marketplace; the marketplace itself if in none."""
        for region, countries in self.data["regions"].items():
            if marketplace in countries:
                return str(region)
        return marketplace

    def currency(self, marketplace: str) -> str:
        """Currency of a marketplace; "" for one that is not known."""
        entry = self.data["marketplaces"].get(marketplace)
        return str(entry["currency"]) if entry else ""

    def language(self, marketplace: str) -> str:
        """Language in which a marketplace's support is written to."""
        entry = self.data["marketplaces"].get(marketplace)
        return str(entry["language"]) if entry else "en"

    def days(self, name: str) -> int:
        """A number of [waiting]."""
        return int(self.data["waiting"][name])


def nearness(names: list[str], marketplace: str, region: str) -> int:
    """3 for an entry that names the marketplace, 2 its region, 1 all; 0 for none of them."""
    for rank, name in ((3, marketplace), (2, region), (1, "*")):
        if name in names:
            return rank
    return 0


@cache
def load_policy() -> Policy:
    """The policy that comes with the product."""
    text = resources.files("engine.claims").joinpath("policy.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    return Policy(str(data["version"]), data)


def scope_sql(spec: ReportSpec) -> str:
    """Expression of the part of an account that a row of a report belongs to."""
    if not spec.scope:
        return "''"
    if spec.kind == "settlement":
        return spec.scope
    policy = load_policy()
    regions: dict[str, list[str]] = {}
    if spec.scope == "currency":
        for country, entry in policy.data["marketplaces"].items():
            regions.setdefault(policy.region(country), []).append(entry["currency"])
    else:
        regions = policy.data["regions"]
    branches = " ".join(
        f"WHEN {spec.scope} IN ({', '.join(repr(each) for each in dict.fromkeys(names))})"
        f" THEN '{region}'"
        for region, names in regions.items()
    )
    # A summary may be by centre, whose code is no country: then it is of the whole account.
    other = "''" if spec.kind == "ledger_summary" else spec.scope
    return f"CASE {branches} ELSE {other} END"
