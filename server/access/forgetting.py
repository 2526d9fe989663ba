"""A seller in the access file: which callers go with it, and what its lines of the log become.

The log stays whole: who did what, when, and to how many rows. In place of the seller, its listings
and strategies, and of callers that were the seller's alone, there is a mark drawn at random for
this one erasure: lines of one seller still belong together, and nothing leads back to it
(docs/decisions/0111-a-mark-in-place-of-an-erased-seller.md).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import msgspec

MARK_BYTES = 8


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A seller that was erased by the input `sequence`; `callers` were its alone."""

    seller_id: str
    sequence: int
    callers: frozenset[str]
    mark: str

    def names(self) -> list[str]:
        """How the seller and its callers stand in the JSON of a line."""
        return [as_json(each) for each in (self.seller_id, *sorted(self.callers))]

    def line(self, caller: str, detail: str) -> tuple[str, str]:
        """A line's caller and detail without the seller."""
        told = msgspec.json.decode(detail)
        if told.get("name") in self.callers:
            told = {key: told[key] for key in told if key not in ("rights", "certificate")}
            told["name"] = self.mark
        if told.get("rights", {}).get("sellers"):
            sellers = [self._kept(each) for each in told["rights"]["sellers"]]
            told["rights"] = {**told["rights"], "sellers": sellers}
        if "first" in told:
            told["first"] = [self._kept(each) for each in told["first"]]
        return (
            self.mark if caller in self.callers else caller,
            msgspec.json.encode(told).decode(),
        )

    def late(self, caller: str, detail: str) -> tuple[str, str]:
        """The same of a line that comes after the erasure: those of earlier inputs only."""
        if msgspec.json.decode(detail).get("sequence", 0) > self.sequence:
            return caller, detail
        return self.line(caller, detail)

    def _kept(self, row: Any) -> Any:
        """A row of a line, or the mark in its place."""
        named = row.get("listing", []) if isinstance(row, dict) else row
        gone = self.seller_id in named if isinstance(named, list) else named == self.seller_id
        return self.mark if gone else row


def new_mark() -> str:
    """What stands for one erased seller; it cannot be computed from the seller."""
    return f"erased-{secrets.token_hex(MARK_BYTES)}"


def as_json(text: str) -> str:
    """A text as it stands in a line."""
    return msgspec.json.encode(text).decode()
