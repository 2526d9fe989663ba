"""Where applied inputs are kept: on disk (mode `always`), or in memory only (mode `off`)."""

from engine.journal.file_journal import FileJournal
from engine.journal.frames import Frame, FrameKind, split_output
from engine.journal.memory import Journal, MemoryJournal
from engine.journal.storage import DirectoryStorage, Storage

__all__ = [
    "DirectoryStorage",
    "FileJournal",
    "Frame",
    "FrameKind",
    "Journal",
    "MemoryJournal",
    "Storage",
    "split_output",
]
