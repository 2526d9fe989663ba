"""Turns committed outcomes into numbered decisions and keeps what Explain needs of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.errors import RowProblem
from engine.results import TickResult
from engine.schema import DECISION, DecisionStatus

COPIED = (
    "price_minor",
    "previous_minor",
    "reference_minor",
    "listing_id",
    "index",
    "reason",
    "state",
)


def decide(
    records: NDArray[np.void],
    changed: NDArray[np.void],
    status: NDArray[np.uint8],
    first_id: int,
    now_ms: int,
) -> NDArray[np.void]:
    """Decisions (`schema.DECISION`) of changed outcomes, numbered from `first_id` on.

    `status` is a `schema.DecisionStatus` for each. Those that go out are noted in the listing's
    record (`schema.RECORD`).
    """
    ids = changed["listing_id"]
    decisions = np.zeros(len(changed), DECISION)
    for name in COPIED:
        decisions[name] = changed[name]
    decisions["decision_id"] = np.arange(len(changed), dtype=np.uint64) + np.uint64(first_id)
    decisions["decided_ms"] = now_ms
    decisions["bounds_version"] = records["bounds_version"][ids]
    decisions["currency"] = records["currency"][ids]
    decisions["status"] = status
    emitted = status == DecisionStatus.EMITTED
    ids = ids[emitted]
    records["decision_id"][ids] = decisions["decision_id"][emitted]
    records["decided_ms"][ids] = now_ms
    records["previous_minor"][ids] = changed["previous_minor"][emitted]
    records["decision_reason"][ids] = changed["reason"][emitted]
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
