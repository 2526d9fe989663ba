"""Policy as variables, macros and tables that SQL reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Any

import duckdb

from engine.claims.codes import reason_group_sql
from engine.claims.policy import FOR_EVER, Policy
from engine.claims.typed import sql_text
from engine.money import exponent, parse_minor

__all__ = ["show_policy"]

CENTIMETRES = {"in": 254, "cm": 100}
GRAMS = {"lb": 725_747_792, "kg": 1_600_000_000}
MILLIONTHS = 6


def show_policy(database: duckdb.DuckDBPyConnection, policy: Policy, today: date) -> None:
    """Makes the policy of a day readable for SQL."""
    data = policy.data
    variables: dict[str, Any] = {
        "today": f"DATE '{today}'",
        "less_fulfilment_fee": data["value"]["post_order_less_fulfilment_fee"],
        "sourcing_from": f"DATE '{data['value']['sourcing_from']}'",
        "refund_fee_certainty": sql_text(data["refund_fee"]["certainty"]),
        **data["flags"],
    }
    for name, value in variables.items():
        database.execute(f"SET VARIABLE {name} = {value}")
    caps = " ".join(
        f"WHEN {sql_text(currency)} THEN {cap}"
        for currency, cap in data["value"]["cap_minor"].items()
    )
    database.execute(
        f"CREATE OR REPLACE TEMP MACRO unit_cap(currency) AS CASE currency {caps} END;"
        f"CREATE OR REPLACE TEMP MACRO reason_group(reason) AS {reason_group_sql('reason')}"
    )
    kept = set(data["tax"]["kept_by_seller"])
    entries = data["marketplaces"].items()
    table(
        database, "marketplaces", "country VARCHAR, currency VARCHAR, tax_kept BOOLEAN",
        ((country, entry["currency"], country in kept) for country, entry in entries),
    )  # fmt: skip
    table(
        database, "marketplace_names", "name VARCHAR, country VARCHAR",
        ((name, country) for country, entry in entries for name in entry["names"]),
    )  # fmt: skip
    table(
        database, "refund_fee_caps", "currency VARCHAR, cap BIGINT",
        iter(data["refund_fee"]["cap_minor"].items()),
    )  # fmt: skip
    refund_fee = data["refund_fee"]
    table(
        database, "media_categories", "country VARCHAR, category VARCHAR",
        product(refund_fee["media_marketplaces"], refund_fee["media_categories"]),
    )  # fmt: skip
    table(
        database, "size_tiers",
        "country VARCHAR, rank INTEGER, name VARCHAR, longest BIGINT, median BIGINT,"
        " shortest BIGINT, girth BIGINT, weight HUGEINT",
        size_tiers(data["size_tiers"]),
    )  # fmt: skip
    table(
        database, "fulfilment_fees",
        "country VARCHAR, currency VARCHAR, valid_from DATE, valid_to DATE, price_from BIGINT,"
        " tier VARCHAR, up_to HUGEINT, dimensional BOOLEAN, fee BIGINT",
        fulfilment_fees(policy),
    )  # fmt: skip
    table(
        database, "referral_rates",
        "country VARCHAR, currency VARCHAR, category VARCHAR, valid_from DATE, valid_to DATE,"
        " least_minor BIGINT, basis_points BIGINT, above_minor BIGINT,"
        " above_basis_points BIGINT, whole BOOLEAN",
        referral_rates(policy),
    )  # fmt: skip


def table(
    database: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Iterator[tuple[Any, ...]]
) -> None:
    """A small table of policy."""
    database.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({columns})")
    given = list(rows)
    places = ", ".join("?" for _ in columns.split(","))
    every = ", ".join(f"({places})" for _ in given)
    database.execute(f"INSERT INTO {name} VALUES {every}", [cell for row in given for cell in row])


def size_tiers(entries: list[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Limits in the units of the macros `length` and `weight`; None for no limit."""
    for entry in entries:
        side, mass = entry["units"]
        for country in entry["marketplaces"]:
            for rank, tier in enumerate(entry["tiers"]):
                sides = (
                    scaled(tier.get(name), CENTIMETRES[side])
                    for name in ("longest", "median", "shortest", "girth")
                )
                yield country, rank, tier["name"], *sides, scaled(tier.get("weight"), GRAMS[mass])


def scaled(text: str | None, factor: int) -> int | None:
    """A decimal number of a unit, in millionths times a factor."""
    if text is None:
        return None
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(MILLIONTHS, "0")) * factor


def fulfilment_fees(policy: Policy) -> Iterator[tuple[Any, ...]]:
    """One row per marketplace, tier and weight band, weights in the units of the macro `weight`."""
    for entry in policy.data["fulfilment_fees"]:
        for country in entry["marketplaces"]:
            currency = policy.currency(country)
            digits = exponent(currency)
            for each in entry["bands"]:
                yield (
                    country, currency, entry["valid_from"], entry.get("valid_to", FOR_EVER),
                    parse_minor(entry["price_from"].encode(), digits), each["tier"],
                    scaled(each["up_to"], GRAMS["lb"]), each.get("dimensional", False),
                    parse_minor(each["fee"].encode(), digits),
                )  # fmt: skip


def referral_rates(policy: Policy) -> Iterator[tuple[Any, ...]]:
    """One row per marketplace and category; money in minor units of its currency."""
    for entry in policy.data["referral"]:
        for country in entry["marketplaces"]:
            currency = policy.currency(country)
            digits = exponent(currency)
            for each in entry["categories"]:
                above = each.get("above")
                yield (
                    country, currency, each["name"], entry["valid_from"],
                    entry.get("valid_to", FOR_EVER), parse_minor(entry["least"].encode(), digits),
                    each["rate"], above and parse_minor(above.encode(), digits),
                    each.get("above_rate"), each.get("whole", False),
                )  # fmt: skip
