"""The journal's interface, and the one that keeps recent inputs in memory and nothing on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from engine.journal.frames import NO_REQUEST, Frame, FrameKind, checked, output_payload
from engine.schema import RULES_VERSION, InputKind


class Journal(Protocol):
    """What the pipeline needs of a journal. One thread appends and commits."""

    durable: bool

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest frame that is kept; one more than the last if none is."""

    @property
    def last_sequence(self) -> int:
        """Sequence of the last committed frame; 0 before the first."""

    @property
    def last_ms(self) -> int:
        """`now_ms` of the last committed frame; 0 before the first."""

    @property
    def bytes_on_disk(self) -> int:
        """Size of all files."""

    def append(
        self,
        kind: InputKind,
        payload: bytes,
        now_ms: int,
        scope: bytes = b"",
        request_key: bytes = NO_REQUEST,
        rules_version: int = RULES_VERSION,
    ) -> Frame:
        """Takes one input into the open group. `now_ms` never falls."""

    def append_output(self, answered: int, answer: bytes) -> Frame:
        """Takes the answer to input `answered`, to be written with the next group.

        It can be lost in a crash, as replay makes it again. Between groups only.
        """

    def commit(self) -> None:
        """Makes the open group durable; nothing of it may be applied before."""

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is not kept."""

    def read_aside(self, sequence: int) -> Frame | None:
        """Like `read`, of committed frames, from any thread."""

    def read_from(self, sequence: int) -> Iterator[Frame]:
        """The committed frames from a sequence number on, in order."""

    def prune(self, before_sequence: int) -> int:
        """Forgets frames before one, as far as whole files allow; bytes given back."""

    def close(self) -> None:
        """Writes what is left and gives everything back."""


class MemoryJournal:
    """Keeps the newest inputs up to `keep_bytes` so that Explain can show them."""

    durable = False

    def __init__(self, keep_bytes: int) -> None:
        self._frames: deque[Frame] = deque()
        self._keep_bytes = keep_bytes
        self._kept_bytes = 0
        self.last_sequence = 0
        self.last_ms = 0
        self.bytes_on_disk = 0

    @property
    def first_sequence(self) -> int:
        """Sequence of the oldest frame that is kept; one more than the last if none is."""
        return self._frames[0].sequence if self._frames else self.last_sequence + 1

    def append(
        self,
        kind: InputKind,
        payload: bytes,
        now_ms: int,
        scope: bytes = b"",
        request_key: bytes = NO_REQUEST,
        rules_version: int = RULES_VERSION,
    ) -> Frame:
        """Takes one input into the open group."""
        sequence = self.last_sequence + 1
        return self._keep(Frame(sequence, kind, now_ms, payload, scope, request_key, rules_version))

    def append_output(self, answered: int, answer: bytes) -> Frame:
        """Takes the answer to an input."""
        payload = output_payload(answered, answer)
        return self._keep(Frame(self.last_sequence + 1, FrameKind.OUTPUT, self.last_ms, payload))

    def _keep(self, frame: Frame) -> Frame:
        self._frames.append(checked(frame))
        self.last_sequence, self.last_ms = frame.sequence, frame.now_ms
        self._kept_bytes += len(frame.payload)
        while self._kept_bytes > self._keep_bytes and len(self._frames) > 1:
            self._kept_bytes -= len(self._frames.popleft().payload)
        return frame

    def commit(self) -> None:
        """Nothing to do: memory is all there is."""

    def read(self, sequence: int) -> Frame | None:
        """A frame by its sequence number, or None when it is not kept."""
        at = sequence - self.first_sequence
        return self._frames[at] if 0 <= at < len(self._frames) else None

    def read_aside(self, sequence: int) -> Frame | None:
        """Like `read`, from any thread."""
        at = sequence - self.first_sequence
        try:
            frame = self._frames[at] if at >= 0 else None
        except IndexError:
            return None
        # The writer may have let frames go between the two looks.
        moved = frame is not None and frame.sequence != sequence
        return self.read_aside(sequence) if moved else frame

    def read_from(self, sequence: int) -> Iterator[Frame]:
        """The frames from a sequence number on, as far as they are kept."""
        return iter([frame for frame in self._frames if frame.sequence >= sequence])

    def prune(self, before_sequence: int) -> int:
        """Nothing is on a disk."""
        return 0

    def close(self) -> None:
        """Nothing to do."""
