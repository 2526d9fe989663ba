"""JSON text to structs; whatever is wrong with the text becomes one InputError."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.errors import InputError

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """A function that decodes JSON to `kind`.

    It raises InputError with reason BROKEN_JSON (the message says at which byte), NESTED_TOO_DEEP,
    or FIELD_INVALID for a value of the wrong type or out of its range. The data must be UTF-8.
    """
    decode = msgspec.json.Decoder(kind).decode

    def checked(data: bytes | msgspec.Raw) -> T:
        try:
            return decode(data)
        except msgspec.ValidationError as error:
            raise _invalid_field(error) from error
        except msgspec.DecodeError as error:
            raise _broken(error, data) from error
        except RecursionError as error:
            message = "JSON is nested too deep; Amazon's messages have about ten levels"
            raise InputError(message, reason="NESTED_TOO_DEEP") from error

    return checked


def _invalid_field(error: msgspec.ValidationError) -> InputError:
    problem, _, path = str(error).partition(" - at `$")
    field = path.rstrip("`").removeprefix(".")
    return InputError(problem, reason="FIELD_INVALID", field=field)


def _broken(error: msgspec.DecodeError, data: bytes | msgspec.Raw) -> InputError:
    text = str(error)
    if "(byte " not in text:
        text = f"{text} (byte {len(bytes(data))})"
    return InputError(text, reason="BROKEN_JSON")
