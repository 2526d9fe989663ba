"""Answers to recent requests, so that a repeated `request_id` gets the first answer again.

An id is remembered for ten minutes of journal time, among the newest 100,000, and while all
remembered answers together stay under a byte limit; whichever ends first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

import xxhash

from engine.errors import ConflictError

WINDOW_MS = 10 * 60_000
WINDOW_COUNT = 100_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """The first answer to a request and what identifies its body."""

    body_hash: int
    now_ms: int
    size: int
    answer: T


class Replies(Generic[T]):
    """Remembered answers by (caller, method, request id)."""

    def __init__(self, limit_bytes: int) -> None:
        self._replies: OrderedDict[tuple[str, int, str], Reply[T]] = OrderedDict()
        self._limit_bytes = limit_bytes
        self._bytes = 0

    def find(self, key: tuple[str, int, str], payload: bytes) -> T | None:
        """The first answer, or None. Raises ConflictError for the same id with another body."""
        reply = self._replies.get(key)
        if reply is None:
            return None
        if reply.body_hash != xxhash.xxh3_64_intdigest(payload):
            raise ConflictError(
                f"request_id {key[2]!r} was used before with another body; use a new id for"
                " every new request",
                reason="REQUEST_ID_REUSED",
                field="request_id",
            )
        return reply.answer

    def remember(
        self, key: tuple[str, int, str], payload: bytes, answer: T, size: int, now_ms: int
    ) -> None:
        """Keeps an answer of `size` bytes and forgets what has left the window."""
        self._replies[key] = Reply(xxhash.xxh3_64_intdigest(payload), now_ms, size, answer)
        self._bytes += size
        while self._replies and self._outside(next(iter(self._replies.values())), now_ms):
            _, oldest = self._replies.popitem(last=False)
            self._bytes -= oldest.size

    def _outside(self, oldest: Reply[T], now_ms: int) -> bool:
        return (
            oldest.now_ms < now_ms - WINDOW_MS
            or len(self._replies) > WINDOW_COUNT
            or (self._bytes > self._limit_bytes and len(self._replies) > 1)
        )
