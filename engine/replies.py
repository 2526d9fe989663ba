"""Requests of the recent past, so that a repeated `request_id` is answered and not applied again.

A request is remembered for ten minutes of journal time or among the newest 100,000, whichever
ends first. Its answers stand in the journal; here is only where.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from engine.errors import ConflictError

WINDOW_MS = 10 * 60_000
WINDOW_COUNT = 100_000

REPLY = np.dtype(
    [("name", "<u8"), ("body", "<u8"), ("now_ms", "<i8"), ("part", "<u4"), ("output", "<u8")]
)
"""One answered part of a request, as snapshots keep it; oldest first."""


class Identity(NamedTuple):
    """What tells a repeat from a new request: hashes of its name and of its body.

    The name is caller, method and request id. A chance collision of two names within the window
    could only refuse a request as a reused id, never answer or apply a wrong one.
    """

    name: int
    body: int

    def pack(self) -> bytes:
        """The 16 bytes of a frame's request key."""
        return self.name.to_bytes(8, "little") + self.body.to_bytes(8, "little")

    @classmethod
    def unpack(cls, packed: bytes) -> Identity:
        """What `pack` made."""
        return cls(int.from_bytes(packed[:8], "little"), int.from_bytes(packed[8:], "little"))


def identity_of(caller: str, method: int, request_id: str, body: bytes) -> Identity:
    """Identity of a request; `method` is the `schema.InputKind`, or 0 for calls of several."""
    name = f"{len(caller)} {caller} {method} {request_id}".encode()
    return Identity(xxhash.xxh3_64_intdigest(name), xxhash.xxh3_64_intdigest(body))


@dataclass(slots=True)
class Reply:
    """Sequence numbers of the OUTPUT frames of a request, one for each of its inputs."""

    body: int
    now_ms: int
    outputs: list[int]


class Replies:
    """Remembered requests by name, oldest first."""

    def __init__(self) -> None:
        self._replies: OrderedDict[int, Reply] = OrderedDict()

    def outputs(self, identity: Identity, now_ms: int) -> list[int]:
        """Where the answers to a request stand, in the order of its inputs; empty: it is new.

        Raises ConflictError for the same name with another body.
        """
        reply = self._replies.get(identity.name)
        if reply is None or reply.now_ms < now_ms - WINDOW_MS:
            return []
        if reply.body != identity.body:
            raise reused()
        return reply.outputs

    def remember(self, identity: Identity, now_ms: int, output: int) -> None:
        """Notes that the next input of a request is answered by frame `output`.

        Forgets what has left the window.
        """
        reply = self._replies.get(identity.name)
        if reply is None or reply.now_ms < now_ms - WINDOW_MS:
            self._replies.pop(identity.name, None)
            self._replies[identity.name] = Reply(identity.body, now_ms, [output])
        else:
            reply.outputs.append(output)
        while self._outside(next(iter(self._replies.values())), now_ms):
            self._replies.popitem(last=False)

    def _outside(self, oldest: Reply, now_ms: int) -> bool:
        return oldest.now_ms < now_ms - WINDOW_MS or len(self._replies) > WINDOW_COUNT

    @property
    def oldest_output(self) -> int:
        """The oldest frame that an answer stands in; 0 when nothing is remembered."""
        return min((each.outputs[0] for each in self._replies.values()), default=0)

    def dump(self) -> NDArray[np.void]:
        """All of it as `REPLY` records."""
        return np.array(
            [
                (name, each.body, each.now_ms, part, output)
                for name, each in self._replies.items()
                for part, output in enumerate(each.outputs)
            ],
            REPLY,
        )

    @classmethod
    def load(cls, records: NDArray[np.void]) -> Replies:
        """What `dump` gave."""
        loaded = cls()
        for name, body, now_ms, part, output in records.tolist():
            if part:
                loaded._replies[name].outputs.append(output)
            else:
                loaded._replies[name] = Reply(body, now_ms, [output])
        return loaded


def reused() -> ConflictError:
    """Answer to a request id that was used for another body."""
    return ConflictError(
        "request_id was used before with another body; use a new id for every new request",
        reason="REQUEST_ID_REUSED",
        field="request_id",
    )
