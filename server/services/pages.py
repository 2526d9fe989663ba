"""Pages of the List calls."""

from __future__ import annotations

from engine.errors import InputError

DEFAULT_PAGE = 100
MAX_PAGE = 1_000


def page_size(wanted: int) -> int:
    """Rows of a page. Raises InputError."""
    if wanted > MAX_PAGE:
        raise InputError(
            f"page_size is {wanted}; allowed: 0 to {MAX_PAGE}, 0 means {DEFAULT_PAGE}",
            reason="PAGE_SIZE_OUT_OF_RANGE",
            field="page_size",
        )
    return wanted or DEFAULT_PAGE


def page_start(token: str, first: int) -> int:
    """Where a page begins: the number that the last page's token holds. Raises InputError."""
    if not token:
        return first
    if not token.isascii() or not token.isdigit() or len(token) > 10:
        raise InputError(
            f"page_token is {token[:40]!r}; allowed: the next_page_token of the page before",
            reason="PAGE_TOKEN_INVALID",
            field="page_token",
        )
    return int(token)
