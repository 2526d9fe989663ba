"""A journal applied again: does it lead to the answers it holds, and to the snapshots beside it?"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.errors import JournalDamagedError, ReplayError
from engine.journal import Journal
from engine.journal.snapshots import list_snapshots, read_directory
from engine.journal.storage import Storage
from engine.pipeline import Codec
from engine.recovery import EVERY, Progress, begin, oldest_sequence, read_start
from engine.replay import Replayer
from engine.state_columns import state_hash


@dataclass(slots=True)
class Verified:
    """What was compared. Equal if `differences` is empty; otherwise each says what and where."""

    start: str
    first_sequence: int
    last_sequence: int
    inputs: int = 0
    compared: int = 0
    snapshots: int = 0
    state_hash: str = ""
    differences: list[str] = field(default_factory=list)


def verify_journal(
    storage: Storage, journal: Journal, codec: Codec, progress: Progress | None = None
) -> tuple[Replayer, Verified]:
    """Replays a journal from its first frame and compares all answers and the state hash of each
    snapshot on the way.

    Where the journal was pruned it goes from the oldest snapshot that meets it. Ends at the first
    answer that differs, as everything behind it would. Raises JournalDamagedError.
    """
    start, columns = read_start(storage, oldest_sequence(storage, journal))
    replayer = begin(storage, journal, codec, start, columns)
    last = journal.last_sequence
    found = Verified(start.name, start.sequence + 1, last, differences=start.problems)
    hashes = snapshot_hashes(storage, found)
    try:
        for done, frame in enumerate(journal.read_from(start.sequence + 1)):
            if frame.sequence > last:
                break
            replayer.feed(frame)
            if frame.sequence in hashes:
                compare(found, replayer, frame.sequence, hashes[frame.sequence])
            if progress is not None and done % EVERY == 0:
                progress(done, last - start.sequence)
    except ReplayError as error:
        found.differences.append(error.message)
    found.inputs, found.compared = replayer.inputs, replayer.compared
    found.state_hash = state_hash(replayer.engine.state)
    return replayer, found


def snapshot_hashes(storage: Storage, found: Verified) -> dict[int, str]:
    """State hashes of the snapshots behind the start, by sequence."""
    hashes: dict[int, str] = {}
    for each in list_snapshots(storage):
        if not found.first_sequence <= each.sequence <= found.last_sequence:
            continue
        try:
            hashes[each.sequence] = read_directory(storage, each.name).state_hash
        except (JournalDamagedError, FileNotFoundError) as error:
            found.differences.append(str(error))
    return hashes


def compare(found: Verified, replayer: Replayer, sequence: int, expected: str) -> None:
    """Compares the state after a frame with what a snapshot says it was."""
    found.snapshots += 1
    hashed = state_hash(replayer.engine.state)
    if hashed != expected:
        found.differences.append(
            f"the snapshot of frame {sequence} has state {expected}, the replay {hashed}"
        )
