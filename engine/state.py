"""The state of one shard: everything that is a function of its journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.catalog import Catalog
from engine.decisions import DecisionLog
from engine.guards import Guards
from engine.replies import Replies
from engine.results import Answer


@dataclass(slots=True)
class State:
    """Owned by the writer thread. `now_ms` is journal time and never falls."""

    decisions: DecisionLog
    replies: Replies[Answer]
    catalog: Catalog = field(default_factory=Catalog)
    guards: Guards = field(default_factory=Guards)
    now_ms: int = 0
    next_decision_id: int = 1
