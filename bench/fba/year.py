"""A seller's year by seed: which accounts, which day of audit, which stories at which ages."""

from __future__ import annotations

from datetime import date, timedelta

from bench.fba import (  # noqa: F401  The stories register themselves.
    centre_stories,
    disposal_stories,
    measure_stories,
    movement_stories,
    payment_stories,
    refund_stories,
    return_stories,
)
from bench.fba.markets import POLICY_CHANGE, window
from bench.fba.story import STORIES, Scene, Story
from bench.fba.traffic import ordinary_year
from bench.fba.world import World

AUDIT_DAYS = (
    date(2025, 11, 20),
    date(2026, 2, 16),
    date(2025, 5, 12),
    date(2025, 8, 18),
    date(2024, 11, 26),
    date(2026, 1, 9),
    date(2025, 6, 2),
    date(2024, 10, 21),
    date(2025, 9, 30),
    date(2026, 3, 31),
)
"""By the seed's last digit: before and after the policies of October 2024 and March 2025 began."""

YEAR_DAYS = 380
CENTRE_RULES = {"warehouse_lost", "warehouse_damaged", "disposed_without_request"}
"""Rules whose policy is known before POLICY_CHANGE; earlier years tell no other story."""


def accounts(seed: int) -> dict[str, tuple[str, ...]]:
    """Two accounts, one of them with three countries in one ledger; sometimes a Japanese third."""
    found: dict[str, tuple[str, ...]] = {"A1EUROPE": ("DE", "FR", "IT"), "A2AMERICA": ("US",)}
    if seed % 4 == 0:
        found["A3JAPAN"] = ("JP",)
    return found


def ages(story: Story, country: str, world: World) -> list[int]:
    """Days before the audit on which a story is told."""
    if story.ages:
        return list(story.ages)
    by_name = window(story.rule, country, world.today).ages()
    found = list(by_name.values()) if story.owed else [by_name["middle"]]
    return [age for age in found if age < (world.today - world.start).days - 25]


def build(
    seed: int,
    orders_a_day: int = 2,
    stories: list[Story] | None = None,
    days: int = YEAR_DAYS,
) -> World:
    """The whole year of a seed, or its last `days`."""
    today = AUDIT_DAYS[seed % len(AUDIT_DAYS)]
    world = World(seed, today, today - timedelta(days), accounts(seed))
    for seller_id, countries in world.accounts.items():
        for country in countries:
            world.story = "ordinary_year"
            ordinary_year(world, seller_id, country, orders_a_day)
        for story in STORIES if stories is None else stories:
            if today < POLICY_CHANGE and story.rule not in CENTRE_RULES:
                continue
            tell(world, seller_id, countries, story)
    world.books.check()
    world.appraise()
    return world


def tell(world: World, seller_id: str, countries: tuple[str, ...], story: Story) -> None:
    """Tells one story at each of its ages, each time in one of the countries where it can play."""
    possible = [each for each in countries if not story.countries or each in story.countries]
    if not possible:
        return
    for place in range(max(len(ages(story, each, world)) for each in possible)):
        country = world.random.choice(possible)
        told = ages(story, country, world)
        if place < len(told):
            world.story = story.name
            story.tell(Scene(world, seller_id, country, told[place]))
