"""The state of one shard: everything that is a function of its journal."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.bounds.book import BoundsBook
from engine.catalog import Catalog
from engine.coupling import Coupling
from engine.decisions import DecisionLog
from engine.following import Following
from engine.guards import Guards
from engine.replies import Replies
from engine.sales import Sales
from engine.settings import EngineSettings


@dataclass(slots=True)
class State:
    """Owned by the writer thread. `now_ms` is journal time and never falls."""

    settings: EngineSettings | None = None
    """None before the first journaled input of a state that has settings."""
    catalog: Catalog = field(default_factory=Catalog)
    decisions: DecisionLog = field(default_factory=DecisionLog)
    replies: Replies = field(default_factory=Replies)
    guards: Guards = field(default_factory=Guards)
    sales: Sales = field(default_factory=Sales)
    following: Following = field(default_factory=Following)
    coupling: Coupling = field(default_factory=Coupling)
    bounds: BoundsBook = field(default_factory=BoundsBook)
    now_ms: int = 0
    next_decision_id: int = 1
