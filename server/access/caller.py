"""Who makes a call and what that caller may do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from engine.errors import InputError
from engine.scope import Scope, inside, pack_scope
from server.access.errors import DeniedError, UnauthenticatedError

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
NO_NAME_OF_A_CALLER = "anonymous"
LONGEST_SELLER_ID = 100
LONGEST_SCOPE = 60_000
"""Bytes of all seller ids of a caller; a frame of the journal has room for so many."""


class Role(StrEnum):
    """What a method needs; ADMIN stands for all of them."""

    INGEST = "ingest"
    OPERATE = "operate"
    READ = "read"
    ADMIN = "admin"


class Power(StrEnum):
    """What a caller can be limited in: listings (or strategies, sellers) that one call may move."""

    DEFINE = "define"
    PAUSE = "pause"
    RELEASE = "release"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class Rates:
    """How much a caller may ask for; 0: no limit."""

    calls_per_second: int = 1_000
    rows_per_second: int = 200_000
    concurrent_calls: int = 64


UNLIMITED = Rates(0, 0, 0)
NO_LIMITS: Mapping[Power, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller as the access file describes it. `sellers` None: all of them.

    `powers` holds the limit of each power that has one; 0 takes the power away.
    """

    name: str
    roles: frozenset[Role]
    sellers: Scope = None
    powers: Mapping[Power, int] = field(default_factory=lambda: NO_LIMITS)
    rates: Rates = Rates()

    def has(self, role: Role) -> bool:
        """Whether the caller has a role."""
        return role in self.roles or Role.ADMIN in self.roles

    def may(self, power: Power, count: int = 1) -> bool:
        """Whether one call of this caller may move so many listings in this way."""
        return count <= self.powers.get(power, count)

    def check(self, power: Power, count: int) -> None:
        """Raises DeniedError when one call may not move so many listings in this way."""
        if not self.may(power, count):
            raise DeniedError(
                f"the call would {power} {count}; allowed: at most {self.powers[power]} a call for"
                f" caller {self.name}",
                reason="CALLER_LIMIT",
            )

    def touches(self, seller_id: str) -> bool:
        """Whether a seller's rows exist for this caller."""
        return inside(self.sellers, seller_id)

    @property
    def scope(self) -> bytes:
        """The sellers as they travel with an input."""
        return pack_scope(self.sellers)


ANONYMOUS = Caller(NO_NAME_OF_A_CALLER, frozenset({Role.ADMIN}), rates=UNLIMITED)
"""Whoever reaches a server without an access file, which then listens on loopback only."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What a call was let in with; `again` looks whose credentials they are now."""

    caller: Caller
    again: Callable[[], Caller | None]

    @property
    def valid(self) -> bool:
        """Whether the credentials still stand for the same caller with the same rights."""
        return self.again() == self.caller

    def check(self) -> None:
        """Raises UnauthenticatedError when they do not."""
        if not self.valid:
            raise UnauthenticatedError


_CURRENT: ContextVar[Pass] = ContextVar("pass")


def current_pass() -> Pass:
    """What the call that this thread serves was let in with.

    Raises LookupError elsewhere, such as on the writer: who forgets to hand the scope over gets
    an error and not everybody's rows.
    """
    return _CURRENT.get()


def current_caller() -> Caller:
    """The caller of the call that this thread serves. Raises LookupError elsewhere."""
    return _CURRENT.get().caller


def set_current(entry: Pass) -> None:
    """Says whose call this thread serves from now on; for the interceptor only."""
    _CURRENT.set(entry)


def check_name(name: str) -> None:
    """Raises InputError for a name that no caller can have."""
    if NAME.fullmatch(name) is None or name == NO_NAME_OF_A_CALLER:
        raise InputError(
            f"caller is {name[:80]!r}; allowed: 1 to 63 of a-z, 0-9, '.', '_' and '-', beginning"
            f" with a letter or digit, and not {NO_NAME_OF_A_CALLER!r}",
            reason="CALLER_NAME",
            field="caller",
        )


def check_sellers(sellers: Scope) -> None:
    """Raises InputError for sellers that cannot be a scope; None stands for all."""
    if sellers is None:
        return
    if not sellers:
        raise InputError(
            "sellers is empty; allowed: at least one seller id, or all sellers said in so many"
            " words",
            reason="SELLERS_EMPTY",
            field="seller",
        )
    for each in sorted(sellers):
        clean = each.isprintable() and each == each.strip()
        if not clean or not 0 < len(each) <= LONGEST_SELLER_ID:
            raise InputError(
                f"seller is {each[:80]!r}; allowed: 1 to {LONGEST_SELLER_ID} printable characters"
                " without a blank at either end",
                reason="SELLER_ID",
                field="seller",
            )
    if len(pack_scope(sellers)) > LONGEST_SCOPE:
        raise InputError(
            f"seller: {len(sellers)} sellers have {len(pack_scope(sellers))} bytes together;"
            f" allowed: {LONGEST_SCOPE}, or all sellers",
            reason="SELLERS_TOO_MANY",
            field="seller",
        )
