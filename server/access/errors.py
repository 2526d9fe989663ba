"""What a call is refused with before anything of it is looked at.

Both are of the tree in `engine.errors`; the interceptor gives them their status codes.
"""

from __future__ import annotations

from engine.errors import RepricedError


class UnauthenticatedError(RepricedError):
    """Nobody known makes this call. One message for every cause, so that none can be told apart."""

    def __init__(self) -> None:
        super().__init__(
            "the call brings no valid credentials; allowed: a bearer token in the authorization"
            " header, or a client certificate that names a caller",
            reason="UNAUTHENTICATED",
        )


class DeniedError(RepricedError):
    """The caller is known and may not do this."""
