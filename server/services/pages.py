"""Pages of the List calls. A token names the query it belongs to and where its page begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from engine.errors import InputError

DEFAULT_PAGE = 100
MAX_PAGE = 1_000
POSITION = struct.Struct(">Q")
DIGEST_BYTES = 8
LAST_POSITION = 2**63 - 1


def page_size(wanted: int) -> int:
    """Rows of a page. Raises InputError."""
    if wanted > MAX_PAGE:
        raise InputError(
            f"page_size is {wanted}; allowed: 0 to {MAX_PAGE}, 0 means {DEFAULT_PAGE}",
            reason="PAGE_SIZE_OUT_OF_RANGE",
            field="page_size",
        )
    return wanted or DEFAULT_PAGE


def page_token(query: str, position: int) -> str:
    """Token of the page of a query that begins at a position."""
    place = POSITION.pack(position)
    return base64.urlsafe_b64encode(place + digest(query, place)).decode()


def page_start(query: str, token: str, first: int) -> int:
    """Where a page begins; without a token at `first`. Raises InputError."""
    if not token:
        return first
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raw = b""
    place, seal = raw[: POSITION.size], raw[POSITION.size :]
    forged = len(place) != POSITION.size or seal != digest(query, place)
    if forged or POSITION.unpack(place)[0] > LAST_POSITION:
        raise InputError(
            f"page_token is {token[:40]!r}; allowed: the next_page_token of the page before, with"
            " the other fields as they were",
            reason="PAGE_TOKEN_INVALID",
            field="page_token",
        )
    return int(POSITION.unpack(place)[0])


def digest(query: str, place: bytes) -> bytes:
    """Tells a token of another query, or a garbled one."""
    return hashlib.blake2b(query.encode() + place, digest_size=DIGEST_BYTES).digest()
