"""Bearer tokens: 256 random bits, shown once, kept as their SHA-256 only."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence

PREFIX = "rpr_"
TOKEN = re.compile(r"rpr_[A-Za-z0-9_-]{43}")
SCHEME = "bearer"
LONGEST_HEADER = 128
HEADER = "authorization"


def new_token() -> str:
    """A token that nobody can guess; the prefix lets secret scanners find a leaked one."""
    return PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def digest_of(token: str) -> bytes:
    """What is kept of a token. It has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).digest()


def token_of(metadata: Sequence[tuple[str, str | bytes]]) -> tuple[bool, str]:
    """Whether a call brings credentials at all, and its token, "" where that is malformed.

    A header that comes twice is malformed: which of the two counts must not depend on who reads it.
    """
    given = [value for key, value in metadata if key == HEADER]
    if not given:
        return False, ""
    header = given[0]
    if len(given) > 1 or not isinstance(header, str) or len(header) > LONGEST_HEADER:
        return True, ""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != SCHEME or TOKEN.fullmatch(token) is None:
        return True, ""
    return True, token
