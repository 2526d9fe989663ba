"""Engines over data directories, with the real codec and files, and what is compared of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ApplyError, RepricedError
from engine.guards import GuardSettings
from engine.journal import DirectoryStorage, FileJournal
from engine.pipeline import Engine
from engine.recovery import Recovered, newest_sequence, recover
from engine.results import Answer
from engine.schema import InputKind
from engine.settings import EngineSettings
from engine.state import State
from engine.state_columns import GUARDS, dump, state_hash
from server.wire import WireCodec

JOURNAL_ID = b"0123456789abcdef"
SETTINGS = EngineSettings(
    1_000, {"max_offers_per_snapshot": 5}, GuardSettings(breaker_listings=5, breaker_depth_bp=500)
)


@dataclass
class Opened:
    """An engine of a directory; `stop` ends it like a kill, nothing is written any more."""

    storage: DirectoryStorage
    engine: Engine
    recovered: Recovered

    def stop(self) -> None:
        """Gives the directory up as a killed process does."""
        self.storage.close()


def open_shard(path: Path, now_ms: int, segment_bytes: int = 1 << 20) -> Opened:
    """Opens a directory and takes the settings into force."""
    storage = DirectoryStorage(path)
    try:
        journal = FileJournal.open(
            storage,
            JOURNAL_ID,
            from_sequence=newest_sequence(storage, 2**63),
            segment_bytes=segment_bytes,
        )
        replayer, recovered = recover(storage, journal, WireCodec())
    except RepricedError:
        storage.close()
        raise
    replayer.finish()
    replayer.engine.configure(SETTINGS, now_ms)
    return Opened(storage, replayer.engine, recovered)


def apply(engine: Engine, now_ms: int, *requests: tuple[InputKind, bytes]) -> list[Any]:
    """Answers of a group: bytes, or the error."""
    inputs = [engine.shape(kind, payload, "caller") for kind, payload in requests]
    given = engine.apply_group(inputs, now_ms)
    for each in given:
        if isinstance(each, ApplyError):
            raise each
    return [each.payload if isinstance(each, Answer) else each for each in given]


def facts(state: State) -> dict[str, bytes]:
    """Everything that a state holds, to be compared bit by bit."""
    return {name: np.ascontiguousarray(column).tobytes() for name, column in dump(state).items()}


def guarded(state: State) -> dict[str, bytes]:
    """What the guards of a state remember, to be compared bit by bit."""
    return {name: raw for name, raw in facts(state).items() if name.startswith(GUARDS)}


def same(one: State, other: State) -> None:
    """Asserts that two states are the same in every bit."""
    left, right = facts(one), facts(other)
    assert [name for name in left if left[name] != right[name]] == []
    assert state_hash(one) == state_hash(other)
