"""Between protobuf and the engine: the only place that knows both.

request bytes -> native codec, or parser and rows checked one by one -> batch of engine.columns
engine.results -> messages -> answer bytes
"""

from __future__ import annotations

from server.wire.answers import (
    decision_message,
    decision_messages,
    evaluate_answer,
    watch_message,
)
from server.wire.codec import WireCodec
from server.wire.definitions import (
    key_definition,
    key_message,
    listing_definition,
    listing_message,
    seller_definition,
    seller_message,
)
from server.wire.limits import WireLimits
from server.wire.native import decode_evaluate, decode_feedback, decode_reprice
from server.wire.states import bracket_message, listing_state_message
from server.wire.strategies import strategy_definition, strategy_message

__all__ = [
    "WireCodec",
    "WireLimits",
    "bracket_message",
    "decision_message",
    "decision_messages",
    "decode_evaluate",
    "decode_feedback",
    "decode_reprice",
    "evaluate_answer",
    "key_definition",
    "key_message",
    "listing_definition",
    "listing_message",
    "listing_state_message",
    "seller_definition",
    "seller_message",
    "strategy_definition",
    "strategy_message",
    "watch_message",
]
