"""Requests put together field by field: well-formed, but as no serialiser writes them.

Fields come in any order and repeatedly, with wire types of other fields, unknown ones and groups in
between, submessages in pieces, and numbers and lengths longer than they need be.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from wire_cases import REQUEST_ID, group, number, part, varint

Make = Callable[[random.Random], bytes]

NUMBERS = [0, 0, 1, 1, 2, 3, 5, 13, 14, 100, 127, 128, 399, 9_999, 10_000, 10_001, 70_000,
           10**12, 10**12 + 1, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1, -1,
           -(2**31)]  # fmt: skip
TEXTS = ["", " ", "A", "EUR", "JPY", "eur", "XXX", "AOWN", "ARIVAL", "\u3000", "\x1c\x85\u2003",
         "é", "z" * 99, "é" * 100, "é" * 101, "z" * 101, "\x00", "\U0001f4b6", "M1"]  # fmt: skip
BROKEN_TEXTS = [
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"aaaaaaaa\x80",
    b"\xe2\x82",
]


def varint_field(field: int) -> Make:
    return lambda rng: number(field, rng.choice(NUMBERS), rng.choice((1, 1, 1, 2, 5, 10)))


def good_number(field: int, *values: int) -> Make:
    return lambda rng: number(field, rng.choice(values))


def text_field(field: int, *good: str) -> Make:
    def make(rng: random.Random) -> bytes:
        if rng.random() < 0.01:
            return part(field, rng.choice(BROKEN_TEXTS))
        text = rng.choice(good) if good and rng.random() < 0.7 else rng.choice(TEXTS)
        return part(field, text, rng.choice((1, 1, 1, 2, 5)))

    return make


def stranger(rng: random.Random) -> bytes:
    """A field that the message does not know, or knows with another wire type."""
    field = rng.choice((1, 2, 3, 4, 5, 6, 9, 12, 18, 99, 2**29 - 1))
    kind = rng.randrange(5)
    if kind == 0:
        return number(field, rng.choice(NUMBERS))
    if kind == 1:
        return varint(field << 3 | 1) + bytes(8)
    if kind == 2:
        return varint(field << 3 | 5) + bytes(4)
    if kind == 3:
        return part(field + 20 & 2**29 - 1 or 30, b"\xff\x00")
    return group(field, stranger(rng) if rng.random() < 0.5 else b"")


def whole(makes: list[Make], spice: list[Make]) -> Make:
    """All of the first, mostly in order, and now and then one of the others."""

    def make(rng: random.Random) -> bytes:
        fields = [each(rng) for each in makes]
        while rng.random() < 0.3:
            fields.insert(rng.randrange(len(fields) + 1), rng.choice([*spice, stranger])(rng))
        if rng.random() < 0.2:
            rng.shuffle(fields)
        return b"".join(fields)

    return make


def nested(field: int, make: Make) -> Make:
    return lambda rng: part(field, make(rng))


KEY = whole(
    [text_field(1, "AOWN"), text_field(2, "M1"), text_field(3, "MUG")],
    [varint_field(4), good_number(5, 1), text_field(1), text_field(3, "CUP")],
)
ASIN = whole(
    [text_field(1, "AOWN"), text_field(2, "M1"), text_field(3, "B0"), good_number(4, 1, 2)],
    [varint_field(4), varint_field(5), text_field(2)],
)
OFFER_FIELDS = [*map(varint_field, range(2, 15)), varint_field(16),
                *map(text_field, (1, 15, 17))]  # fmt: skip
OFFER = whole([text_field(1, "ARIVAL"), good_number(2, 1, 1_999, 10**12)], OFFER_FIELDS)
HEAD = [nested(2, KEY), nested(3, ASIN), good_number(1, 0, 1, 7), varint_field(1)]


def listing(rng: random.Random) -> bytes:
    """Some way to name a listing."""
    return rng.choice(HEAD[:3])(rng)


SNAPSHOT = whole(
    [listing, good_number(4, 1_700_000_000_000), text_field(5, "EUR"), nested(6, OFFER)],
    [*HEAD, nested(6, OFFER), nested(6, OFFER), varint_field(7), good_number(7, 5),
     varint_field(8), varint_field(9), text_field(10), varint_field(4), text_field(5, "GBP")],
)  # fmt: skip
FEEDBACK = whole(
    [listing, good_number(4, 1, 3, 4, 6), good_number(5, 77), good_number(6, 9)],
    [*HEAD, *map(varint_field, (4, 5, 6, 7, 9, 10, 12)), good_number(7, 900),
     text_field(8, "EUR"), text_field(11), good_number(9, 500), good_number(10, 900)],
)  # fmt: skip
STOCK = whole([listing, good_number(3, 5), varint_field(4)], [*HEAD, varint_field(3)])
IDENTITY = text_field(1, REQUEST_ID, REQUEST_ID.upper())
REQUESTS: dict[str, Make] = {
    "reprice": whole([IDENTITY, nested(2, SNAPSHOT)], [IDENTITY, *[nested(2, SNAPSHOT)] * 3]),
    "evaluate": whole([nested(1, SNAPSHOT)], [nested(1, SNAPSHOT)] * 3),
    "feedback": whole([IDENTITY, nested(2, FEEDBACK)], [nested(2, FEEDBACK)] * 3),
    "stock": whole([IDENTITY, nested(2, STOCK)], [nested(2, STOCK)] * 3),
}


def shaped(rng: random.Random) -> tuple[str, bytes]:
    """A request of some kind."""
    name = rng.choice(list(REQUESTS))
    return name, REQUESTS[name](rng)
