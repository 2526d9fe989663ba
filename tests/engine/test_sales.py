"""Units by hour: replaced, summed, forgotten."""

from __future__ import annotations

import pytest

from engine.errors import InputError
from engine.sales import HOUR_MS, KEPT_MS, Sales

NOW_MS = 500_000 * HOUR_MS + 1


def test_an_hour_is_replaced() -> None:
    sales, hour = Sales(), NOW_MS - 1
    assert [sales.put(1, "a", hour, units, NOW_MS) for units in (5, 5, 9, 2)] == [5, 0, 4, -7]
    assert sales.put(1, "a", hour - HOUR_MS, 3, NOW_MS) == 3
    assert sales.since(1, hour) == 2
    assert sales.since(1, hour - HOUR_MS) == 5
    assert sales.since(2, 0) == 0


def test_old_hours_go() -> None:
    sales, hour = Sales(), NOW_MS - 1
    sales.put(1, "a", hour, 5, NOW_MS)
    sales.put(1, "a", hour + KEPT_MS, 1, NOW_MS + KEPT_MS)
    assert sales.dump().tolist() == [[1, hour + KEPT_MS, 1]]


def test_one_source() -> None:
    sales = Sales()
    sales.put(1, "a", NOW_MS - 1, 5, NOW_MS)
    sales.put(2, "b", NOW_MS - 1, 5, NOW_MS)
    with pytest.raises(InputError, match=r"source is 'b'; allowed: 'a'"):
        sales.put(1, "b", NOW_MS - 1, 5, NOW_MS)
    sales.forget(1)
    assert sales.put(1, "b", NOW_MS - 1, 7, NOW_MS) == 7


def test_a_source_is_short() -> None:
    """It stands in the state, and in the answer to each row of another one."""
    sales = Sales()
    with pytest.raises(InputError, match=r"101 characters"):
        sales.put(1, "a" * 101, NOW_MS - 1, 5, NOW_MS)
    assert sales.sources() == []
    assert sales.put(1, "a" * 100, NOW_MS - 1, 5, NOW_MS) == 5


def test_it_is_stored() -> None:
    sales = Sales()
    sales.put(1, "a", NOW_MS - 1, 5, NOW_MS)
    sales.put(2, "", NOW_MS - 1, 6, NOW_MS)
    again = Sales.load(sales.dump(), sales.sources())
    assert again.dump().tolist() == sales.dump().tolist()
    assert again.sources() == [(1, "a"), (2, "")]
