"""Refusals inside a message: InputErrors that name field, value and what is allowed."""

from __future__ import annotations

from engine.errors import InputError


def within(path: str, error: InputError) -> InputError:
    """The same error with the path of the object that its field is in."""
    field = f"{path}.{error.field}" if error.field else path
    return InputError(error.message, reason=error.reason, field=field)


def required(value: str | None, field: str, reason: str) -> str:
    """The value without surrounding spaces. Raises InputError where it is absent or blank."""
    stripped = value.strip() if value else ""
    if not stripped:
        raise InputError("is missing or blank and has to be given", reason=reason, field=field)
    return stripped
