"""The outermost layer of a message: which kind it is, and where its payload is."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Raw

from engine.errors import InputError
from server.amazon import structs
from server.amazon.decoding import decoder
from server.amazon.problems import within
from server.amazon.spelling import ABSENT

GET_ITEM_OFFERS = "getItemOffers"
GET_PRICING = "getPricing"

_decode = decoder(structs.Envelope)
_decode_text = decoder(str)
# An SQS body that holds an SNS wrapper that holds the message.
_MAX_WRAPPERS = 2


class Message(NamedTuple):
    """A message without its wrappers. `notification_id` is empty where it has none."""

    notification_type: str
    notification_id: str
    payload: Raw


def open_message(json: bytes) -> Message:
    """Unwraps the message and names its kind. Raises InputError.

    Reasons beside those of `decoding`: NOT_UTF8, RESPONSE_HAS_ERRORS for a failed SP-API call,
    NOT_A_MESSAGE for JSON that is neither notification nor response.
    """
    _check_utf8(json)
    envelope = _decode(json)
    for _ in range(_MAX_WRAPPERS):
        if envelope.notification_type:
            break
        wrapper = _wrapper(envelope)
        if wrapper is None:
            break
        envelope = _unwrapped(*wrapper)
    if envelope.notification_type:
        return _notification(envelope)
    return _response(envelope)


def _check_utf8(json: bytes) -> None:
    """Raises InputError, NOT_UTF8, also for a text that nothing reads and the decoder skips."""
    try:
        json.decode()
    except UnicodeDecodeError as error:
        message = f"JSON is not UTF-8 at byte {error.start}: {error.reason}"
        raise InputError(message, reason="NOT_UTF8") from error


def _wrapper(envelope: structs.Envelope) -> tuple[str, Raw] | None:
    if envelope.message is not ABSENT:
        return "Message", envelope.message
    if envelope.body is not ABSENT:
        return "Body", envelope.body
    return None


def _unwrapped(field: str, content: Raw) -> structs.Envelope:
    try:
        return _decode(_decode_text(content).encode())
    except InputError as error:
        raise within(field, error) from error


def _notification(envelope: structs.Envelope) -> Message:
    metadata = envelope.notification_metadata
    notification_id = (metadata.notification_id or "") if metadata else ""
    notification_type = (envelope.notification_type or "").strip().upper()
    return Message(notification_type, notification_id.strip(), envelope.payload)


def _response(envelope: structs.Envelope) -> Message:
    if envelope.errors:
        first = envelope.errors[0]
        raise InputError(
            f"the call failed with {first.code or 'an error'}: {(first.message or '')[:200]}",
            reason="RESPONSE_HAS_ERRORS",
            field="errors[0]",
        )
    payload = bytes(envelope.payload).lstrip()
    if payload.startswith(b"{"):
        return Message(GET_ITEM_OFFERS, "", envelope.payload)
    if payload.startswith(b"["):
        return Message(GET_PRICING, "", envelope.payload)
    raise InputError(
        "is no notification (NotificationType), no response (payload) and no wrapper "
        "(Message, Body) of one",
        reason="NOT_A_MESSAGE",
    )
