"""What a story is: a small piece of the year with its own product, told at a chosen age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.fba.books import Product
from bench.fba.world import World


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when a story plays: `age` days before the audit its event happens."""

    world: World
    seller_id: str
    country: str
    age: int

    def product(self, declared: str = "", stock: int = 60) -> Product:
        """A new product of this scene."""
        return self.world.product(self.seller_id, self.country, declared, stock)


Tell = Callable[[Scene], None]


@dataclass(frozen=True, slots=True)
class Story:
    """`owed` True: Amazon owes at the end, so the story is told on both sides of each window edge.

    `ages`: fixed ages instead; `countries`: where it can play, everywhere if empty.
    """

    name: str
    rule: str
    tell: Tell
    owed: bool
    ages: tuple[int, ...] = ()
    countries: tuple[str, ...] = ()


STORIES: list[Story] = []


def story(
    rule: str, *, owed: bool, ages: tuple[int, ...] = (), countries: tuple[str, ...] = ()
) -> Callable[[Tell], Tell]:
    """Registers the decorated function under its own name."""

    def register(tell: Tell) -> Tell:
        STORIES.append(Story(tell.__name__, rule, tell, owed, ages, countries))
        return tell

    return register


def owed(
    rule: str, ages: tuple[int, ...] = (), countries: tuple[str, ...] = ()
) -> Callable[[Tell], Tell]:
    """A story at whose end Amazon owes something under this rule."""
    return story(rule, owed=True, ages=ages, countries=countries)


def decoy(
    rule: str, ages: tuple[int, ...] = (), countries: tuple[str, ...] = ()
) -> Callable[[Tell], Tell]:
    """A story that looks like an error of this rule and is none."""
    return story(rule, owed=False, ages=ages, countries=countries)
