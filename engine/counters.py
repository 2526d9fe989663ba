"""Layout of the counters that `commit` fills: one flat int64 array, three tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

KINDS = 12
REASONS = 128
STATES = 9
VERDICTS = 10

TRANSITIONS_AT = KINDS * REASONS
VERDICTS_AT = TRANSITIONS_AT + STATES * STATES
COUNTER_COUNT = VERDICTS_AT + VERDICTS


class Counters(NamedTuple):
    """Views of a flat counter array."""

    outcomes: NDArray[np.int64]
    """Committed outcomes by `StrategyKind` and `Reason`."""
    transitions: NDArray[np.int64]
    """Committed changes of state by `CycleState` before and after."""
    verdicts: NDArray[np.int64]
    """Committed verdicts by `FeedbackKind`."""


def new_counters() -> NDArray[np.int64]:
    """A flat counter array of zeros."""
    return np.zeros(COUNTER_COUNT, np.int64)


def tables(flat: NDArray[np.int64]) -> Counters:
    """The three tables of a flat counter array, sharing its memory."""
    return Counters(
        flat[:TRANSITIONS_AT].reshape(KINDS, REASONS),
        flat[TRANSITIONS_AT:VERDICTS_AT].reshape(STATES, STATES),
        flat[VERDICTS_AT:],
    )
