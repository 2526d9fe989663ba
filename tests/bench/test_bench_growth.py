"""The rows about growth at tiny sizes, and the requests by id that they send."""

from __future__ import annotations

import numpy as np
import pytest

from bench import requests
from bench.growth_rows import bytes_per_listing, call_growth, held_growth
from repriced.v1 import pricing_pb2


@pytest.mark.parametrize(("row", "listings"), [(held_growth, 50), (call_growth, 50)])
def test_rows(row: object, listings: int) -> None:
    """Does each size answer, and does nearly every listing change its price at every call?"""
    assert callable(row)
    found = row(4, True)
    assert found.ratio > 0
    (largest,) = found.conditions["curve"].values()
    assert sum(largest["decisions"].values()) > 0.5 * 4 * listings


def test_memory_of_a_listing() -> None:
    found = bytes_per_listing(1, True)
    assert 192 < found.ratio < 2_000
    assert found.conditions["bytes_by_column"]["rows"] >= 128


def test_a_numbered_request_names_the_listings_it_is_given() -> None:
    body = requests.Numbered(requests.reference_request(range(5)), 15)
    ids = np.array([1, 127, 128, 9_999_999, *range(300, 311)])
    found = pricing_pb2.RepriceRequest.FromString(body.fresh(1_700_000_000_000, ids))
    assert [each.listing_id for each in found.snapshots] == ids.tolist()
    assert {each.event_ms for each in found.snapshots} == {1_700_000_000_000}
    plain = requests.reference_request(range(5))
    assert [list(each.offers) for each in found.snapshots[:5]] == [
        list(each.offers) for each in plain.snapshots
    ]
    with pytest.raises(ValueError, match="multiple"):
        requests.Numbered(requests.reference_request(range(5)), 14)
