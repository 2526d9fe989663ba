"""What is kept of a journal that is pruned, and what it proves against the callers' logs."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from engine.errors import RepricedError
from engine.journal import DirectoryStorage, FrameKind, split_output
from engine.journal.frames import NO_REQUEST
from engine.journal.reader import JournalReader
from engine.schema import InputKind
from engine.verification import verify_journal
from server.wire import WireCodec
from tests.soak.callers import digest_of

LOOK_S = 0.02


class Kept:
    """Hard links to every segment and snapshot, so that a prune takes nothing from the proof.

    A link is the file itself: what the server appends or cuts off later is seen through it.
    """

    def __init__(self, source: Path, target: Path) -> None:
        target.mkdir()
        self._source, self._target = source, target
        self._inodes: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kept", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Links what is new."""
        for name in os.listdir(self._source) if self._source.exists() else []:
            if name.endswith((".log", ".snap")):
                self._link(name)

    def _link(self, name: str) -> None:
        beside = self._target / f"{name}.link"
        try:
            inode = (self._source / name).stat().st_ino
            if self._inodes.get(name) == inode:
                return
            beside.unlink(missing_ok=True)
            os.link(self._source / name, beside)
        except FileNotFoundError:
            return
        # A segment whose making was interrupted is made again under its name.
        beside.rename(self._target / name)
        self._inodes[name] = inode

    def end(self) -> None:
        """Stops looking, after a last look."""
        self._ended.set()
        self._thread.join()
        self.look()


@dataclass
class Proof:
    """What was found. All is well if `problems` is empty."""

    frames: int = 0
    inputs: int = 0
    answers: int = 0
    answered: int = 0
    unanswered: int = 0
    snapshots: int = 0
    state_hash: str = ""
    problems: list[str] = field(default_factory=list)


def prove(kept: Path, logs: list[Path]) -> Proof:
    """Replays the whole journal and compares it with what the callers wrote down.

    1. A replay from frame 1, in one go, leads to every answer of the journal and to the state hash
       of every snapshot, the last one of which the last server wrote of its own state.
    2. Each answered request is there exactly once, and its first answer is the one in the journal.
    3. The requests of a caller are there in the order in which it sent them. One that was lost, and
       came back when the caller repeated it, would stand behind a later one.
    4. What was sent and never answered is there at most once, and nothing else is there.
    """
    found = Proof()
    storage = DirectoryStorage(kept)
    try:
        reader = JournalReader(storage)
        _, verified = verify_journal(storage, reader, WireCodec())
    except RepricedError as error:
        found.problems.append(error.message)
        return found
    found.problems += verified.differences
    if verified.first_sequence != 1:
        found.problems.append(f"the proof begins at frame {verified.first_sequence}")
    newest = max((each.name for each in kept.glob("snapshot-*.snap")), default="")
    if f"{reader.last_sequence:020d}" not in newest:
        found.problems.append("the last server left no snapshot of its last state")
    found.snapshots, found.state_hash = verified.snapshots, verified.state_hash
    check_requests(found, reader, logs)
    return found


def check_requests(found: Proof, reader: JournalReader, logs: list[Path]) -> None:
    """Points 2 to 4."""
    sent, answered = read_logs(logs)
    places: dict[str, int] = {}
    applied: Counter[str] = Counter()
    keys: Counter[bytes] = Counter()
    digests: dict[int, str] = {}
    answers: dict[str, bytes] = {}
    for frame in reader.read_from(1):
        found.frames += 1
        if frame.kind == FrameKind.OUTPUT:
            sequence, answer = split_output(frame.payload)
            if sequence in digests:
                found.answers += 1
                answers[digests.pop(sequence)] = answer
        elif frame.kind not in {InputKind.ADVANCE, InputKind.CONFIG}:
            found.inputs += 1
            digests[frame.sequence] = digest_of(frame.payload)
            applied[digests[frame.sequence]] += 1
            places[digests[frame.sequence]] = frame.sequence
            keys[frame.request_key] += 1
    for digest, answer in answered.items():
        if applied[digest] == 0:
            found.problems.append(f"{digest}: answered, and lost")
        elif answers.get(digest) != answer:
            found.problems.append(f"{digest}: the journal holds another answer than was given")
    for digest, count in applied.items():
        if count > 1:
            found.problems.append(f"{digest}: applied {count} times")
        if digest not in sent:
            found.problems.append(f"{digest}: nobody sent it")
    for path in logs:
        found.problems += out_of_order(path, places)
    twice = [key.hex() for key, count in keys.items() if count > 1 or key == NO_REQUEST]
    found.problems += [f"request key {key} stands for more than one input" for key in twice]
    found.answered, found.unanswered = len(answered), len(sent - answered.keys())


def out_of_order(path: Path, places: dict[str, int]) -> list[str]:
    """Requests of one caller that stand before one that it sent earlier."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    there = [each["sent"] for each in lines if each.get("sent") in places]
    return [
        f"{earlier}: applied after {later}, which was sent later: it was lost and came back"
        for earlier, later in pairwise(there)
        if places[earlier] > places[later]
    ]


def read_logs(logs: list[Path]) -> tuple[set[str], dict[str, bytes]]:
    """Digests of what was sent, and answers of what was answered."""
    sent: set[str] = set()
    answered: dict[str, bytes] = {}
    for path in logs:
        for line in path.read_text().splitlines():
            facts = json.loads(line)
            if "sent" in facts:
                sent.add(facts["sent"])
            else:
                answered[facts["answered"]] = base64.b64decode(facts["answer"])
    return sent, answered
