"""Times of Amazon's messages as integer milliseconds since 1970-01-01 UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.errors import InputError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND
_END_MS = (datetime(2100, 1, 1, tzinfo=UTC) - _EPOCH) // _MILLISECOND


def parse_ms(text: str, field: str) -> int:
    """Milliseconds of an ISO 8601 time with a zone; digits beyond a millisecond are cut off.

    Raises InputError with reason TIME_INVALID or TIME_OUT_OF_RANGE (years 2000 to 2099).
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(
            f"time {text[:40]!r}: allowed is ISO 8601 with a zone, such as 2024-05-01T12:30:00Z",
            reason="TIME_INVALID",
            field=field,
        )
    return checked_ms((moment - _EPOCH) // _MILLISECOND, field)


def checked_ms(time_ms: int, field: str) -> int:
    """The time itself. Raises InputError, reason TIME_OUT_OF_RANGE, outside 2000 to 2099."""
    if not _FIRST_MS <= time_ms < _END_MS:
        raise InputError(
            f"time {time_ms} ms: allowed are the years 2000 to 2099, "
            f"{_FIRST_MS} to {_END_MS - 1} ms",
            reason="TIME_OUT_OF_RANGE",
            field=field,
        )
    return time_ms
