"""Times, words and the memory of notifications."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InputError
from repriced.v1 import types_pb2 as wire
from server.amazon import SeenNotifications
from server.amazon.spelling import camel_case, pascal_case
from server.amazon.times import checked_ms, parse_ms
from server.amazon.words import condition, fold, fulfilment, sub_condition


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2024-05-01T12:30:01Z", 1_714_566_601_000),
        ("2024-05-01T12:30:01.2Z", 1_714_566_601_200),
        ("2024-05-01T12:30:01.250Z", 1_714_566_601_250),
        ("2024-05-01T12:30:01.2509999999999999Z", 1_714_566_601_250),
        ("2024-05-01T14:30:01.25+02:00", 1_714_566_601_250),
        ("2024-05-01T07:00:01.25-05:30", 1_714_566_601_250),
        ("2000-01-01T00:00:00Z", 946_684_800_000),
    ],
)
def test_times(text: str, time_ms: int) -> None:
    assert parse_ms(text, "Time") == time_ms


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2024-05-01", "TIME_INVALID"),
        ("2024-05-01T12:30:01", "TIME_INVALID"),
        ("2024-02-30T12:30:01Z", "TIME_INVALID"),
        ("01/05/2024", "TIME_INVALID"),
        ("1714566601250", "TIME_INVALID"),
        ("1999-12-31T23:59:59.999Z", "TIME_OUT_OF_RANGE"),
        ("2100-01-01T00:00:00Z", "TIME_OUT_OF_RANGE"),
        ("0001-01-01T00:00:00+23:59", "TIME_OUT_OF_RANGE"),
        ("9999-12-31T23:59:59-23:59", "TIME_OUT_OF_RANGE"),
    ],
)
def test_bad_times(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_ms(text, "Time")
    assert (caught.value.reason, caught.value.field) == (reason, "Time")


@given(
    st.integers(0, 99 * 365 * 86_400 * 1_000_000),
    st.integers(-14 * 60, 14 * 60),
)
def test_times_equal_integer_arithmetic(microseconds: int, offset_minutes: int) -> None:
    moment = datetime(2000, 1, 2, tzinfo=UTC) + timedelta(microseconds=microseconds)
    zoned = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    expected = (passed.days * 86_400 + passed.seconds) * 1000 + passed.microseconds // 1000
    assert parse_ms(zoned.isoformat(), "Time") == expected


def test_checked_ms_keeps_its_limits() -> None:
    assert checked_ms(946_684_800_000, "Time") == 946_684_800_000
    for time_ms in (946_684_799_999, 4_102_444_800_000, -1):
        with pytest.raises(InputError, match="2000 to 2099"):
            checked_ms(time_ms, "Time")


def test_words() -> None:
    assert fold(" Very_Good-ish ") == "verygoodish"
    assert condition("cLUB", "Condition") == wire.CONDITION_CLUB
    assert sub_condition("Refurbished Warranty") == wire.SUB_CONDITION_REFURBISHED_WARRANTY
    assert sub_condition("Open Box") == wire.SUB_CONDITION_OPEN_BOX
    assert sub_condition("Slightly Dusty") == wire.SUB_CONDITION_OTHER
    assert sub_condition("other") == wire.SUB_CONDITION_OTHER
    assert sub_condition("") == sub_condition(None) == wire.SUB_CONDITION_UNSPECIFIED
    assert fulfilment("afn") == fulfilment("Amazon") == wire.FULFILMENT_AMAZON
    assert fulfilment("MFN") == fulfilment("merchant") == wire.FULFILMENT_MERCHANT
    assert fulfilment(None) == wire.FULFILMENT_UNSPECIFIED


def test_every_documented_sub_condition_is_known() -> None:
    for name, value in wire.SubCondition.items():
        word = name.removeprefix("SUB_CONDITION_")
        if word != "UNSPECIFIED":
            assert sub_condition(word) == value


def test_spellings() -> None:
    assert (pascal_case("listing_price"), camel_case("listing_price")) == (
        "ListingPrice",
        "listingPrice",
    )
    assert (pascal_case("asin"), camel_case("asin")) == ("ASIN", "asin")


def test_seen_notifications_forget_the_one_used_longest_ago() -> None:
    seen = SeenNotifications(limit=2)
    seen.add("a")
    seen.add("b")
    assert "a" in seen
    seen.add("c")
    assert [name in seen for name in "abc"] == [True, False, True]
    assert len(seen) == 2


def test_seen_notifications_ignore_messages_without_id() -> None:
    seen = SeenNotifications(limit=2)
    seen.add("")
    assert "" not in seen
    assert len(seen) == 0


def test_seen_notifications_need_a_limit() -> None:
    with pytest.raises(ValueError, match="limit 0"):
        SeenNotifications(limit=0)
