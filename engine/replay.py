"""Journaled inputs applied again, and the answers compared with those that were given."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import ReplayError, RepricedError
from engine.journal import Frame, FrameKind
from engine.journal.frames import NO_REQUEST, split_output
from engine.pipeline import SLICE_OF_LISTINGS, Engine
from engine.replies import Identity
from engine.results import Answer
from engine.schema import RULES_VERSION, InputKind
from engine.scope import parse_scope
from engine.settings import EngineSettings

UNANSWERED = np.dtype(
    [("sequence", "<u8"), ("now_ms", "<i8"), ("name", "<u8"), ("body", "<u8"), ("end", "<u8")]
)
"""An input whose answer was not read from the journal yet; `end` is that of the answer's bytes."""


class Unanswered(NamedTuple):
    """What an input led to, until the journal says what was answered."""

    sequence: int
    now_ms: int
    identity: Identity
    payload: bytes


class Replayer:
    """Feeds frames to an engine in the order of the journal. Raises ReplayError."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.inputs = 0
        self.compared = 0
        self._unanswered: deque[Unanswered] = deque()

    def feed(self, frame: Frame) -> None:
        """Applies an input, or compares an answer."""
        if frame.kind == FrameKind.OUTPUT:
            self._compare(frame)
        else:
            self._apply(frame)

    def finish(self) -> None:
        """Journals the answers that a crash took away."""
        while self._unanswered:
            each = self._unanswered.popleft()
            output = self.engine.journal.append_output(each.sequence, each.payload)
            self._remember(each, output.sequence)

    def dump(self) -> dict[str, NDArray[np.void] | NDArray[np.uint8]]:
        """Answers that are still to be compared, as columns of a snapshot."""
        ends = np.cumsum([len(each.payload) for each in self._unanswered], dtype=np.uint64)
        listed = [
            (each.sequence, each.now_ms, *each.identity, end)
            for each, end in zip(self._unanswered, ends.tolist(), strict=True)
        ]
        raw = b"".join(each.payload for each in self._unanswered)
        return {
            "unanswered": np.array(listed, UNANSWERED),
            "unanswered_payloads": np.frombuffer(raw, np.uint8),
        }

    def load(self, records: NDArray[np.void], payloads: NDArray[np.uint8]) -> None:
        """What `dump` gave."""
        begin = 0
        for sequence, now_ms, name, body, end in records.tolist():
            payload = payloads[begin:end].tobytes()
            self._unanswered.append(Unanswered(sequence, now_ms, Identity(name, body), payload))
            begin = end

    def _apply(self, frame: Frame) -> None:
        if frame.rules_version != RULES_VERSION:
            raise ReplayError(
                f"frame {frame.sequence} was written under rules version {frame.rules_version} and"
                f" this build decides by version {RULES_VERSION}: start the build that wrote it and"
                " stop it again, which leaves a snapshot, or replay with it",
                reason="RULES_VERSION",
            )
        self.engine.state.now_ms = frame.now_ms
        self.inputs += 1
        if frame.kind == InputKind.CONFIG:
            self.engine.adopt(EngineSettings.unpack(bytes(frame.payload)))
            return
        identity = Identity.unpack(frame.request_key)
        answered = Unanswered(frame.sequence, frame.now_ms, identity, self._payload(frame))
        self._unanswered.append(answered)

    def _payload(self, frame: Frame) -> bytes:
        engine, payload = self.engine, bytes(frame.payload)
        if frame.kind == InputKind.ADVANCE:
            first_id, last_id = SLICE_OF_LISTINGS.unpack(payload)
            return engine.shard.advance(first_id, last_id, frame.sequence).decided()
        kind = InputKind(frame.kind)
        try:
            batch = engine.shape(kind, payload).batch
        except RepricedError as error:
            raise ReplayError(
                f"frame {frame.sequence}: this build does not take what was taken: {error.message}",
                reason="REPLAY_REFUSED",
            ) from error
        scope = parse_scope(bytes(frame.scope))
        answer = engine.apply(kind, batch, frame.sequence, scope)
        return answer.payload if isinstance(answer, Answer) else b""

    def _compare(self, frame: Frame) -> None:
        sequence, payload = split_output(frame.payload)
        expected = self._unanswered.popleft() if self._unanswered else None
        if expected is None or expected.sequence != sequence or expected.payload != payload:
            raise ReplayError(
                f"input {sequence} leads to another answer than the one in frame {frame.sequence}:"
                " the state of this replay is not the one that was served",
                reason="REPLAY_DIFFERS",
            )
        self.compared += 1
        self._remember(expected, frame.sequence)

    def _remember(self, answered: Unanswered, output: int) -> None:
        if answered.identity.pack() != NO_REQUEST:
            self.engine.state.replies.remember(answered.identity, answered.now_ms, output)
