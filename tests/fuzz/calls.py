"""Request bytes of every kind; the first byte says which.

Oracle of the kinds that are decoded natively is a decoder on the generated parser. What defines
something is the same again after it was written back. And whatever is taken can be applied.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from engine.errors import ApplyError, InputError, RepricedError
from engine.guards import GuardSettings
from engine.journal import MemoryJournal
from engine.pipeline import Engine
from engine.results import Answer
from engine.schema import InputKind
from engine.settings import EngineSettings
from server.wire import (
    WireCodec,
    listing_definition,
    listing_message,
    seller_definition,
    seller_message,
    strategy_definition,
    strategy_message,
)
from server.wire.codec import DECODERS
from tests.engine.wire.wire_cases import KINDS as HOT
from tests.engine.wire.wire_cases import check
from tests.server.recovery.workload import Workload

KINDS = [kind for kind in DECODERS if kind != InputKind.REPRICE_PART]
"""Parts are made by the server, of requests that it took."""
HOT_NAMES = {kind: name for name, kind in HOT.items()}
WORKLOAD_STEPS = 400
LIVES = 500
"""So many requests are applied to one engine, in which listings, holds and stops gather."""
STEP_MS = 700
SETTINGS = EngineSettings(100, {}, GuardSettings(breaker_listings=3, breaker_depth_bp=500))
AGAIN: dict[InputKind, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    InputKind.SELLERS: (seller_message, seller_definition),
    InputKind.STRATEGIES: (strategy_message, strategy_definition),
    InputKind.LISTINGS: (listing_message, listing_definition),
}


class Shop:
    """An engine with some listings, and everything that was applied to it."""

    def __init__(self) -> None:
        self.codec = WireCodec()
        self.engine = Engine(self.codec, MemoryJournal(1_000_000))
        work = Workload(1, listings=12)
        self.now_ms = work.now_ms
        self.engine.configure(SETTINGS, self.now_ms)
        self.applied: list[tuple[InputKind, bytes]] = []
        for _, kind, payload in work.opening():
            self.apply(kind, payload)

    def apply(self, kind: InputKind, payload: bytes) -> Answer | RepricedError:
        """What the engine says, which is never that it cannot apply what it took."""
        self.applied.append((kind, payload))
        self.now_ms += STEP_MS
        caller = f"caller {len(self.applied)}"
        (answer,) = self.engine.apply_group([self.engine.shape(kind, payload, caller)], self.now_ms)
        if isinstance(answer, ApplyError):
            story = "; ".join(f"{each.name} {data.hex()}" for each, data in self.applied)
            raise AssertionError(f"cannot be applied: {story}") from answer.__cause__
        return answer


SHOPS: list[Shop] = []


def seeds() -> list[bytes]:
    """A request of every kind."""
    work = Workload(3, listings=12)
    smallest: dict[InputKind, bytes] = {}
    for _, kind, payload in chain(work.opening(), work.steps(WORKLOAD_STEPS)):
        if kind not in smallest or len(payload) < len(smallest[kind]):
            smallest[kind] = payload
    return [bytes([kind]) + payload for kind, payload in smallest.items()]


def one(data: bytes) -> str:
    """Refused, or taken and applied; nothing but errors of the tree is raised."""
    number, payload = data[0] if data else 0, data[1:]
    kind = InputKind(number) if number in KINDS else KINDS[number % len(KINDS)]
    if kind in HOT_NAMES:
        check(HOT_NAMES[kind], payload)
    if not SHOPS or len(SHOPS[0].applied) > LIVES:
        SHOPS[:] = [Shop()]
    try:
        batch = SHOPS[0].codec.decode(kind, payload)
    except InputError as error:
        return error.reason
    answer = SHOPS[0].apply(kind, payload)
    if isinstance(answer, RepricedError):
        return answer.reason
    if kind in AGAIN:
        write, read = AGAIN[kind]
        refused = {each.index for each in answer.result.problems}
        for index, definition in batch.rows:
            assert index in refused or read(write(definition)) == definition, definition
    return "taken"
