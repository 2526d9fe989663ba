"""The native codec decodes what the generated parser decodes, and refuses what it refuses."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_cases import DECODERS, LIMITS, MESSAGES, REQUEST_ID, check, group, number, part, varint
from wire_fuzz import run
from wire_shapes import REQUESTS

from engine import _wire, _wire_block, wire
from engine.addresses import ADDRESS, SKU, Addresses
from engine.columns import AsinKey, ListingKey
from engine.errors import InputError
from engine.money import currency_code, currency_index
from repriced.v1 import pricing_pb2, types_pb2
from server.wire.native import decode_reprice

SOUND_KEY = part(1, "AOWN") + part(2, "M1") + part(3, "MUG")
SOUND_OFFER = part(1, "ARIVAL") + number(2, 1_999)
SOUND_HEAD = part(2, SOUND_KEY) + number(4, 5) + part(5, "EUR")


def reprice(*rows: bytes) -> bytes:
    return part(1, REQUEST_ID) + b"".join(part(2, row) for row in rows)


def test_spoilt_and_odd_requests() -> None:
    ends = run(seed=7, total=6_000)
    assert {"MALFORMED_REQUEST", "taken", "taken, rows refused"} <= ends.keys()


@pytest.mark.parametrize("name", list(REQUESTS))
@settings(deadline=None)
@given(seed=st.integers(0, 2**32))
def test_requests_as_no_serialiser_writes_them(name: str, seed: int) -> None:
    check(name, REQUESTS[name](random.Random(seed)))


@pytest.mark.parametrize("name", list(REQUESTS))
@settings(deadline=None)
@given(payload=st.binary(max_size=60))
def test_any_bytes(name: str, payload: bytes) -> None:
    check(name, payload)
    check(name, part(2, payload) + part(1, REQUEST_ID))


OFFERS = st.builds(
    types_pb2.Offer,
    seller_id=st.text(max_size=110),
    item_price_minor=st.integers(-(2**63), 2**63 - 1) | st.integers(1, 10**12),
    shipping_minor=st.integers(-1, 10**12) | st.just(0),
    points_minor=st.integers(0, 10**12) | st.just(0),
    fulfilment=st.integers(-1, 3),
    condition=st.integers(0, 6),
    sub_condition=st.integers(0, 14),
    positive_rating_basis_points=st.integers(0, 10_001),
    rating_count=st.integers(0, 2**32 - 1),
    handling_hours=st.integers(0, 2**32 - 1),
    availability=st.integers(0, 4),
    buy_box_winner=st.none() | st.booleans(),
    featured_merchant=st.none() | st.booleans(),
    prime=st.booleans(),
    sku=st.text(max_size=5),
    amazon=st.booleans(),
    ships_from=st.text(max_size=3),
)
KEYS = st.builds(
    types_pb2.ListingKey,
    seller_id=st.text(max_size=4),
    marketplace_id=st.text(max_size=4),
    sku=st.text(max_size=40),
    audience=st.integers(0, 3),
)
ASINS = st.builds(
    types_pb2.AsinKey,
    seller_id=st.text(max_size=4),
    marketplace_id=st.text(max_size=4),
    asin=st.text(max_size=4),
    condition=st.integers(0, 6),
    audience=st.integers(0, 3),
)
LISTINGS = (
    st.fixed_dictionaries({"listing_id": st.integers(0, 2**32 - 1)})
    | st.fixed_dictionaries({"key": KEYS})
    | st.fixed_dictionaries({"asin": ASINS})
)
SNAPSHOTS = st.builds(
    lambda listing, fields, offers: pricing_pb2.OfferSnapshot(**listing, **fields, offers=offers),
    LISTINGS,
    st.fixed_dictionaries(
        {
            "event_ms": st.integers(-1, 2**62),
            "currency": st.sampled_from(["EUR", "JPY", "XYZ", ""]),
        },
        optional={
            "competitive_price_minor": st.integers(-1, 10**12 + 1),
            "featured_price_minor": st.integers(0, 10**12),
            "buy_box_status": st.integers(0, 3),
            "notification_id": st.text(max_size=5),
        },
    ),
    st.lists(OFFERS, max_size=4),
)


@settings(deadline=None)
@given(rows=st.lists(SNAPSHOTS, max_size=5))
def test_requests_as_a_serialiser_writes_them(rows: list[Any]) -> None:
    request = pricing_pb2.RepriceRequest(request_id=REQUEST_ID, snapshots=rows)
    check("reprice", request.SerializeToString())


@pytest.mark.parametrize("depth", [96, 97, 98, 99, 100, 101])
@pytest.mark.parametrize("place", ["request", "row", "offer", "key"])
def test_nesting(place: str, depth: int) -> None:
    groups = b""
    for _ in range(depth):
        groups = group(30, groups)
    rows = {
        "request": reprice(SOUND_HEAD) + groups,
        "row": reprice(SOUND_HEAD + groups),
        "offer": reprice(SOUND_HEAD + part(6, SOUND_OFFER + groups)),
        "key": reprice(SOUND_HEAD + part(2, groups)),
    }
    found = check("reprice", rows[place])
    room = {"request": 100, "row": 99, "offer": 98, "key": 98}[place]
    assert isinstance(found, dict) == (depth <= room)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (reprice(part(6, b"\x0e")), "Wire format was corrupt"),
        (part(1, b"\xff"), "String field had bad UTF-8"),
        (reprice(part(6, part(17, b"\xed\xa0\x80"))), "String field had bad UTF-8"),
    ],
)
def test_words_are_those_of_the_parser(payload: bytes, words: str) -> None:
    said = []
    for decode in DECODERS["reprice"]:
        with pytest.raises(InputError, match=words) as caught:
            decode(payload, LIMITS)
        said.append(caught.value.message)
    assert said[0] == said[1]


def test_offers_beyond_the_limit_are_read_and_not_kept() -> None:
    offers = part(6, SOUND_OFFER) * 3
    found = check("reprice", reprice(SOUND_HEAD + offers, SOUND_HEAD + offers + part(6, b"")))
    (problem,) = found["problems"]
    assert (problem.index, problem.reason) == (1, "TOO_MANY_OFFERS")
    broken = reprice(SOUND_HEAD + offers + part(6, b"\x07"))
    assert check("reprice", broken)[0] == "MALFORMED_REQUEST"


def test_offers_in_all_are_counted_before_any_is_stored() -> None:
    four = SOUND_HEAD + part(6, SOUND_OFFER) * 4
    assert check("reprice", reprice(four, four, four, SOUND_HEAD))["problems"]
    assert check("reprice", reprice(four, four, four, SOUND_HEAD + number(6, 1)))[0] == (
        "TOO_MANY_OFFERS"
    )
    broken = reprice(four, four, four, four) + b"\x07"
    assert check("reprice", broken)[0] == "MALFORMED_REQUEST"
    decoded = wire.decode(wire.REPRICE, reprice(four, four), 4, 3, 7)
    assert (decoded.is_overfull, len(decoded.snapshots)) == (True, 0)


def test_too_many_rows_store_nothing() -> None:
    payload = part(1, REQUEST_ID) + part(2, b"") * 5
    assert check("reprice", payload)[0] == "TOO_MANY_ROWS"
    decoded = wire.decode(wire.REPRICE, payload, 4, 3, 100)
    assert (decoded.row_count, len(decoded.snapshots), len(decoded.faults)) == (5, 0, 0)
    assert check("reprice", payload + b"\x07")[0] == "MALFORMED_REQUEST"


def test_a_bad_row_of_many_offers_is_told_without_reading_them() -> None:
    row = part(2, SOUND_KEY) + part(5, "EUR") + part(6, SOUND_OFFER) * 2
    (problem,) = check("reprice", reprice(row))["problems"]
    assert (problem.field, problem.reason) == ("event_ms", "EVENT_TIME_MISSING")


def test_every_currency() -> None:
    for index in range(1, 256):
        try:
            code = currency_code(index)
        except InputError:
            break
        head = part(2, SOUND_KEY) + number(4, 5) + part(5, code)
        assert decode_reprice(reprice(head), LIMITS).currency.tolist() == [currency_index(code)]


@given(st.binary(max_size=200), st.integers(0, 2**64 - 1))
def test_hash_is_xxh64(text: bytes, seed: int) -> None:
    assert _wire.hash_bytes(text, seed) == xxhash.xxh64_intdigest(text, seed)


def test_records_are_those_of_c() -> None:
    _wire.check_layout(np.zeros(1, ADDRESS), np.zeros(1, wire.FAULT), np.zeros(1, SKU))


def test_addresses_made_by_hand_are_those_decoded() -> None:
    addresses = [
        ListingKey("AOWN", "M1", "é", 2), 7, AsinKey("AOWN", "M1", "B0", 1, 1),
    ]  # fmt: skip
    rows = [
        pricing_pb2.OfferSnapshot(key={"seller_id": "AOWN", "marketplace_id": "M1", "sku": "é",
                                       "audience": 2}),
        pricing_pb2.OfferSnapshot(listing_id=7),
        pricing_pb2.OfferSnapshot(asin={"seller_id": "AOWN", "marketplace_id": "M1", "asin": "B0",
                                        "condition": 1}),
    ]  # fmt: skip
    for row in rows:
        row.event_ms, row.currency = 5, "EUR"
    request = pricing_pb2.RepriceRequest(request_id=REQUEST_ID, snapshots=rows)
    decoded = decode_reprice(request.SerializeToString(), LIMITS).addresses
    made = Addresses.of(addresses)
    assert list(made) == list(decoded) == addresses
    assert list(made[1:]) == addresses[1:]
    assert isinstance(decoded, Addresses)
    assert made.columns["hash"].tolist() == decoded.columns["hash"].tolist()


def test_memory_is_used_again() -> None:
    payload = reprice(*[SOUND_HEAD + part(6, SOUND_OFFER) * 3] * 4)
    batch = decode_reprice(payload, LIMITS)
    place = batch.rows.ctypes.data
    kept = _wire_block.kept()
    del batch
    assert _wire_block.kept() > kept
    assert decode_reprice(payload, LIMITS).rows.ctypes.data == place


def test_arrays_keep_their_memory() -> None:
    payloads = [reprice(part(2, SOUND_KEY) + number(4, at) + part(5, "EUR")) for at in range(1, 9)]
    rows = [decode_reprice(payload, LIMITS).rows for payload in payloads]
    assert [int(each["event_ms"][0]) for each in rows] == list(range(1, 9))


@pytest.mark.parametrize("name", list(MESSAGES))
def test_lengths_and_numbers_longer_than_needed(name: str) -> None:
    for length in range(1, 12):
        id_field = b"" if name == "evaluate" else part(1, REQUEST_ID, length)
        rows = part(1 if name == "evaluate" else 2, number(4, 5, length))
        check(name, id_field + rows)
        check(name, varint(1 << 3 | 2, length) + b"\x00")
