"""Where applied inputs are kept. For now in memory only: mode `off`."""

from engine.journal.memory import Frame, Journal, MemoryJournal

__all__ = ["Frame", "Journal", "MemoryJournal"]
