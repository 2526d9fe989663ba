"""Which sellers an input may touch. The scope travels with the input, so a replay decides alike.

A row outside the scope is answered exactly like one that does not exist: nobody learns from an
answer what another seller has.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InputError

Scope = frozenset[str] | None
"""Ids of the sellers that may be touched; None: all of them."""

EVERY_SELLER = b""
SEPARATOR = b"\0"


def pack_scope(sellers: Iterable[str] | None) -> bytes:
    """Sorted seller ids in UTF-8, joined by NUL; b"" stands for all sellers.

    Raises ValueError for no seller at all, a blank id, or one with a NUL inside: each of them
    would read back as another scope.
    """
    if sellers is None:
        return EVERY_SELLER
    ids = sorted(each.encode() for each in set(sellers))
    if not ids:
        raise ValueError("a scope without sellers would read back as all sellers")
    for each in ids:
        if not each or SEPARATOR in each:
            raise ValueError(
                f"seller id {each!r} cannot stand in a scope: it is blank or has a NUL"
            )
    return SEPARATOR.join(ids)


def parse_scope(packed: bytes) -> Scope:
    """The sellers of a packed scope. Raises ValueError for bytes that are not UTF-8."""
    if packed == EVERY_SELLER:
        return None
    return frozenset(packed.decode().split("\0"))


def inside(scope: Scope, seller_id: str) -> bool:
    """Whether a seller may be touched."""
    return scope is None or seller_id in scope


def check_seller(scope: Scope, field: str, seller_id: str) -> None:
    """Raises InputError for a seller outside the scope, whether it exists or not."""
    if not inside(scope, seller_id):
        raise InputError(
            f"{field}: seller {seller_id[:100]!r} is not known",
            reason="UNKNOWN_SELLER",
            field=field,
        )
