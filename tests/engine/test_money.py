"""Currencies and exact amounts, against a slow twin and against a published ISO 4217 table."""

from __future__ import annotations

import re
import time
from fractions import Fraction

import iso4217
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import money
from engine.errors import InputError
from engine.money import currency_code, currency_index, exponent, format_minor, parse_minor
from engine.schema import MAX_PRICE_MINOR

JSON_NUMBER = re.compile(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
EXPONENTS = st.integers(0, 4)


def slow_parse(text: bytes, digits: int) -> int | str:
    """The same rules, plainly: minor units, or the reason of the refusal."""
    match = JSON_NUMBER.fullmatch(text)
    if match is None:
        return "AMOUNT_NOT_A_NUMBER"
    whole, decimals, power = match.groups(default=b"")
    if len(whole) + len(decimals.lstrip(b".")) > 18:
        return "AMOUNT_TOO_MANY_DIGITS"
    if power and abs(int(power[1:])) > 18:
        return "AMOUNT_OUT_OF_RANGE"
    minor = Fraction(text.decode()) * 10**digits
    if minor.denominator != 1:
        return "AMOUNT_TOO_MANY_DECIMALS"
    if abs(minor) > MAX_PRICE_MINOR:
        return "AMOUNT_OUT_OF_RANGE"
    return int(minor)


def parse_or_reason(text: bytes, digits: int) -> int | str:
    try:
        return parse_minor(text, digits)
    except InputError as error:
        return error.reason


def number_texts() -> st.SearchStrategy[bytes]:
    plain = st.from_regex(
        r"\A-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,6})?([eE][+-]?[0-9]{1,2})?\Z",
        alphabet=st.characters(codec="ascii"),
    )
    noise = st.text(alphabet="0123456789.-+eE ", max_size=24)
    return st.one_of(plain, noise).map(str.encode)


@given(number_texts(), EXPONENTS)
@example(b"0" * 19, 2)
@example(b"9" * 18 + b"e18", 4)
@example(b"1e-18", 4)
@example(b"1000000000000000000e-18", 0)
@example(b"-0.00", 2)
def test_native_parser_equals_slow_twin(text: bytes, digits: int) -> None:
    assert parse_or_reason(text, digits) == slow_parse(text, digits)


@given(st.binary(max_size=30), EXPONENTS)
def test_any_bytes_are_parsed_or_refused_with_a_reason(text: bytes, digits: int) -> None:
    assert parse_or_reason(text, digits) == slow_parse(text, digits)


@pytest.mark.parametrize(
    ("text", "digits", "minor"),
    [
        (b"8184.23", 2, 818423),
        (b"681.00", 2, 68100),
        (b"0", 2, 0),
        (b"0.0", 0, 0),
        (b"10.0", 0, 10),
        (b"1.5e2", 2, 15000),
        (b"1.5E+2", 2, 15000),
        (b"1500e-1", 0, 150),
        (b"-3.10", 2, -310),
        (b"1.234", 3, 1234),
        (b"0.0001", 4, 1),
        (b"10000000000.00", 2, MAX_PRICE_MINOR),
        (b"19.990000000000", 2, 1999),
    ],
)
def test_amounts_are_exact(text: bytes, digits: int, minor: int) -> None:
    assert parse_minor(text, digits) == minor


@pytest.mark.parametrize(
    ("text", "digits", "reason"),
    [
        (b"19.999", 2, "AMOUNT_TOO_MANY_DECIMALS"),
        (b"10.5", 0, "AMOUNT_TOO_MANY_DECIMALS"),
        (b"1e-3", 2, "AMOUNT_TOO_MANY_DECIMALS"),
        (b"19.990000000000000001", 2, "AMOUNT_TOO_MANY_DIGITS"),
        (b"1234567890123456789", 0, "AMOUNT_TOO_MANY_DIGITS"),
        (b"10000000000.01", 2, "AMOUNT_OUT_OF_RANGE"),
        (b"999999999999999999", 4, "AMOUNT_OUT_OF_RANGE"),
        (b"1e19", 0, "AMOUNT_OUT_OF_RANGE"),
        (b"0e19", 0, "AMOUNT_OUT_OF_RANGE"),
        (b"", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"-", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"+1", 2, "AMOUNT_NOT_A_NUMBER"),
        (b".5", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"5.", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"05", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"1e", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"1 ", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"1\x00", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"1,50", 2, "AMOUNT_NOT_A_NUMBER"),
        (b"NaN", 2, "AMOUNT_NOT_A_NUMBER"),
        (b'"1.50"', 2, "AMOUNT_NOT_A_NUMBER"),
    ],
)
def test_each_refusal_has_its_own_reason(text: bytes, digits: int, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_minor(text, digits)
    assert (caught.value.reason, caught.value.field) == (reason, "amount")
    assert repr(text.decode()) in caught.value.message


@pytest.mark.parametrize("text", [b"1e300000", b"1e-300000", b"1e" + b"9" * 1_000_000])
def test_a_huge_exponent_is_refused_at_once(text: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(InputError, match="exponents from -18 to 18"):
        parse_minor(text, 2)
    assert time.perf_counter() - began < 0.1


def test_a_refusal_shows_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(InputError) as caught:
        parse_minor(b"7" * 100_000, 2)
    assert len(caught.value.message) < 200


def test_an_exponent_that_no_currency_has_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="exponent 5"):
        parse_minor(b"1", 5)


def test_table_equals_the_published_one() -> None:
    published = {c.code: c.exponent for c in iso4217.Currency if c.exponent is not None}
    assert iso4217.__published__.isoformat() == money.ISO_4217_DATE
    assert {code: exponent(code) for code in published} == published
    assert money._EXPONENTS.keys() == published.keys()


def test_indexes_are_dense_and_reversible() -> None:
    codes = [currency_code(index) for index in range(1, len(money._CODES) + 1)]
    assert [currency_index(code) for code in codes] == list(range(1, len(codes) + 1))
    assert len(codes) <= 255


def test_stored_indexes_never_move() -> None:
    stored = {"AED": 1, "EUR": 46, "GBP": 49, "JPY": 69, "KWD": 76, "USD": 145, "ZWG": 165}
    assert {code: currency_index(code) for code in stored} == stored


def test_unknown_currencies() -> None:
    assert currency_index("XXX") == currency_index("") == currency_index("eur") == 0
    for call in (lambda: exponent("XXX"), lambda: currency_code(0), lambda: currency_code(166)):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.reason == "CURRENCY_UNKNOWN"
        assert caught.value.field == "currency"


@pytest.mark.parametrize(
    ("minor", "code", "text"),
    [
        (818423, "USD", "8184.23 USD"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (1200, "JPY", "1200 JPY"),
        (12345, "KWD", "12.345 KWD"),
    ],
)
def test_amounts_for_people(minor: int, code: str, text: str) -> None:
    assert format_minor(minor, code) == text


@given(st.integers(-MAX_PRICE_MINOR, MAX_PRICE_MINOR), st.sampled_from(money._CODES))
def test_amount_text_reads_back(minor: int, code: str) -> None:
    assert parse_minor(money.minor_text(minor, code).encode(), exponent(code)) == minor
