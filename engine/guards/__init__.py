"""What stands between a proposed price and the seller's listing. `gate.py` has the precedence."""

from engine.guards.bounds import inside_bounds, keeps_bounds
from engine.guards.events import Event, EventKind, EventLog, Guard
from engine.guards.settings import GuardSettings
from engine.guards.state import Guards

__all__ = [
    "Event",
    "EventKind",
    "EventLog",
    "Guard",
    "GuardSettings",
    "Guards",
    "inside_bounds",
    "keeps_bounds",
]
