"""What applying an input gives back; the codec turns it into answer bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from engine.errors import RowProblem
from engine.schema import DECISION


def no_decisions() -> NDArray[np.void]:
    """An empty array of `schema.DECISION`."""
    return np.zeros(0, DECISION)


@dataclass(slots=True)
class TickResult:
    """Answer to Reprice, ReportFeedback and ReportStock.

    `evaluated` counts listings, `ignored` those of them whose input changed nothing,
    and `ignored_rows` is the `schema.Reason` of each request row that changed nothing anywhere.
    """

    sequence: int
    problems: list[RowProblem] = field(default_factory=list)
    evaluated: int = 0
    ignored: int = 0
    ignored_rows: dict[int, int] = field(default_factory=dict)
    set_aside: NDArray[np.void] = field(default_factory=no_decisions)
    """Decisions that must not be submitted: held by a guard, or of a seller in dry run."""
    _made: list[NDArray[np.void]] = field(default_factory=list)

    def add(self, decisions: NDArray[np.void]) -> None:
        """Adds decisions (`schema.DECISION`) that go out."""
        self._made.append(decisions)

    def join(self, other: TickResult) -> None:
        """Adds the decisions of another part of the same input."""
        self.add(other.decisions)
        self.set_aside = np.concatenate([self.set_aside, other.set_aside])

    def without_decisions(self) -> TickResult:
        """The rest of the result."""
        return TickResult(
            self.sequence, self.problems, self.evaluated, self.ignored, self.ignored_rows,
            self.set_aside,
        )  # fmt: skip

    @property
    def decisions(self) -> NDArray[np.void]:
        """Decisions that go out (`schema.DECISION`), in their order."""
        if len(self._made) != 1:
            self._made = [np.concatenate(self._made) if self._made else no_decisions()]
        return self._made[0]

    def decided(self) -> bytes:
        """All decisions as bytes, for the journal to compare; those set aside come last."""
        return self.decisions.tobytes() + self.set_aside.tobytes()


@dataclass(slots=True)
class UpsertResult:
    """Answer to BatchUpsertListings; `upserted` holds (index, listing id, created)."""

    sequence: int
    upserted: list[tuple[int, int, bool]] = field(default_factory=list)
    decisions: NDArray[np.void] = field(default_factory=no_decisions)
    problems: list[RowProblem] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    set_aside: NDArray[np.void] = field(default_factory=no_decisions)


@dataclass(slots=True)
class CountResult:
    """Answer to calls that only count what they did, and decisions that came of it."""

    sequence: int
    count: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    decisions: NDArray[np.void] = field(default_factory=no_decisions)
    warnings: list[RowProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What one snapshot would lead to."""

    index: int
    listing_id: int
    price_minor: int
    reason: int
    state: int
    changed: bool


@dataclass(slots=True)
class EvaluateResult:
    """Answer to EvaluatePrice."""

    prices: list[Evaluated] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


Result = TickResult | UpsertResult | CountResult


@dataclass(frozen=True, slots=True)
class Answer:
    """What an input led to, and the same as answer bytes; of a repeat only the bytes are known."""

    result: Result | None
    payload: bytes
