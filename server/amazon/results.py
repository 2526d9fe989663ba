"""What becomes of a marketplace message: its wire form, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from engine.schema import InputKind
from repriced.v1 import pricing_pb2
from repriced.v1 import types_pb2 as wire


class Asin(NamedTuple):
    """Whose listings of what a message is about."""

    seller_id: str
    marketplace_id: str
    asin: str
    condition: wire.Condition
    audience: wire.Audience

    def key(self) -> wire.AsinKey:
        """The same as a message."""
        return wire.AsinKey(**self._asdict())


@dataclass(slots=True)
class Translated:
    """A message in wire form: a snapshot for Reprice or a feedback row for ReportFeedback."""

    notification_type: str
    notification_id: str
    event_ms: int
    asin: Asin
    kind: InputKind
    """REPRICE or FEEDBACK."""
    row: bytes
    """The bytes of a request of that kind with this row alone; several of them one after the other
    are a request with all of their rows."""
    ambiguous_own: bool = False
    """Several offers are the seller's own and their fulfilment does not tell them apart."""

    @property
    def snapshot(self) -> pricing_pb2.OfferSnapshot | None:
        """The row as a message, where it is a snapshot."""
        if self.kind != InputKind.REPRICE:
            return None
        return pricing_pb2.RepriceRequest.FromString(self.row).snapshots[0]

    @property
    def feedback(self) -> pricing_pb2.Feedback | None:
        """The row as a message, where it is feedback."""
        if self.kind != InputKind.FEEDBACK:
            return None
        return pricing_pb2.ReportFeedbackRequest.FromString(self.row).feedback[0]

    @property
    def identity(self) -> str:
        """What tells a repeat, "" where nothing does: the NotificationId within its seller.

        Within, so that nobody can use up the ids of another seller's messages.
        """
        seller_id = self.asin.seller_id
        named = f"{len(seller_id)}:{seller_id}{self.notification_id}"
        return named if self.notification_id else ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that cannot be used.

    `reason` is a stable upper-snake word, `field` the path in the message where one field is to
    blame, `message` names field, value and what is allowed.
    """

    notification_type: str
    notification_id: str
    reason: str
    field: str
    message: str
