"""JSON text to structs; whatever is wrong with the text becomes one InputError."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.errors import InputError

T = TypeVar("T")


def decoder(kind: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """A function that decodes JSON to `kind`.

    It raises InputError with reason BROKEN_JSON (the message says at which byte), NOT_UTF8,
    NESTED_TOO_DEEP, or FIELD_INVALID for a value of the wrong type or out of its range.
    """
    decode = msgspec.json.Decoder(kind).decode

    def checked(data: bytes | msgspec.Raw) -> T:
        try:
            return decode(data)
        except msgspec.ValidationError as error:
            raise _invalid_field(error) from error
        except msgspec.DecodeError as error:
            raise _broken(error, data) from error
        except UnicodeDecodeError as error:
            raise _not_utf8(error, data) from error
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


def _not_utf8(error: UnicodeDecodeError, data: bytes | msgspec.Raw) -> InputError:
    try:
        bytes(data).decode()
        place = "inside a string"
    except UnicodeDecodeError as whole:
        place = f"at byte {whole.start}"
    return InputError(f"JSON is not UTF-8 {place}: {error.reason}", reason="NOT_UTF8")
