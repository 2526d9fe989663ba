"""SQL that turns the texts of a report into typed columns, or says what is wrong with a row."""

from __future__ import annotations

from collections.abc import Iterable

from engine.claims.policy import load_policy
from engine.claims.specs import Column, ReportSpec, Type
from engine.money import currencies_by_exponent

__all__ = ["MACROS", "problem", "sql_text", "typed", "typed_types"]

SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.CODE: "VARCHAR",
    Type.DATE: "DATE",
    Type.COUNT: "BIGINT",
    Type.QUANTITY: "BIGINT",
    Type.MONEY: "BIGINT",
    Type.MEASURE: "BIGINT",
}
ALLOWED = {
    Type.DATE: "a date as YYYY-MM-DD, DD-MON-YYYY or DD.MM.YYYY",
    Type.COUNT: "a whole number, 0 or more",
    Type.QUANTITY: "a whole number",
    Type.MONEY: "an amount with no more decimals than its currency has",
    Type.MEASURE: "a number",
}
MONTH_FIRST = "a date as MM/DD/YYYY"
OLDEST = "2000-01-01"
POWERS = {0: 1, 2: 100, 3: 1_000, 4: 10_000}


def sql_text(value: str) -> str:
    """A text as SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def minor_factor() -> str:
    """Minor units in one unit of `currency`; NULL for what is no currency."""
    branches = " ".join(
        f"WHEN currency IN ({', '.join(map(sql_text, codes))}) THEN {POWERS[exponent]}"
        for exponent, codes in currencies_by_exponent().items()
    )
    return f"CASE {branches} END"


def zone_of_currency() -> str:
    """Time zone of the region where a currency is used; NULL for one that policy does not know."""
    zones = load_policy().data["time_zones"].items()
    branches = " ".join(f"WHEN '{currency}' THEN '{zone}'" for currency, zone in zones)
    return f"CASE currency {branches} END"


MACROS = rf"""
CREATE OR REPLACE TEMP MACRO minor_factor(currency) AS {minor_factor()};
-- A number's text with a decimal point; NULL for what is no number or could be two.
CREATE OR REPLACE TEMP MACRO decimal_text(t) AS CASE
    WHEN regexp_full_match(t, '[+-]?\d+(\.\d+)?') THEN t
    WHEN regexp_full_match(t, '[+-]?\d+,(\d\d?|\d{{4,}})') THEN replace(t, ',', '.')
    WHEN regexp_full_match(t, '[+-]?\d{{1,3}}(,\d{{3}})+\.\d+') THEN replace(t, ',', '')
    WHEN regexp_full_match(t, '[+-]?\d{{1,3}}(,\d{{3}}){{2,}}') THEN replace(t, ',', '')
    WHEN regexp_full_match(t, '[+-]?\d{{1,3}}(\.\d{{3}})+,\d+')
        THEN replace(replace(t, '.', ''), ',', '.')
END;
CREATE OR REPLACE TEMP MACRO short_decimal(t) AS
    CASE WHEN regexp_full_match(t, '[+-]?\d+(\.\d{{0,6}}0*)?')
        THEN TRY_CAST(t AS DECIMAL(24, 6)) END;
