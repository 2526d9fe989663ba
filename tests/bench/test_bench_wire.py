"""The rows about decoding at tiny sizes."""

from __future__ import annotations

from typing import Any

import pytest

from bench import requests
from bench.wire_rows import LIMITS, OFFER_FIELDS, PEERS, decode_row, parse, walk
from server.wire.native import decode_reprice

LISTINGS = 20
PAYLOAD = requests.reference_request(range(LISTINGS)).SerializeToString()


def test_decode(benchmark: Any) -> None:
    """How long does it take from bytes to columns?"""
    batch = benchmark.pedantic(decode_reprice, (PAYLOAD, LIMITS), rounds=4, iterations=1)
    assert len(batch.rows) == LISTINGS
    assert len(batch.offers) == LISTINGS * requests.OFFERS_EACH


def test_parse(benchmark: Any) -> None:
    """How long does the generated parser take?"""
    request = benchmark.pedantic(parse, (PAYLOAD,), rounds=4, iterations=1)
    assert len(request.snapshots) == LISTINGS


def test_walk(benchmark: Any) -> None:
    """How long does reading every field take?"""
    read = benchmark.pedantic(walk, (PAYLOAD,), rounds=4, iterations=1)
    assert read > LISTINGS * requests.OFFERS_EACH * len(OFFER_FIELDS)


@pytest.mark.parametrize("id", list(PEERS))
def test_rows_of_the_table(id: str) -> None:
    """Does each row give a ratio?"""
    row = decode_row(id, 3, tiny=True)
    assert row.id == id
    assert row.ratio > 0
    assert row.conditions["listings"] == 50
