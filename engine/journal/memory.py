"""The journal's interface, and the one that keeps recent inputs in memory and nothing on disk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from engine.schema import InputKind


@dataclass(frozen=True, slots=True)
class Frame:
    """One input as it came; `sequence` rises by one, `now_ms` never falls."""

    sequence: int
    kind: InputKind
    now_ms: int
    payload: bytes


class Journal(Protocol):
    """What the pipeline needs of a journal."""

    durable: bool

    def append(self, kind: InputKind, payload: bytes, now_ms: int) -> Frame:
        """Takes one input into the open group."""

    def commit(self) -> None:
        """Makes the open group durable; nothing of it may be applied before."""

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is no longer kept."""


class MemoryJournal:
    """Keeps the newest inputs up to `keep_bytes` so that Explain can show them."""

    durable = False

    def __init__(self, keep_bytes: int) -> None:
        self._frames: deque[Frame] = deque()
        self._keep_bytes = keep_bytes
        self._kept_bytes = 0
        self._sequence = 0

    def append(self, kind: InputKind, payload: bytes, now_ms: int) -> Frame:
        """Takes one input into the open group."""
        self._sequence += 1
        frame = Frame(self._sequence, kind, now_ms, payload)
        self._frames.append(frame)
        self._kept_bytes += len(payload)
        while self._kept_bytes > self._keep_bytes and len(self._frames) > 1:
            self._kept_bytes -= len(self._frames.popleft().payload)
        return frame

    def commit(self) -> None:
        """Nothing to do: memory is all there is."""

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is no longer kept."""
        if not self._frames or sequence < self._frames[0].sequence:
            return None
        at = sequence - self._frames[0].sequence
        return self._frames[at] if at < len(self._frames) else None
