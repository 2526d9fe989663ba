"""Settings that reach the engine. They are inputs like any other: journaled when they change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from engine.guards.settings import GuardSettings

DECISIONS_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`limits` are those of the codec, by name; some of them decide which rows are applied."""

    decisions_kept: int = DECISIONS_KEPT
    limits: Mapping[str, int] = field(default_factory=dict)
    guards: GuardSettings = field(default_factory=GuardSettings)

    def pack(self) -> bytes:
        """The payload of a CONFIG frame; equal settings have equal bytes."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def unpack(cls, payload: bytes) -> EngineSettings:
        """What `pack` made."""
        plain = json.loads(payload)
        return cls(**plain | {"guards": GuardSettings(**plain["guards"])})
