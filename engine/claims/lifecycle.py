"""Claims over time: what the audit says, what people did, and what Amazon answered."""

from __future__ import annotations

from datetime import date

from engine.claims.claim import Claim
from engine.claims.store import Store

__all__ = ["Ledger"]


class Ledger:
    """Claims of a store, kept across audits."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def merge(self, seller: str, claims: list[Claim], today: date) -> None:
        """Brings the claims of an audit in."""
