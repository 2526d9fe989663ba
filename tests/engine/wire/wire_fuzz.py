"""Spoils good requests and asserts that the native codec and the generated parser agree on each.

    python tests/engine/wire/wire_fuzz.py COUNT [SEED]

The same seed gives the same bytes. Every decoded value and every refusal is compared.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from wire_cases import check, corpus, number, part, varint
from wire_shapes import shaped

SHOWN_EVERY = 100_000
PIECES = [
    b"\x00", b"\x80", b"\xff", b"\xff" * 9 + b"\x01", b"\x80" * 9 + b"\x00", b"\xed\xa0\x80",
    b"\x0b\x0c", b"\x0c", b"\x0e", b"\x0f", varint(2**31), varint(2**32 + 1), varint(0, 10),
    number(1, 9), number(4, -1), number(9, 2**32 + 1), number(12, 2**63), part(2, b""),
    part(3, part(3, "B0")), part(5, "JPY"), part(6, b""), part(17, "\u2028"),
]  # fmt: skip
"""Numbers, tags and fields that decoders get wrong."""


def flip(rng: random.Random, data: bytearray, other: bytes) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(rng: random.Random, data: bytearray, other: bytes) -> None:
    del data[rng.randrange(len(data)) :]


def drop(rng: random.Random, data: bytearray, other: bytes) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 9)]


def insert(rng: random.Random, data: bytearray, other: bytes) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice(PIECES)


def splice(rng: random.Random, data: bytearray, other: bytes) -> None:
    begin = rng.randrange(len(other))
    at = rng.randrange(len(data) + 1)
    data[at:at] = other[begin : begin + rng.randrange(1, 40)]


def tweak(rng: random.Random, data: bytearray, other: bytes) -> None:
    data[rng.randrange(len(data))] = rng.randrange(1, 18) << 3 | rng.choice(
        (0, 0, 1, 2, 2, 3, 4, 5)
    )


def count(rng: random.Random, data: bytearray, other: bytes) -> None:
    at = rng.randrange(len(data))
    data[at] = (data[at] + rng.choice((-2, -1, 1, 2))) & 0xFF


def append(rng: random.Random, data: bytearray, other: bytes) -> None:
    data += rng.choice(PIECES)


MUTATIONS = (flip, flip, cut, drop, insert, splice, tweak, tweak, count, count, append)


def spoilt(seed: int, total: int) -> Iterator[tuple[str, bytes]]:
    """Requests by a serialiser with some things changed, and odd ones, often as they are."""
    rng = random.Random(seed)
    bodies = corpus(rng)
    for turn in range(total):
        if turn % 1_000 == 999:
            bodies = corpus(rng)
        odd = turn % 2 == 1
        name, body = shaped(rng) if odd else rng.choice(bodies)
        data = bytearray(body)
        for _ in range(max(0, rng.randrange(-3, 3)) if odd else rng.randrange(1, 4)):
            if data:
                rng.choice(MUTATIONS)(rng, data, rng.choice(bodies)[1])
        yield name, bytes(data)


def run(seed: int, total: int, console: Console | None = None) -> Counter[str]:
    """Checks them all; how many ended in which way."""
    ends: Counter[str] = Counter()
    for turn, (name, payload) in enumerate(spoilt(seed, total), 1):
        found = check(name, payload)
        if isinstance(found, tuple):
            ends[found[0]] += 1
        else:
            ends["taken, rows refused" if found["problems"] else "taken"] += 1
        if console is not None and turn % SHOWN_EVERY == 0:
            console.print(f"{turn} of {total}: {dict(ends)}", highlight=False)
    return ends


if __name__ == "__main__":
    chosen = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    Console().print(dict(run(chosen, int(sys.argv[1]), Console())), highlight=False)
