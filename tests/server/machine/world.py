"""One server after another on a simulated disk, called, crashed and started again.

A server is `server.app.App` itself, made by its own constructor; only transport, writer thread,
disk and clock are `parts`. Beside it runs a replica that was fed every durable frame since the
first one and never saw a snapshot: what a server recovers must be what the replica is.
"""

from __future__ import annotations

import gc
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import structlog

from engine.errors import RepricedError
from engine.journal import Frame, FrameKind, MemoryJournal
from engine.journal.frames import split_output
from engine.journal.reader import JournalReader
from engine.journal.snapshots import verify_snapshot
from engine.pipeline import Engine
from engine.recovery import newest_sequence, recover, save
from engine.replay import Replayer
from engine.state_columns import state_hash
from server.access.store import Store
from server.app import App
from server.config import Config, parse
from server.logs import configure
from server.wire import WireCodec
from tests.engine.journal.disk import CrashError, Fault
from tests.server.access.access_server import EVERY_ROLE, WORKING, caller
from tests.server.machine.parts import (
    Call,
    EndedError,
    EngineOnly,
    HandWriter,
    RefusedError,
    RoomyDisk,
    Transport,
)
from tests.server.recovery.shards import facts

START_MS = 1_790_000_000_000
SELLERS = ("ASELLERA", "ASELLERB")
SCOPES: dict[str, tuple[str, ...]] = {"both": SELLERS, "a": SELLERS[:1], "b": SELLERS[1:]}
"""Callers by name and the sellers that exist for them; "both" may touch all, and is an admin."""
TEXT = """
[server]
listen = "127.0.0.1:0"
[engine]
decisions_kept = 100000
[journal]
segment_bytes = 65536
keep_days = 1
[guards]
breaker_listings = 3
breaker_depth_bp = 1500
spiral_moves = 3
floors_lowered = 3
[log]
level = "error"
"""


@cache
def callers() -> tuple[Path, dict[str, str]]:
    """An access file, and the token of each caller."""
    folder = Path(tempfile.mkdtemp(prefix="repriced-machine-"))
    store = Store(folder / "access.sqlite3")
    tokens = {
        name: store.create(
            caller(name, roles=EVERY_ROLE) if name == "both" else
            caller(name, *sellers, roles=WORKING), "test"
        )
        for name, sellers in SCOPES.items()
    }  # fmt: skip
    store.close()
    return folder, tokens


@cache
def config() -> Config:
    """What every server here is started with."""
    folder, _ = callers()
    (folder / "data").mkdir()
    text = TEXT.replace("[journal]", f'[journal]\ndata_directory = "{folder}/data"')
    return parse(
        f'{text}[access]\nfile = "{folder}/access.sqlite3"\n[claims]\nstore = "{folder}/claims"\n'
    )


class ReplicaJournal(MemoryJournal):
    """So that the replica's answers name the mode of the server's journal."""

    durable = True


@dataclass
class Outcome:
    """How a call ended: messages, a status, or with the server (`gone`)."""

    messages: list[bytes]
    code: str = ""
    reason: str = ""
    text: str = ""
    gone: bool = False
    place: int = -1
    """Among the requests of the same step, in the order of the journal; -1: never taken."""

    @property
    def good(self) -> bool:
        """Whether it was answered OK."""
        return not self.code and not self.gone