CREATE OR REPLACE TEMP MACRO whole(d) AS
    CASE WHEN d = trunc(d) AND abs(d) < 1000000000000000 THEN CAST(d AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO money_minor(t, factor) AS whole(
    CAST(factor AS DECIMAL(6, 0)) * short_decimal(
        CASE WHEN factor = 1 AND regexp_full_match(t, '[+-]?\d{{1,3}}(,\d{{3}})+')
            THEN replace(t, ',', '') ELSE decimal_text(t) END));
CREATE OR REPLACE TEMP MACRO measure_millionths(t) AS
    CAST(TRY_CAST(decimal_text(t) AS DECIMAL(24, 6)) * 1000000 AS BIGINT);
CREATE OR REPLACE TEMP MACRO quantity_of(t) AS CASE
    WHEN regexp_full_match(t, '[+-]?\d{{1,15}}(\.0+)?') THEN TRY_CAST(t AS BIGINT) END;
CREATE OR REPLACE TEMP MACRO iso_date(t) AS CAST(COALESCE(
    TRY_STRPTIME(left(t, 10), ['%Y-%m-%d', '%Y/%m/%d', '%d.%m.%Y', '%Y-%m']),
    TRY_STRPTIME(split_part(t, ' ', 1), '%d-%b-%Y')) AS DATE);
CREATE OR REPLACE TEMP MACRO zone_of(currency) AS {zone_of_currency()};
CREATE OR REPLACE TEMP MACRO local_date(t, currency) AS coalesce(
    CASE WHEN regexp_full_match(t, '\d{{4}}-\d\d-\d\d[T ]\d\d:.*(Z|[+-]\d\d:?\d\d)')
        THEN CAST(timezone(zone_of(currency), TRY_CAST(t AS TIMESTAMPTZ)) AS DATE) END,
    iso_date(t));
CREATE OR REPLACE TEMP MACRO month_first_date(t) AS CAST(
    TRY_STRPTIME(left(t, 10), ['%m/%d/%Y', '%Y-%m-%d']) AS DATE);
"""


def typed(spec: ReportSpec, column: Column, present: bool) -> str:
    """Expression of a column over its trimmed text `t_<name>`, money also over `t_factor`."""
    text = f"t_{column.name}"
    if not present:
        return "''" if column.type in (Type.TEXT, Type.CODE) else f"NULL::{SQL_TYPES[column.type]}"
    if column.type == Type.TEXT:
        return text
    if column.type == Type.CODE:
        return f"upper({text})"
    if column.type == Type.DATE and spec.local_days:
        return f"local_date({text}, upper(t_currency))"
    if column.type == Type.DATE:
        return f"{'month_first_date' if spec.slashes_month_first else 'iso_date'}({text})"
    if column.type == Type.MONEY:
        return f"money_minor({text}, t_factor)"
    return f"{'measure_millionths' if column.type == Type.MEASURE else 'quantity_of'}({text})"


def typed_types(spec: ReportSpec) -> list[tuple[str, str]]:
    """Names and SQL types of a kind's columns, as they are stored."""
    return [(column.name, SQL_TYPES[column.type]) for column in spec.columns]


def problem(spec: ReportSpec, present: Iterable[str], latest: str) -> str:
    """Expression that is NULL for a good row, else `column|reason|message`."""
    branches = []
    columns = [spec.by_name[name] for name in present]
    has_currency = any(column.name == "currency" for column in columns)
    if has_currency:
        branches.append(
            "WHEN t_currency <> '' AND t_factor IS NULL THEN"
            " 'currency|CURRENCY|is ' || shown(t_currency) || '; allowed: the codes of ISO 4217'"
        )
    for column in columns:
        if column.type == Type.MONEY and not has_currency:
            continue
        text, name = f"t_{column.name}", column.names[0]
        if column.filled:
            branches.append(f"WHEN {text} = '' THEN '{name}|BLANK|is blank and is needed'")
        if column.type in (Type.TEXT, Type.CODE):
            continue
        allowed = ALLOWED[column.type]
        if column.type == Type.DATE and spec.slashes_month_first:
            allowed = MONTH_FIRST
        branches.append(
            f"WHEN {text} <> '' AND {column.name} IS NULL THEN '{name}|{column.type.upper()}|is '"
            f" || shown({text}) || '; allowed: {allowed}'"
        )
        if column.type == Type.COUNT:
            branches.append(
                f"WHEN {column.name} < 0 THEN '{name}|NEGATIVE|is ' || shown({text})"
                f" || '; allowed: {allowed}'"
            )
        if column.type == Type.DATE and column.name not in OPEN_ENDS:
            branches.append(
                f"WHEN {column.name} NOT BETWEEN DATE '{OLDEST}' AND DATE '{latest}'"
                f" THEN '{name}|DATE|is ' || shown({text}) || '; allowed: {OLDEST} to the day of"
                " the download'"
            )
    return f"CASE {' '.join(branches)} END"


OPEN_ENDS = {"to_date", "from_date", "settlement_end"}
"""Dates that may lie in the future."""

MACROS += """
CREATE OR REPLACE TEMP MACRO shown(t) AS '"' || left(t, 40) || '"';
"""
