"""Counts in protobuf bytes, held against a plain reader of the wire format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import _prescan

Message = list[tuple[int, "int | bytes"]]


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def encode(fields: Message) -> bytes:
    """Numbers as varints, bytes with their length."""
    return b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in fields
    )


FIELDS = st.lists(
    st.tuples(st.integers(1, 20), st.integers(0, 2**64 - 1) | st.binary(max_size=12)), max_size=8
)
ROWS = st.lists(
    st.tuples(st.just(2), FIELDS.map(encode)) | st.tuples(st.integers(3, 9), st.integers(0, 300)),
    max_size=12,
)


@given(ROWS)
def test_counts_are_those_of_the_message(rows: Message) -> None:
    found = _prescan.count(encode(rows), 2, 6)
    wanted = [value for number, value in rows if number == 2]
    inner = sum(
        number == 6
        for value in wanted
        for number, _ in decoded(value if isinstance(value, bytes) else b"")
    )
    assert found == (len(wanted), inner)
    assert _prescan.count(encode(rows), 2, 0) == (len(wanted), 0)


def decoded(body: bytes) -> list[tuple[int, int]]:
    """(field, wire type) of a message of varints and bytes."""
    fields, at = [], 0
    while at < len(body):
        tag, at = number_at(body, at)
        value, at = number_at(body, at)
        at += value if tag & 7 == 2 else 0
        fields.append((tag >> 3, tag & 7))
    return fields


def number_at(body: bytes, at: int) -> tuple[int, int]:
    """The varint at a place, and the place behind it."""
    value = shift = 0
    while True:
        value |= (body[at] & 127) << shift
        shift += 7
        at += 1
        if body[at - 1] < 128:
            return value, at


@given(st.binary(max_size=200), st.integers(0, 20), st.integers(0, 20))
def test_any_bytes_are_counted_or_refused(body: bytes, field: int, inner: int) -> None:
    try:
        rows, parts = _prescan.count(body, field, inner)
    except ValueError:
        return
    assert 0 <= rows <= len(body)
    assert 0 <= parts <= len(body)


@given(ROWS.filter(bool), st.data())
def test_a_cut_message_is_refused(rows: Message, data: st.DataObject) -> None:
    whole = encode(rows)
    last = len(whole) - len(encode(rows[-1:]))
    cut = data.draw(st.integers(last + 1, len(whole) - 1))
    with pytest.raises(ValueError, match="no protobuf message"):
        _prescan.count(whole[:cut], 2, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"\x12",  # a length that never comes
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # a length of 2**64 - 1
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # a length of 2**63 - 1
        b"\xff" * 11,  # a tag without end
        b"\x13",  # a group, nested or not
        b"\x0b" * 10_000,
        b"\x16",  # wire type 6
        b"\x11\x00",  # eight bytes that are one
    ],
)
def test_hostile_bytes_are_refused(body: bytes) -> None:
    for wanted in (2, 3):
        with pytest.raises(ValueError, match="no protobuf message"):
            _prescan.count(body, wanted, 6)
        with pytest.raises(ValueError, match="no protobuf message"):
            _prescan.joined(body, wanted)


def test_joined_is_how_protobuf_merges() -> None:
    body = encode([(1, b"ab"), (2, b"no"), (1, b""), (1, 7), (1, b"cd")])
    assert _prescan.joined(body, 1) == b"abcd"
    assert _prescan.joined(b"", 1) == b""
