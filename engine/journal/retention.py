"""What may leave the disk, and when writes must wait until something has left.

Two verified snapshots are kept whenever the journal does not reach back to the first frame, and the
journal reaches back to the older of them. So a start finds a way to the present state even if the
newest snapshot turns out to be bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

KEPT_SNAPSHOTS = 2
DAY_MS = 24 * 60 * 60 * 1000


class SegmentInfo(NamedTuple):
    """A segment of the journal; times are those of its first and last frame."""

    first_sequence: int
    last_sequence: int
    size: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. A segment is closed after `segment_ms`, so that it can leave in time."""

    max_bytes: int
    max_age_ms: int = 7 * DAY_MS
    segment_ms: int = DAY_MS


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. Segments whose frames all are before `prune_before` leave first."""

    prune_before: int
    snapshots_to_delete: tuple[int, ...]
    close_segment: bool
    refuse_writes: bool


def plan(
    segments: Sequence[SegmentInfo], verified: Iterable[int], now_ms: int, limits: Limits
) -> Plan:
    """What to do with the segments, oldest first, and the sequences of verified snapshots.

    `now_ms` is journal time. The last segment, the one being written, is never pruned.
    """
    newest = sorted(set(verified), reverse=True)[:KEPT_SNAPSHOTS]
    covered = newest[-1] if len(newest) == KEPT_SNAPSHOTS else 0
    kept_bytes = sum(segment.size for segment in segments)
    prune_before = segments[0].first_sequence
    for segment in segments[:-1]:
        too_old = segment.last_ms < now_ms - limits.max_age_ms
        if segment.last_sequence > covered or not (too_old or kept_bytes >= limits.max_bytes):
            break
        prune_before = segment.last_sequence + 1
        kept_bytes -= segment.size
    last = segments[-1]
    has_frames = last.last_sequence >= last.first_sequence
    return Plan(
        prune_before,
        tuple(each for each in sorted(verified) if newest and each < newest[-1]),
        has_frames and last.first_ms < now_ms - limits.segment_ms,
        kept_bytes >= limits.max_bytes,
    )


def may_delete(sequence: int, verified: Iterable[int], first_sequence: int) -> bool:
    """Whether one snapshot may go while the journal begins at `first_sequence`."""
    usable = {each for each in verified if each >= first_sequence - 1}
    return first_sequence == 1 or len(usable - {sequence}) >= KEPT_SNAPSHOTS
