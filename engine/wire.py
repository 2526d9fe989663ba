"""The face of the wire codec: request bytes to the columns of a batch.

No Python object is made per row or offer, and the GIL is released. What a row may say is decided
natively; a row that must be refused is a FAULT with the place of its bytes, and whoever reads
that one row says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import _wire, _wire_answer
from engine.addresses import ADDRESS, SKU, Addresses, Skus
from engine.columns import OfferColumns
from engine.schema import FEEDBACK, SNAPSHOT, InputKind


class WireError(IntEnum):
    """Why bytes are no message at all."""

    FINE = 0
    CORRUPT = 1
    NOT_UTF8 = 2


class FaultKind(IntEnum):
    """What a row is refused for."""

    ROW = 1
    OFFER_COUNT = 2
    OFFER = 3


class Section(IntEnum):
    """Columns of a decoded batch, in the order of `_wire`."""

    ADDRESSES = 0
    RECORDS = 1
    EVENTS = 2
    DECISION_IDS = 3
    INDICES = 4
    QUANTITIES = 5
    CURRENCY = 6
    FULFILMENT = 7
    FAULTS = 8
    LANDED = 9
    ITEMS = 10
    SELLERS = 11
    BITS = 12
    RATING_COUNTS = 13
    RATINGS = 14
    HANDLING = 15
    SKUS = 16
    AGES = 17


FAULT = np.dtype(
    [
        ("index", "<u4"),  # row of the request
        ("at", "<u4"),  # bytes of the row, or of its first bad offer
        ("end", "<u4"),
        ("count", "<u4"),  # offers of the row, or the place of the bad offer
        ("kind", "<u4"),
        ("padding", "<u4"),
    ]
)
"""A row that is not among the decoded ones; faults and rows together are all rows."""


@dataclass(frozen=True, slots=True)
class Request:
    """Message of a request: its rows' kind and the fields of request id (0: none) and rows."""

    kind: InputKind
    id_field: int
    rows_field: int


REPRICE = Request(InputKind.REPRICE, 1, 2)
EVALUATE = Request(InputKind.REPRICE, 0, 1)
FEEDBACK_REPORT = Request(InputKind.FEEDBACK, 1, 2)
STOCK_REPORT = Request(InputKind.STOCK, 1, 2)

ANSWER_TAG = 1 << 3 | 2
OFFERS_OF_SNAPSHOT = 6


@dataclass(slots=True)
class Decoded:
    """Columns of a request. Where `error` is not FINE, or it is overfull, it has none."""

    payload: bytes
    error: WireError
    is_overfull: bool
    """There are more rows, or more offers in all, than are allowed."""
    request_id: str
    row_count: int
    _native: _wire.Decoded

    def _column(self, section: Section, dtype: Any, count: int) -> NDArray[Any]:
        return self._native.column(int(section), dtype, count)

    def _of_rows(self, section: Section, dtype: Any) -> NDArray[Any]:
        return self._column(section, dtype, self._native.used)

    def _of_offers(self, section: Section, dtype: Any) -> NDArray[Any]:
        return self._column(section, dtype, self._native.offers_used)

    @property
    def addresses(self) -> Addresses:
        """How each good row names its listing."""
        return Addresses(self._of_rows(Section.ADDRESSES, ADDRESS), self.payload)

    @property
    def faults(self) -> NDArray[np.void]:
        """FAULT of each row that is refused, in order."""
        return self._column(Section.FAULTS, FAULT, self._native.faults_used)

    @property
    def snapshots(self) -> NDArray[np.void]:
        """`schema.SNAPSHOT` of each good row, without listing ids of keys and own offers."""
        return self._of_rows(Section.RECORDS, SNAPSHOT)

    @property
    def feedback(self) -> NDArray[np.void]:
        """`schema.FEEDBACK` of each good row, without listing ids of keys."""
        return self._of_rows(Section.RECORDS, FEEDBACK)

    @property
    def currency(self) -> NDArray[np.uint8]:
        """`money.currency_index` of each good row; 0 where feedback has no price."""
        return self._of_rows(Section.CURRENCY, np.uint8)

    @property
    def decision_ids(self) -> NDArray[np.uint64]:
        """Decision that each good row of feedback judges; 0: not given."""
        return self._of_rows(Section.DECISION_IDS, np.uint64)

    @property
    def fulfilment(self) -> NDArray[np.uint8]:
        """`schema.Fulfilment` of each good row of feedback."""
        return self._of_rows(Section.FULFILMENT, np.uint8)

    @property
    def indices(self) -> NDArray[np.uint32]:
        """Place in the request of each good stock level."""
        return self._of_rows(Section.INDICES, np.uint32)

    @property
    def quantities(self) -> NDArray[np.uint32]:
        """Quantity of each good stock level."""
        return self._of_rows(Section.QUANTITIES, np.uint32)

    @property
    def ages(self) -> NDArray[np.uint32]:
        """Age in days of each good stock level; 2**32 - 1: not given."""
        return self._of_rows(Section.AGES, np.uint32)

    @property
    def event_ms(self) -> NDArray[np.int64]:
        """When each good stock level was seen."""
        return self._of_rows(Section.EVENTS, np.int64)

    @property
    def item_minor(self) -> NDArray[np.int64]:
        """Item price of each offer of the good rows."""
        return self._of_offers(Section.ITEMS, np.int64)

    @property
    def offers(self) -> OfferColumns:
        """Offers of the good rows."""
        return OfferColumns(
            self._of_offers(Section.LANDED, np.int64),
            self._of_offers(Section.SELLERS, np.uint64),
            self._of_offers(Section.BITS, np.uint32),
            self._of_offers(Section.RATING_COUNTS, np.uint32),
            self._of_offers(Section.RATINGS, np.uint16),
            self._of_offers(Section.HANDLING, np.uint16),
        )

    @property
    def skus(self) -> Skus:
        """SKUs of the offers that name one."""
        return Skus(self._column(Section.SKUS, SKU, self._native.skus_used), self.payload)


def decode(
    request: Request, payload: bytes, max_rows: int, max_offers: int, max_offers_in_all: int
) -> Decoded:
    """Columns of a request. Pure; any thread."""
    native = _wire.decode(
        payload, request.kind, request.id_field, request.rows_field,
        max_rows, max_offers, max_offers_in_all,
    )  # fmt: skip
    request_id = str(native.request_id, "utf-8")
    return Decoded(
        payload, WireError(native.error), native.is_overfull, request_id, native.row_count, native
    )


def encode_decisions(decisions: NDArray[np.void], valid_ms: int) -> bytes:
    """Wire bytes of `schema.DECISION` rows as the first field of an answer, without keys."""
    return _wire_answer.encode_decisions(decisions, valid_ms)


def answer_of_stream(answer: bytes) -> bytes:
    """Message of StreamReprice that holds an answer to Reprice as its field 1."""
    head = bytearray([ANSWER_TAG])
    length = len(answer)
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + answer


def cut(request: Request, payload: bytes, every: int) -> tuple[list[int], bytes] | None:
    """Where a request can be cut so that no piece has more than `every` rows, both ends among the
    places, and its id field as bytes. None where it is corrupt or has not one id."""
    return _wire.cut(payload, request.id_field, request.rows_field, every)


def without_field(message: bytes, field: int) -> bytes:
    """A well-formed message without its length-delimited fields of this number."""
    return _wire.without_field(message, field)


def head_of_snapshot(message: bytes) -> bytes:
    """A well-formed OfferSnapshot message without its offers."""
    return _wire.without_field(message, OFFERS_OF_SNAPSHOT)
