"""The stories of docs/strategies.md go as the text tells them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.stories.draw import draw
from bench.stories.play import Played, Story, play
from bench.stories.stories import (
    BUY_BOX,
    CALENDAR,
    COMPUTED,
    DAILY_PUSH,
    ENDINGS,
    FILTERS,
    FIXED,
    FOLLOW,
    MATCH,
    POSITION,
    PUSH,
    STORIES,
)

LARGEST = 150_000
TOLD = Path("docs/strategies.md").read_text(encoding="utf-8")
PLAYED: dict[str, Played] = {}


def played(story: Story) -> Played:
    """A story, played once."""
    return PLAYED.setdefault(story.name, play(story))


def price_at(story: Story, hour: float, listing: int = 0) -> int:
    """The live price of a listing at an hour."""
    found = played(story)
    return found.prices[listing][found.hours.index(hour)]


@pytest.mark.parametrize("story", STORIES, ids=[each.name for each in STORIES])
def test_every_picture_is_small_told_and_kept(story: Story, tmp_path: Path) -> None:
    draw(story, played(story), tmp_path / "picture.png")
    kept = Path(f"docs/pictures/strategy-{story.name}.png")
    assert f"(pictures/{kept.name})" in TOLD
    for path in (tmp_path / "picture.png", kept):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < LARGEST


@pytest.mark.parametrize("story", STORIES, ids=[each.name for each in STORIES])
def test_no_decided_price_leaves_its_bounds(story: Story) -> None:
    found = played(story)
    for price, (floor, ceiling) in zip(found.prices[0][1:], found.bounds, strict=False):
        assert floor <= price <= ceiling


def test_the_buy_box_is_won_kept_and_left_behind() -> None:
    found = played(BUY_BOX)
    wins = [price for price, won, hour in zip(found.prices[0], found.won, found.hours, strict=True)
            if won and hour < 24]  # fmt: skip
    assert max(wins) in range(1_235, 1_241), "near the highest price that keeps it"
    assert price_at(BUY_BOX, 24.75) < 1_137, "the price that keeps it against 11.00 is 11.36"
    assert price_at(BUY_BOX, 43) in range(1_131, 1_137)
    assert price_at(BUY_BOX, 59.75) == 1_500


EXPECTED = [
    (MATCH, 0, [(4, 1190), (12, 1140), (20, 1340), (28, 800)]),
    (POSITION, 0, [(4, 1050), (12, 1029), (20, 1200), (28, 1050)]),
    (FIXED, 0, [(6, 1250), (11, 1250), (13, 1200), (23, 1200)]),
    (PUSH, 0, [(12, 1000), (20, 1050), (48, 1100), (72, 1100), (100, 1130), (121, 1080)]),
    (DAILY_PUSH, 0, [(12, 1000), (16, 1050), (20, 1100), (25, 1000), (46, 1050), (71, 1100)]),
    (FOLLOW, 0, [(4, 1150), (8, 1300), (16, 1400), (20, 940)]),
    (CALENDAR, 0, [(16, 1329), (19, 1099), (24, 1329), (29, 1329), (31, 1199), (43, 1099)]),
    (FILTERS, 0, [(1, 1199), (23, 959)]),
    (FILTERS, 1, [(1, 1249), (23, 1249)]),
    (ENDINGS, 1, [(1, 1299), (6, 1249), (11, 1199), (23, 1099)]),
    (COMPUTED, 0, [(1, 2499), (15, 2139), (20, 2039), (30, 2217), (40, 2599)]),
]


@pytest.mark.parametrize(("story", "listing", "prices"), EXPECTED)
def test_prices(story: Story, listing: int, prices: list[tuple[float, int]]) -> None:
    assert [(hour, price_at(story, hour, listing)) for hour, _ in prices] == prices
