"""The journal of mode `off` has the surface of the one on disk."""

from __future__ import annotations

import pytest
from disk import SimulatedDisk
from story import open_journal

from engine.journal import Frame, FrameKind, Journal, MemoryJournal
from engine.schema import InputKind


@pytest.fixture(params=["memory", "disk"])
def journal(request: pytest.FixtureRequest) -> Journal:
    return MemoryJournal(10**6) if request.param == "memory" else open_journal(SimulatedDisk())


def test_both_give_the_same_frames(journal: Journal) -> None:
    assert (journal.first_sequence, journal.last_sequence, journal.last_ms) == (1, 0, 0)
    assert journal.read(1) is None
    journal.append(InputKind.PAUSE, b"one", 5, b"scope", bytes(range(16)), 2)
    journal.append(InputKind.RESUME, b"two", 6)
    journal.commit()
    journal.append_output(2, b"answer")
    journal.append(InputKind.STOCK, b"three", 6)
    journal.commit()
    expected = [
        Frame(1, InputKind.PAUSE, 5, b"one", b"scope", bytes(range(16)), 2),
        Frame(2, InputKind.RESUME, 6, b"two"),
        Frame(3, FrameKind.OUTPUT, 6, (2).to_bytes(8, "little") + b"answer"),
        Frame(4, InputKind.STOCK, 6, b"three"),
    ]
    assert list(journal.read_from(1)) == expected
    assert list(journal.read_from(4)) == expected[3:]
    assert [journal.read(at) for at in range(6)] == [None, *expected, None]
    assert (journal.first_sequence, journal.last_sequence, journal.last_ms) == (1, 4, 6)
    assert journal.prune(1) == 0
    journal.close()


def test_memory_forgets_the_oldest() -> None:
    journal = MemoryJournal(10)
    for at in range(5):
        journal.append(InputKind.PAUSE, bytes(4), at)
    assert journal.first_sequence == 4
    assert journal.read(3) is None
    assert [each.sequence for each in journal.read_from(1)] == [4, 5]
    journal.append(InputKind.PAUSE, bytes(40), 5)
    assert journal.first_sequence == journal.last_sequence == 6, "the newest stays"
