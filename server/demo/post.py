"""The demo's post: messages that get lost, come late, come twice or overtake each other."""

from __future__ import annotations

import random

LOST, LATE, REPEATED, CUT_SHORT = 0.02, 0.03, 0.02, 0.0005


class Post:
    """Carries messages to the server about as badly as a queue does."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._late: list[bytes] = []

    def deliver(self, messages: list[bytes]) -> list[bytes]:
        """What arrives of these messages now, with what was late the last time."""
        arriving, self._late = self._late, []
        for message in messages:
            fate = self._chance.random()
            if fate < LOST:
                continue
            if fate < LOST + LATE:
                self._late.append(message)
                continue
            arriving.append(message)
            if self._chance.random() < REPEATED:
                arriving.append(message)
            if self._chance.random() < CUT_SHORT:
                arriving.append(message[: len(message) // 2])
        self._chance.shuffle(arriving)
        return arriving
