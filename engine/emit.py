"""Turns committed outcomes into numbered decisions and keeps what Explain needs of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import _emit
from engine.errors import RowProblem
from engine.results import TickResult
from engine.room import as_bytes
from engine.schema import DECISION

ALL_EMITTED: NDArray[np.uint8] = np.zeros(0, np.uint8)


def decide(
    record_bytes: NDArray[np.uint8],
    outcomes: NDArray[np.void],
    slots: NDArray[np.intp],
    status: NDArray[np.uint8],
    first_id: int,
    now_ms: int,
) -> NDArray[np.void]:
    """Decisions (`schema.DECISION`) of these slots of outcomes, numbered from `first_id` on.

    `status` is a `schema.DecisionStatus` for each, or `ALL_EMITTED`. Those that go out are noted
    in the listing's record; `record_bytes` is the memory of all records (`schema.RECORD`).
    """
    decisions = np.empty(len(slots), DECISION)
    _emit.decide(
        record_bytes, as_bytes(outcomes), slots, status, first_id, now_ms,
        as_bytes(decisions),
    )  # fmt: skip
    return decisions


def note_evidence(
    records: NDArray[np.void], outcomes: NDArray[np.void], event_ms: NDArray[np.int64]
) -> None:
    """Keeps the last verdict of each listing; `event_ms` stands beside the outcomes."""
    judged = outcomes["verdict"] != 0
    ids = outcomes["listing_id"][judged]
    records["evidence_kind"][ids] = outcomes["verdict"][judged]
    records["evidence_minor"][ids] = outcomes["previous_minor"][judged]
    records["evidence_ms"][ids] = event_ms[judged]


def note_ignored(outcomes: NDArray[np.void], result: TickResult) -> None:
    """Counts inputs that changed nothing, and names the request rows that were only such."""
    ignored = outcomes[outcomes["ignored"] != 0]
    result.ignored += len(ignored)
    if len(ignored) == 0:
        return
    applied = set(outcomes["index"][outcomes["ignored"] == 0].tolist())
    for index, reason in zip(ignored["index"].tolist(), ignored["reason"].tolist(), strict=True):
        if index not in applied:
            result.ignored_rows[index] = reason


def stopped(index: int, listing_id: int) -> RowProblem:
    """A price that the kill switch kept from going out."""
    return RowProblem(
        index,
        "listing",
        "REPRICING_STOPPED",
        f"listing {listing_id} is stopped; its price would change and stays as it is until"
        " RestartRepricing",
    )


def refusal(outcome: np.void) -> RowProblem:
    """A proposal that the last check of bounds stopped."""
    return RowProblem(
        int(outcome["index"]),
        "price_minor",
        "PRICE_OUTSIDE_BOUNDS",
        f"listing {int(outcome['listing_id'])}: the engine proposed"
        f" {int(outcome['price_minor'])}, outside its bounds; nothing was changed",
    )
