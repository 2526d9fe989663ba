"""The minimum advertised price: the floor in force, beside the seller's own bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from market.shard import apply, definitions, key, listing, new_engine, rival, snapshots

from engine.errors import InputError
from engine.explain import conclude, gather, sentences
from engine.pipeline import Engine
from engine.schema import Audience, InputKind, Reason
from engine.state_columns import dump, load, state_hash
from engine.terms import Terms


def upserted(engine: Engine, now_ms: int = 0, **given: object) -> object:
    rows = definitions([listing(**{"floor_minor": 800, "ceiling_minor": 1500} | given)])
    return apply(engine, InputKind.LISTINGS, rows, now_ms or engine.now_ms + 1)


def in_force(engine: Engine) -> tuple[int, int]:
    row = engine.catalog.rows[1]
    return int(row["floor_minor"]), int(row["ceiling_minor"])


CASES = [
    # floor, ceiling, MAP, competitor -> price
    (800, 1500, 0, 900, 899), (800, 1500, 1000, 900, 1000), (800, 1500, 700, 900, 899),
    (800, 1500, 1500, 900, 1500), (800, 1500, 1000, 1300, 1299),
]  # fmt: skip


@pytest.mark.parametrize(("floor", "ceiling", "advertised", "competitor", "price"), CASES)
def test_no_price_is_below_it(
    floor: int, ceiling: int, advertised: int, competitor: int, price: int
) -> None:
    engine = new_engine()
    upserted(engine, floor_minor=floor, ceiling_minor=ceiling, map_minor=advertised)
    result = apply(engine, InputKind.REPRICE, snapshots((key(), [rival(competitor)])))
    assert result.decisions["price_minor"].tolist() == [price]
    assert in_force(engine) == (max(floor, advertised), ceiling)
    assert engine.catalog.own_terms(1) == Terms(floor, ceiling, advertised)


def test_it_moves_a_price_at_once_and_goes_again() -> None:
    engine = new_engine()
    upserted(engine)
    apply(engine, InputKind.REPRICE, snapshots((key(), [rival(900)])))
    raised = upserted(engine, map_minor=1200)
    assert raised.decisions[["price_minor", "reason"]].tolist() == [(1200, Reason.BOUNDS)]
    explained = gather(engine.catalog, 1)
    conclude(engine.state, explained, None)
    assert "The price stays between 12.00 EUR, the minimum advertised price, and 15.00 EUR." in (
        explained.sentences
    )
    upserted(engine)
    assert in_force(engine) == (800, 1500)
    assert engine.catalog.terms == {}


def test_endings_are_told_beside_the_bounds() -> None:
    engine = new_engine()
    upserted(engine)
    explained = gather(engine.catalog, 1)
    assert "ends in" not in " ".join(sentences(explained))
    explained.strategy = replace(explained.strategy, endings=(5, 99), ending_digits=2)
    assert "Prices come down to the next one that ends in 05 or 99, where the bounds allow it." in (
        sentences(explained)
    )


def test_own_bounds_are_compared_with_own_bounds() -> None:
    """A minimum advertised price that goes lowers no floor of the seller's."""
    engine = new_engine()
    upserted(engine, map_minor=1500)
    freed = upserted(engine)
    assert freed.warnings == []
    assert in_force(engine) == (800, 1500)


def test_held_bounds_keep_it() -> None:
    engine = new_engine()
    upserted(engine, map_minor=1000)
    held = upserted(engine, floor_minor=300, map_minor=1000)
    assert [each.reason for each in held.warnings] == ["BOUNDS_HELD"]
    assert in_force(engine) == (1000, 1500)
    assert engine.catalog.own_terms(1) == Terms(800, 1500, 1000)


def test_it_is_in_snapshots_and_in_the_hash() -> None:
    engine, other = new_engine(), new_engine()
    upserted(engine, map_minor=1000)
    upserted(other, floor_minor=1000)
    again = load(dump(engine.state))
    assert again.catalog.terms == engine.catalog.terms
    assert state_hash(again) == state_hash(engine.state) != state_hash(other.state)
    upserted(engine, floor_minor=900, map_minor=1000)
    assert state_hash(again) != state_hash(engine.state)


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        ({"map_minor": -1}, "0 to "),
        ({"map_minor": 10**12 + 1}, "0 to "),
        ({"map_minor": 1501}, "0 to 1500, the ceiling"),
        ({"map_minor": 900, "key": key(audience=Audience.B2B)}, "0 for a B2B listing"),
    ],
)
def test_refusals(given: dict[str, object], allowed: str) -> None:
    engine = new_engine()
    (problem,) = upserted(engine, **given).problems
    assert problem.field == "map_minor"
    assert f"allowed: {allowed}" in problem.message
    with pytest.raises(InputError):
        engine.catalog.check_listing(listing(**{"ceiling_minor": 1500} | given))
