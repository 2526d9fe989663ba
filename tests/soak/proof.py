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
        names = os.listdir(self._source) if self._source.exists() else []
        for name in names:
            if name.endswith((".log", ".snap")):
                self._link(name)
        self._forget_unmade(sorted(each for each in names if each.endswith(".log")))

    def _forget_unmade(self, segments: list[str]) -> None:
        """Gives up segments whose making was interrupted and that the next start took away.

        They lie behind the oldest one that is there: a prune takes segments from the front only.
        """
        for name in sorted(self._inodes):
            gone = name.endswith(".log") and name not in segments
            if gone and segments and name > segments[0] and not (self._source / name).exists():
                (self._target / name).unlink(missing_ok=True)
                del self._inodes[name]

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


@dataclass
class Logs:
    """What callers wrote down. `inputs` are the digests that a sent call becomes in the journal:
    its own, or those of the parts that it is split into."""

    inputs: dict[str, list[str]] = field(default_factory=dict)
    answered: dict[str, bytes] = field(default_factory=dict)
    in_parts: set[str] = field(default_factory=set)
    """Calls whose inputs are no one group: before the answer only the first may be there."""
    in_order: list[list[str]] = field(default_factory=list)
    """Calls of each caller that waited for one before the next."""

    @classmethod
    def read(cls, paths: list[Path]) -> Logs:
        """All of them."""
        logs = cls()
        for path in paths:
            waited = []
            for line in path.read_text().splitlines():
                facts = json.loads(line)
                if "sent" not in facts:
                    logs.answered[facts["answered"]] = base64.b64decode(facts["answer"])
                    continue
                one = facts.get("inputs", [facts["sent"]])
                logs.inputs[facts["sent"]] = facts.get("parts", one)
                if "parts" in facts:
                    logs.in_parts.add(facts["sent"])
                if "loose" not in facts:
                    waited.append(facts["sent"])
            logs.in_order.append(waited)
        return logs


@dataclass
class Found:
    """Inputs of a journal by their digest, and what it says of them."""

    applied: Counter[str] = field(default_factory=Counter)
    places: dict[str, int] = field(default_factory=dict)
    keys: dict[bytes, set[str]] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, found: Proof, reader: JournalReader, calls: dict[str, str]) -> Found:
        """All of it; `calls` leads from an input to the call it is of."""
        seen, digests = cls(), dict[int, str]()
        for frame in reader.read_from(1):
            found.frames += 1
            if frame.kind == FrameKind.OUTPUT:
                sequence, answer = split_output(frame.payload)
                if sequence in digests:
                    found.answers += 1
                    seen.answers[digests.pop(sequence)] = answer
            elif frame.kind not in {InputKind.ADVANCE, InputKind.CONFIG}:
                found.inputs += 1
                digest = digests[frame.sequence] = digest_of(frame.payload)
                seen.applied[digest] += 1
                seen.places[digest] = frame.sequence
                seen.keys.setdefault(frame.request_key, set()).add(calls.get(digest, digest))
        return seen


def check_requests(found: Proof, reader: JournalReader, paths: list[Path]) -> None:
    """Points 2 to 4."""
    logs = Logs.read(paths)
    calls = {each: call for call, inputs in logs.inputs.items() for each in inputs}
    seen = Found.read(found, reader, calls)
    for call, inputs in logs.inputs.items():
        there = [each for each in inputs if seen.applied[each]]
        if call in logs.answered and len(there) < len(inputs):
            found.problems.append(f"{call}: answered, and lost")
        elif there != (inputs[: len(there)] if call in logs.in_parts else inputs) and there:
            found.problems.append(f"{call}: {len(there)} of its {len(inputs)} inputs are there")
    for call, answer in logs.answered.items():
        if logs.inputs[call] == [call] and seen.applied[call] and seen.answers.get(call) != answer:
            found.problems.append(f"{call}: the journal holds another answer than was given")
    for digest, count in seen.applied.items():
        if count > 1:
            found.problems.append(f"{digest}: applied {count} times")
        if digest not in calls:
            found.problems.append(f"{digest}: nobody sent it")
    for waited in logs.in_order:
        found.problems += out_of_order(waited, logs.inputs, seen.places)
    twice = [key.hex() for key, of in seen.keys.items() if len(of) > 1 or key == NO_REQUEST]
    found.problems += [f"request key {key} stands for more than one input" for key in twice]
    found.answered = len(logs.answered)
    found.unanswered = len(logs.inputs.keys() - logs.answered.keys())


def out_of_order(
    waited: list[str], inputs: dict[str, list[str]], places: dict[str, int]
) -> list[str]:
    """Requests of one caller that stand before one that it sent earlier."""
    there = [
        (call, [places[each] for each in inputs[call]])
        for call in waited
        if inputs[call] and all(each in places for each in inputs[call])
    ]
    return [
        f"{earlier}: applied after {later}, which was sent later: it was lost and came back"
        for (earlier, mine), (later, following) in pairwise(there)
        if mine[-1] > following[0]
    ]
