"""The door of the server: credentials in, a caller out, who has the role and the rate for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc

from server.access.access import Access
from server.access.caller import ANONYMOUS, Pass, set_current
from server.access.errors import DeniedError, UnauthenticatedError
from server.access.rates import Meter
from server.access.roles import role_of
from server.access.tokens import digest_of, token_of

SUBJECT_NAMES = "x509_subject_alternative_name"
COMMON_NAME = "x509_common_name"


def anybody() -> Any:
    """Whom no credentials stand for where none are needed."""
    return ANONYMOUS


class Door:
    """Lets calls in. `certificates`: connections bring verified client certificates."""

    def __init__(self, access: Access, meter: Meter, certificates: bool) -> None:
        self._access = access
        self._meter = meter
        self._certificates = certificates

    def by_metadata(self, metadata: Sequence[Any]) -> Pass | None:
        """Whom a call's headers stand for; None where the certificate has to say it.

        Raises UnauthenticatedError. Wrong credentials are never mended by a certificate.
        """
        if self._access.anonymous:
            return Pass(ANONYMOUS, anybody)
        given, token = token_of(metadata)
        if not given and self._certificates:
            return None
        return passed(partial(self._access.by_digest, digest_of(token)))

    def by_certificate(self, context: grpc.ServicerContext) -> Pass:
        """Whom the connection's certificate stands for. Raises UnauthenticatedError.

        The common name counts only in a certificate without alternative names.
        """
        facts: Any = context.auth_context()
        raw = facts.get(SUBJECT_NAMES) or facts.get(COMMON_NAME) or ()
        names = tuple(each.decode(errors="replace") for each in raw)
        return passed(partial(self._access.by_certificate, names))

    def check_role(self, entry: Pass, method: str) -> None:
        """Raises DeniedError for a caller without the method's role."""
        role = role_of(method)
        if not entry.caller.has(role):
            raise DeniedError(
                f"caller {entry.caller.name} does not have the role {role}", reason="ROLE_MISSING"
            )

    @contextmanager
    def call(self, entry: Pass) -> Iterator[None]:
        """One call inside, on the thread that serves it. Raises LimitError."""
        with self._meter.call(entry.caller):
            set_current(entry)
            yield


def passed(again: Any) -> Pass:
    """The pass of credentials. Raises UnauthenticatedError."""
    caller = again()
    if caller is None:
        raise UnauthenticatedError
    return Pass(caller, again)
