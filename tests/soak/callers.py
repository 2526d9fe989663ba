"""Callers that write down, synced, what they send and what they are answered.

A caller never forgets what it sent: after a crash it repeats it with the same `request_id` until it
is answered. Now and then it repeats something that was answered and compares.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import grpc

from engine.replies import WINDOW_MS
from engine.schema import InputKind
from server.wire.schedules import with_zones
from tests.server.recovery.workload import Workload
from tests.soak import notices
from tests.soak.lives import Clock, Life

INGEST = None
"""Stands for the one call that is no input itself and becomes several."""
Kind = InputKind | None
METHODS: dict[Kind, str] = {
    InputKind.REPRICE: "PricingService/Reprice",
    InputKind.FEEDBACK: "PricingService/ReportFeedback",
    InputKind.STOCK: "PricingService/ReportStock",
    InputKind.SALES: "PricingService/ReportSales",
    InputKind.PAUSE: "PricingService/PauseRepricing",
    InputKind.RESUME: "PricingService/ResumeRepricing",
    InputKind.STOP: "PricingService/StopRepricing",
    InputKind.RESTART: "PricingService/RestartRepricing",
    InputKind.RELEASE: "PricingService/ReleaseHeld",
    InputKind.DISCARD: "PricingService/DiscardHeld",
    InputKind.RESTORE: "PricingService/RestorePrices",
    InputKind.SELLERS: "CatalogService/BatchUpsertSellers",
    InputKind.STRATEGIES: "CatalogService/BatchUpsertStrategies",
    InputKind.LISTINGS: "CatalogService/BatchUpsertListings",
    InputKind.DELETE: "CatalogService/BatchDeleteListings",
    INGEST: "IngestionService/IngestNotifications",
}
INGEST_SHARE = 0.15
COMES_AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
"""What a killed or stopping server leads to: nobody knows whether the request was applied."""
CALL_S = 20.0
RECENT = 8
REPEAT_WITHIN_MS = WINDOW_MS // 4
GIVE_UP_MS = WINDOW_MS * 9 // 10
"""A repeat after the window is a new request, so none may be applied later than this after it was
sent first: on a machine so slow that it comes to that the answer stays unknown, and the journal
is read instead, which must hold the request once or not at all."""
PAUSE_S = 0.01


def digest_of(payload: bytes) -> str:
    """What the log calls a request; its `request_id` is among the bytes."""
    return hashlib.sha256(payload).hexdigest()


class CallerLog:
    """A file of JSON lines; a line counts when it is synced."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, **facts: str | list[str]) -> None:
        """Writes a line and syncs it."""
        os.write(self._descriptor, json.dumps(facts).encode() + b"\n")
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


class Caller:
    """A thread with a connection of its own. `problems` says what it was answered wrongly."""

    def __init__(
        self, seed: int, path: Path, clock: Clock, current: Callable[[], Life | None]
    ) -> None:
        self.problems: list[str] = []
        self.answered = self.repeated = self.unsure = self.given_up = 0
        self._log = CallerLog(path)
        self._work = Workload(seed)
        self._chance = random.Random(seed)
        self._clock = clock
        self._current = current
        self._ending = threading.Event()
        self._recent: deque[tuple[int, Kind, bytes, bytes]] = deque(maxlen=RECENT)
        self._port = 0
        self._channel: grpc.Channel | None = None
        self._thread = threading.Thread(target=self._run, name=f"caller-{seed}", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def end(self) -> None:
        """Lets it get its last answers, repeat the recent ones, and end; a server must run."""
        self._ending.set()

    def join(self, seconds: float) -> None:
        """Waits for its end."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.problems.append(f"{self._thread.name} did not come to an end")

    def _run(self) -> None:
        opening = [(kind, payload) for _, kind, payload in self._work.opening()]
        while not self._ending.is_set():
            self._work.now_ms = self._clock.now_ms()
            if opening:
                self._first(*opening.pop(0))
            elif self._chance.random() < INGEST_SHARE:
                self._first(INGEST, notices.call(self._chance, self._work.now_ms))
            else:
                self._first(*next(self._work.steps(1))[1:])
            draw = self._chance.random()
            older = list(self._recent)[:-1]
            if older and draw < 0.15:
                # Never the newest: if it was lost, its repeat would hide that.
                self._again(older[-1] if draw < 0.1 else self._chance.choice(older))
            time.sleep(self._chance.random() * PAUSE_S)
        for each in list(self._recent)[:-1]:
            self._again(each)
        if self._channel is not None:
            self._channel.close()
        self._log.close()

    def _first(self, kind: Kind, payload: bytes) -> None:
        digest = digest_of(payload)
        if kind is INGEST:
            inputs = [digest_of(each) for each in notices.inputs_of(payload)]
            self._log.note(sent=digest, inputs=inputs)
        elif kind == InputKind.STRATEGIES:
            journaled = with_zones(payload, self._clock.now_ms())
            self._log.note(sent=digest, inputs=[digest_of(journaled)])
        else:
            self._log.note(sent=digest)
        sent_ms = self._clock.now_ms()
        answer = self._answer(kind, payload, sent_ms)
        if answer is None:
            return
        self._log.note(answered=digest, answer=base64.b64encode(answer).decode())
        self.answered += 1
        self._recent.append((sent_ms, kind, payload, answer))

    def _again(self, first: tuple[int, Kind, bytes, bytes]) -> None:
        sent_ms, kind, payload, answer = first
        if sent_ms < self._clock.now_ms() - REPEAT_WITHIN_MS:
            return
        again = self._answer(kind, payload, sent_ms)
        self.repeated += 1
        if again is not None and again != answer:
            self.problems.append(f"{digest_of(payload)}: a repeat was answered otherwise")

    def _answer(self, kind: Kind, payload: bytes, sent_ms: int) -> bytes | None:
        """The answer, however many lives it takes; None when the time for repeats is over."""
        while (left_s := self._clock.seconds_until(sent_ms + GIVE_UP_MS)) > 0:
            call = self._call(kind)
            try:
                if call is not None:
                    answer: bytes = call(payload, timeout=min(CALL_S, left_s))
                    return answer
            except grpc.RpcError as error:
                if error.code() not in COMES_AGAIN and not is_broken_off(error):
                    told = f"{METHODS[kind]}: {error.code()} {error.details()}"
                    self.problems.append(told)
                    return None
                self.unsure += 1
            time.sleep(0.02)
        self.given_up += 1
        return None

    def _call(self, kind: Kind) -> Callable[..., bytes] | None:
        """The method at the server of now; None while there is none."""
        life = self._current()
        if life is None or not life.serving.is_set():
            return None
        if life.port != self._port or self._channel is None:
            if self._channel is not None:
                self._channel.close()
            # A connection of its own: channels to one target share theirs otherwise.
            own = [("grpc.use_local_subchannel_pool", 1)]
            self._channel = grpc.insecure_channel(f"127.0.0.1:{life.port}", options=own)
            self._port = life.port
        called: Callable[..., bytes] = self._channel.unary_unary(f"/repriced.v1.{METHODS[kind]}")
        return called


def is_broken_off(error: grpc.RpcError) -> bool:
    """Whether a connection broke in the middle of a call, which gRPC reports in its own words."""
    code = error.code()
    told = error.details() or ""
    return code in {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL} and "applying" not in told
