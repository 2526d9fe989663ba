from collections.abc import Sequence

from server.amazon.amounts import Amounts
from server.amazon.structs import Offer

class OfferRows:
    count: int
    def __init__(
        self,
        offers: Sequence[Offer],
        amounts: Amounts,
        condition: int,
        own_seller_id: str,
        retail_seller_id: str,
    ) -> None: ...
    def read(self) -> None: ...
    @property
    def has_winner(self) -> bool: ...
    @property
    def all_tell(self) -> bool: ...
    @property
    def is_own_ambiguous(self) -> bool: ...
    def mark_winner(self, featured_minor: int) -> None: ...
    def wire(self, before: bytes, after: bytes) -> bytes: ...
