"""What becomes of a marketplace message: its wire form, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass

from repriced.v1 import pricing_pb2


@dataclass(frozen=True, slots=True)
class Translated:
    """A message in wire form: a snapshot for Reprice or a feedback row for ReportFeedback."""

    notification_type: str
    notification_id: str
    event_ms: int
    snapshot: pricing_pb2.OfferSnapshot | None = None
    feedback: pricing_pb2.Feedback | None = None
    ambiguous_own: bool = False
    """Several offers are the seller's own and their fulfilment does not tell them apart."""

    @property
    def seller_id(self) -> str:
        """Whose listings the message is about."""
        row = self.snapshot if self.snapshot is not None else self.feedback
        return "" if row is None else row.asin.seller_id

    @property
    def identity(self) -> str:
        """What tells a repeat, "" where nothing does: the NotificationId within its seller.

        Within, so that nobody can use up the ids of another seller's messages.
        """
        seller_id = self.seller_id
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