class World:
    """Everything that is real, and the replica. `down` while no server runs."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.disk = RoomyDisk()
        self.app: App | None = None
        self.frames: list[Frame] = []
        self.inputs: dict[bytes, list[Frame]] = {}
        """Inputs of the journal by request key."""
        self.answers: dict[int, bytes] = {}
        """Answers of the journal by the sequence of their input."""
        self._stack = ExitStack()
        self._stack.enter_context(mock.patch("time.time_ns", self._time_ns))
        self._replica = Replayer(Engine(WireCodec(), ReplicaJournal(0)))
        configure("critical")

    @property
    def down(self) -> bool:
        """Whether no server runs."""
        return self.app is None

    @property
    def engine(self) -> Engine:
        """That of the server that runs."""
        assert self.app is not None
        return self.app.engine

    @property
    def replica(self) -> Engine:
        """What the durable frames lead to, from the first on."""
        return self._replica.engine

    def close(self) -> None:
        """The end of the world; clock and log are again what they were."""
        try:
            self._leave()
        finally:
            self._stack.close()
            structlog.reset_defaults()

    def _time_ns(self) -> int:
        return self.now_ms * 1_000_000

    def _storage(self, _: Path) -> RoomyDisk:
        return self.disk

    # Lives

    def start(self) -> bool:
        """Starts a server on the disk as it is; False where the power went meanwhile.

        Checks that nothing durable was lost or changed and that the state is that of the replica.
        """
        try:
            with (
                mock.patch("server.store.DirectoryStorage", self._storage),
                mock.patch("server.app.Writer", HandWriter),
                mock.patch("server.app.grpc.server", Transport),
                mock.patch("server.app.Leaving", EngineOnly),
            ):
                app = App(config())
            app.access._read()
        except CrashError:
            return False
        except RepricedError as error:
            if self.disk.full:
                return False
            raise AssertionError(f"the server does not start: {error.message}") from error
        gc.unfreeze()
        self.disk.fault = None
        self.app = app
        self._check_recovered()
        return True

    def _check_recovered(self) -> None:
        reader = JournalReader(self.disk)
        kept = list(reader.read_from(0))
        first = kept[0].sequence if kept else 1
        before = [each for each in self.frames if each.sequence >= first]
        assert kept[: len(before)] == before, "durable frames were lost or changed"
        self.take_frames(kept[len(before) :])
        if self.disk.full:
            return
        self.engine.journal.commit()
        self.take_frames()
        mine, other = facts(self.engine.state), facts(self.replica.state)
        # The order of named limits is not part of a state.
        for each in (mine, other):
            each["definitions"] = msgspec.json.encode(
                msgspec.json.decode(each["definitions"]), order="sorted"
            )
        different = [name for name in mine if mine[name] != other.get(name)]
        assert not different, f"recovered another state: {different}"

    def take_frames(self, frames: list[Frame] | None = None) -> None:
        """Feeds the replica what became durable."""
        if frames is None:
            frames = list(self.engine.journal.read_from(len(self.frames) + 1))
        for frame in frames:
            assert frame.sequence == len(self.frames) + 1
            self.frames.append(frame)
            self._replica.feed(frame)
            if frame.kind == FrameKind.OUTPUT:
                sequence, answer = split_output(frame.payload)
                self.answers[sequence] = answer
            else:
                self.inputs.setdefault(bytes(frame.request_key), []).append(frame)

    def check_replica(self) -> None:
        """Whether the server's state is what its journal leads to."""
        self.take_frames()
        if not self.engine.owed:
            mine, other = state_hash(self.engine.state), state_hash(self.replica.state)
            assert mine == other, f"the state is {mine}, its journal leads to {other}"

    def crash(self, how: str, seed: int) -> None:
        """The server is gone, and of what it had not synced some is; see `after_crash`."""
        self._leave()
        full, part = self.disk.full, self.disk.part
        self.disk = RoomyDisk(self.disk.after_crash(how, seed))
        self.disk.full, self.disk.part = full, part

    def _leave(self) -> None:
        if self.app is not None:
            self.app.access.stop()
        self.app = None

    def stop(self) -> None:
        """A graceful stop: a snapshot is written."""
        app = self.app
        assert app is not None
        assert app._store is not None
        with suppress(CrashError, RepricedError):
            app._store.close(app.engine)
        self._leave()

    def break_at(self, operations: int, part: int, error: int) -> None:
        """The disk fails so many operations later: with an errno, or 0 with the power."""
        at = len(self.disk.operations) + operations
        self.disk.fault = Fault(at, part, error)

    # Calls

    def call(self, *calls: tuple[str, str, bytes, int]) -> list[Outcome]:
        """Outcomes of calls (caller, method, payload, messages) that wait together."""
        app = self.app
        assert app is not None
        writer: Any = app.writer
        outcomes: list[Outcome | None] = [None] * len(calls)
        threads = []
        for at, (who, method, payload, messages) in enumerate(calls):
            call = Call(method, payload, callers()[1][who], messages)
            queued = writer.queued
            target = (app._server, writer, call, outcomes, at)
            threads.append(threading.Thread(target=serve_call, args=target, name=str(at)))
            threads[-1].start()
            writer.wait(lambda at=at, n=queued: writer.queued > n or outcomes[at] is not None)
        gone = False
        try:
            writer.turn(lambda: None not in outcomes)
        except (CrashError, EndedError):
            gone = True
        finally:
            writer.abandon()
            for thread in threads:
                thread.join()
        return self._told(outcomes, writer, gone)

    def _told(self, outcomes: list[Any], writer: HandWriter, gone: bool) -> list[Outcome]:
        for place, name in enumerate(writer.order):
            outcomes[int(name)].place = place
        writer.rest()
        if gone:
            for each in outcomes:
                each.gone = each.gone or not each.good
            self._leave()
        return outcomes

    def do(self, look: Callable[[Engine], Any]) -> Any:
        """What `look` returns on the writer; None where the server went meanwhile or refused."""
        app = self.app
        assert app is not None
        writer: Any = app.writer
        future = writer.read(look)
        try:
            writer.turn(future.done)
        except (CrashError, EndedError):
            writer.abandon()
            self._leave()
            return None
        error = future.exception()
        if isinstance(error, RepricedError):
            return None
        return future.result()

    def advance(self, milliseconds: int) -> None:
        """Time passes, and the server's timer looks at its listings once."""
        self.now_ms += milliseconds
        if self.app is not None:
            self.do(self.app._timers._advance)

    def snapshot(self) -> None:
        """What the server's second process does, and what the server does after it."""
        app = self.app
        assert app is not None
        store = app._store
        assert store is not None
        sequence = self.do(store.committed)
        if sequence is None:
            return
        self.take_frames()
        reader = JournalReader(self.disk, newest_sequence(self.disk, sequence))
        replayer, _ = recover(self.disk, reader, WireCodec(), sequence)
        try:
            name, _ = save(self.disk, replayer, sequence)
            verify_snapshot(self.disk, name)
        except CrashError:
            self._leave()
            return
        except (RepricedError, OSError):
            return
        self.do(lambda engine: store.saved(engine, sequence))


def serve_call(
    transport: Transport, writer: HandWriter, call: Call, outcomes: list[Any], at: int
) -> None:
    """A thread of gRPC's pool."""
    try:
        outcome = Outcome(transport.call(call))
    except RefusedError as refused:
        outcome = Outcome([], refused.code, refused.reason, str(refused))
    except BaseException as error:
        outcome = Outcome([], "UNKNOWN", type(error).__name__, repr(error))
    outcomes[at] = outcome
    writer.tell()
