"""Names lead to listings: by hash and bytes, while tables grow, and as a dictionary would."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from market.shard import key, listing

from engine._tables import Texts
from engine.addresses import Addresses
from engine.catalog import Catalog
from engine.columns import Address, AsinKey, ListingDefinition, ListingKey
from engine.resolve import RowState, found
from engine.schema import Condition, RowFlag

LISTINGS = 6_000
STEPS = 3_000


def definition(rng: random.Random, at: int) -> ListingDefinition:
    """A listing whose seller, ASIN and condition it shares with some others."""
    own = ListingKey(f"S{at % 7}", f"M{at % 3}", f"SKU é {at}", 1 + at % 2)
    return listing(
        key=own,
        asin=rng.choice(["", f"B{rng.randrange(400)}"]),
        condition=rng.choice([Condition.NEW, Condition.USED]),
    )


class Model:
    """What a catalogue should know, in dictionaries."""

    def __init__(self) -> None:
        self.ids: dict[ListingKey, int] = {}
        self.asins: dict[int, AsinKey] = {}

    def put(self, at: int, given: ListingDefinition) -> None:
        self.ids[given.key] = at
        seller, marketplace, _, audience = given.key
        self.asins[at] = AsinKey(seller, marketplace, given.asin, given.condition, audience)

    def find(self, address: Address) -> list[int]:
        if isinstance(address, AsinKey):
            return [at for at in sorted(self.asins) if self.asins[at] == address and address.asin]
        if isinstance(address, int):
            return [address] if address in self.asins else []
        return [self.ids[address]] if address in self.ids else []


def enter(catalog: Catalog, model: Model, given: ListingDefinition) -> None:
    listing_id, _ = catalog.put_listing(given)
    catalog.rows["flags"][listing_id] |= RowFlag.ACTIVE
    model.put(listing_id, given)


def forget(catalog: Catalog, model: Model, own: ListingKey) -> None:
    listing_id = model.ids.pop(own)
    del model.asins[listing_id]
    catalog.forget(listing_id)
    catalog.rows["flags"][listing_id] = 0


def batch(catalog: Catalog, addresses: list[Address]) -> dict[int, list[int]]:
    """Listings of each address, all looked up together."""
    count = len(addresses)
    times, currency = np.zeros(count, np.int64), np.zeros(count, np.uint8)
    positions, ids, states = found(catalog, addresses, times, currency, 0, None)
    listed: dict[int, list[int]] = {at: [] for at in range(count)}
    for at, listing_id in zip(positions.tolist(), ids.tolist(), strict=True):
        listed[at].append(listing_id)
    assert [bool(each) for each in listed.values()] == (states == RowState.GOOD).tolist()
    return listed


def same(catalog: Catalog, model: Model, addresses: list[Address]) -> None:
    wanted = [model.find(each) for each in addresses]
    assert [catalog.find(each, None) for each in addresses] == wanted
    assert list(batch(catalog, addresses).values()) == wanted


def test_a_catalogue_finds_what_dictionaries_find() -> None:
    rng = random.Random(3)
    catalog, model = Catalog(), Model()
    for at in range(LISTINGS):
        enter(catalog, model, definition(rng, at))
        if at % 97 == 0:
            same(catalog, model, [definition(rng, at).key, rng.choice(list(model.ids))])
    for _ in range(STEPS):
        at = rng.randrange(LISTINGS + 100)
        given = definition(rng, at)
        if given.key in model.ids and rng.random() < 0.4:
            forget(catalog, model, given.key)
        else:
            enter(catalog, model, given)
    addresses: list[Address] = [definition(rng, at).key for at in range(LISTINGS + 200)]
    addresses += [*set(model.asins.values()), *range(0, catalog.count + 3, 5)]
    same(catalog, model, addresses[::13])
    listed = batch(catalog, addresses)
    assert listed == {at: model.find(each) for at, each in enumerate(addresses)}


@pytest.mark.parametrize("part", ["seller", "marketplace", "name", "audience", "condition"])
@pytest.mark.parametrize("by_asin", [False, True])
def test_an_equal_hash_proves_nothing(part: str, by_asin: bool) -> None:
    catalog = Catalog()
    catalog.put_listing(listing())
    own: Any = catalog.asin_key(1) if by_asin else key()
    addresses = Addresses.of([own])
    assert len(found_one(catalog, addresses)) == 1
    if part in {"audience", "condition"}:
        addresses.columns[part] += 1
    else:
        texts = bytearray(addresses.texts)
        texts[int(addresses.columns[f"{part}_at"][0])] ^= 1
        addresses.texts = bytes(texts)
    expected = 1 if part == "condition" and not by_asin else 0
    assert len(found_one(catalog, addresses)) == expected


def found_one(catalog: Catalog, addresses: Addresses) -> Any:
    return found(catalog, addresses, np.zeros(1, np.int64), np.zeros(1, np.uint8), 0, None)[0]


def test_texts_are_kept_and_replaced() -> None:
    texts = Texts()
    wanted = [f"{'é' * (at % 90)} {at}" for at in range(20_000)]
    for text in wanted:
        texts.append(text)
    for at in range(0, len(wanted), 7):
        texts[at] = wanted[at] = "" if at % 2 else "z" * (at % 120)
    assert list(texts) == wanted
    assert len(texts) == len(wanted)
    for at in (-1, len(wanted)):
        with pytest.raises(IndexError):
            texts[at]
        with pytest.raises(IndexError):
            texts[at] = "no"
    with pytest.raises(ValueError, match="65536 bytes"):
        texts.append("z" * 65_536)
