"""What may leave the disk, and when writes wait."""

from __future__ import annotations

from engine.journal.retention import DAY_MS, Limits, Plan, SegmentInfo, may_delete, plan

LIMITS = Limits(max_bytes=1000)


def segments(count: int = 5, size: int = 100) -> list[SegmentInfo]:
    """One segment a day with ten frames each."""
    return [
        SegmentInfo(at * 10 + 1, at * 10 + 10, size, at * DAY_MS, (at + 1) * DAY_MS - 1)
        for at in range(count)
    ]


def test_nothing_is_old_or_large() -> None:
    assert plan(segments(), [], 5 * DAY_MS, LIMITS) == Plan(1, (), False, False)


def test_old_segments_leave_when_two_verified_snapshots_are_behind_them() -> None:
    now_ms = 10 * DAY_MS
    assert plan(segments(), [], now_ms, LIMITS).prune_before == 1
    assert plan(segments(), [50], now_ms, LIMITS).prune_before == 1
    assert plan(segments(), [9, 50], now_ms, LIMITS).prune_before == 1
    assert plan(segments(), [20, 50], now_ms, LIMITS).prune_before == 21
    assert plan(segments(), [45, 50], now_ms, LIMITS).prune_before == 31
    assert plan(segments(), [45, 50], now_ms + DAY_MS, LIMITS).prune_before == 41


def test_the_segment_being_written_stays() -> None:
    assert plan(segments(), [50, 51], 100 * DAY_MS, LIMITS).prune_before == 41


def test_at_the_limit_of_bytes_the_oldest_leave() -> None:
    full = segments(size=250)
    assert plan(full, [30, 40], 5 * DAY_MS, LIMITS) == Plan(21, (), False, False)


def test_at_the_limit_without_snapshots_writes_are_refused() -> None:
    full = segments(size=250)
    assert plan(full, [], 5 * DAY_MS, LIMITS).refuse_writes
    assert plan(full, [50], 5 * DAY_MS, LIMITS).refuse_writes
    assert plan(full, [10, 50], 5 * DAY_MS, LIMITS).refuse_writes
    assert not plan(full, [20, 50], 5 * DAY_MS, LIMITS).refuse_writes


def test_older_snapshots_leave_when_there_are_two() -> None:
    assert plan(segments(), [5, 50], 0, LIMITS).snapshots_to_delete == ()
    assert plan(segments(), [50, 3, 20, 5], 0, LIMITS).snapshots_to_delete == (3, 5)


def test_a_segment_is_closed_in_time() -> None:
    assert not plan(segments(), [], 5 * DAY_MS, LIMITS).close_segment
    assert plan(segments(), [], 5 * DAY_MS + 1, LIMITS).close_segment
    empty = [SegmentInfo(1, 0, 64, 0, 0)]
    assert not plan(empty, [], 99 * DAY_MS, LIMITS).close_segment


def test_snapshots_that_may_be_deleted() -> None:
    assert may_delete(5, [5], first_sequence=1)
    assert not may_delete(50, [50], first_sequence=11)
    assert not may_delete(50, [50, 40], first_sequence=11)
    assert may_delete(50, [50, 40, 30], first_sequence=11)
    assert not may_delete(50, [50, 40, 9], first_sequence=11), "9 cannot be started from"
    assert may_delete(9, [50, 40, 9], first_sequence=11)
