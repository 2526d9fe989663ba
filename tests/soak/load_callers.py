"""Many callers in one process: honest ones, ones that cancel, ones that never read what they asked
for, and ones that send garbage. Each writes down what it sent and what it was answered."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.tokens import new_token
from server.wire.parts import PART_ROWS, split
from tests.soak.callers import digest_of
from tests.soak.overload import bearer, headed, key, snapshots

SERVICE = "/repriced.v1.PricingService/"
SIZES = (1, 10, 100, 1_000, 10_000)
CHANCES = (60, 25, 11, 3, 1)
MARK_MS = 1_600_000_000_000
"""Stands for the time of an event in a body that is encoded beforehand."""
CALL_S = 30.0
PAUSE_S = 0.2
DEAF_S = 12.0
GARBAGE_BYTES = 300


@dataclass
class Tally:
    """What the callers of a process saw. `unseen`: calls that ended without the server's word."""

    admitted: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in SIZES})
    refused_after: list[float] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    without_retry: int = 0
    unseen: int = 0
    cancelled: int = 0
    deaf: int = 0
    raw: int = 0
    problems: list[str] = field(default_factory=list)

    def refuse(self, error: Any, seconds: float, by_grpc: bool = False) -> None:
        """Notes how a call ended that was not answered."""
        self.codes[error.code().name] += 1
        status = rpc_status.from_call(error)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if status is None or not any(each.Unpack(info) for each in status.details):
            self.unseen += 1
            told = error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED or by_grpc
            self.without_retry += not told
            return
        self.refused_after.append(seconds)
        self.refusals[info.reason] += 1
        if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
            self.without_retry += not any(each.Unpack(retry) for each in status.details)
        if error.code() == grpc.StatusCode.INTERNAL:
            self.problems.append(f"INTERNAL: {error.details()}")


class Seller:
    """A seller with listings, and bodies about them that only want their time."""

    def __init__(self, name: str, token: str, listings: int) -> None:
        self.name, self.token, self.listings = name, token, listings
        self.sizes = [each for each in SIZES if each <= listings]
        self.chances = CHANCES[: len(self.sizes)]
        self._bodies = {
            (size, turn): snapshots(name, size, turn, MARK_MS)
            for size in self.sizes
            for turn in range(3)
        }

    def body(self, size: int, turn: int) -> bytes:
        """A request with an id of its own, about now."""
        now_ms = time.time_ns() // 1_000_000
        rows = self._bodies[size, turn % 3].replace(varint(MARK_MS), varint(now_ms))
        return headed(rows)

    def definition(self) -> bytes:
        """An upsert of all its listings."""
        request = catalog_pb2.BatchUpsertListingsRequest(request_id=str(uuid.uuid4()))
        for row in range(self.listings):
            request.listings.add(
                key=key(self.name, row), currency="EUR", floor_minor=500, ceiling_minor=2_000
            )
        return request.SerializeToString()


def varint(value: int) -> bytes:
    """A field event_ms of a snapshot as the wire has it."""
    found: bytes = pricing_pb2.OfferSnapshot(event_ms=value).SerializeToString()
    return found


def parts_of(payload: bytes, rows: int) -> dict[str, list[str]]:
    """For the log: the parts of a large request, which become inputs one after the other."""
    return {"parts": [digest_of(each) for each in split(payload)]} if rows > PART_ROWS else {}


class OneCaller:
    """A connection of its own, used until the time is over."""

    def __init__(self, number: int, port: int, seller: Seller, path: Path, tally: Tally) -> None:
        self._chance = random.Random(number)
        self._seller, self._tally, self._port = seller, tally, port
        self._channel = grpc.aio.insecure_channel(
            f"127.0.0.1:{port}",
            [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)],
        )
        self._log = path.open("a")
        self._turn = number

    def _note(self, **facts: str | list[str]) -> None:
        self._log.write(json.dumps(facts) + "\n")

    async def close(self) -> None:
        """Ends the connection and the log."""
        await self._channel.close()
        self._log.close()

    def _call(self, path: str, payload: bytes, token: str) -> Any:
        return self._channel.unary_unary(path)(payload, metadata=bearer(token), timeout=CALL_S)

    async def mutate(self, path: str, payload: bytes, size: int = 0) -> None:
        """A request that is written down, before and after."""
        digest = digest_of(payload)
        self._note(sent=digest, **parts_of(payload, size))
        begun = time.perf_counter()
        try:
            answer = await self._call(path, payload, self._seller.token)
        except grpc.aio.AioRpcError as error:
            self._tally.refuse(error, time.perf_counter() - begun)
            return
        if size:
            self._tally.admitted[size].append(time.perf_counter() - begun)
        self._tally.codes["OK"] += 1
        self._note(answered=digest, answer=base64.b64encode(answer).decode())

    async def define(self) -> None:
        """Brings the seller's listings in; the server must take them."""
        before = self._tally.codes["OK"]
        await self.mutate(
            "/repriced.v1.CatalogService/BatchUpsertListings", self._seller.definition()
        )
        if self._tally.codes["OK"] == before:
            self._tally.problems.append(f"{self._seller.name} could not be defined")

    async def honest(self) -> None:
        """Reprices, and now and then asks why."""
        if self._chance.random() < 0.1:
            row = self._chance.randrange(self._seller.listings)
            asked = pricing_pb2.ExplainPriceRequest(key=key(self._seller.name, row))
            await self._ask(SERVICE + "ExplainPrice", asked.SerializeToString())
            return
        (size,) = self._chance.choices(self._seller.sizes, self._seller.chances)
        self._turn += 1
        await self.mutate(SERVICE + "Reprice", self._seller.body(size, self._turn), size)

    async def _ask(
        self, path: str, payload: bytes, token: str | None = None, by_grpc: bool = False
    ) -> bool:
        """A call that changes nothing; whether it was answered."""
        begun = time.perf_counter()
        try:
            await self._call(path, payload, self._seller.token if token is None else token)
        except grpc.aio.AioRpcError as error:
            self._tally.refuse(error, time.perf_counter() - begun, by_grpc)
            return False
        self._tally.codes["OK"] += 1
        return True

    async def cancelling(self) -> None:
        """Asks and leaves before the answer."""
        size = self._chance.choice(self._seller.sizes[:4])
        payload = self._seller.body(size, self._turn)
        self._note(sent=digest_of(payload), loose="", **parts_of(payload, size))
        call = self._call(SERVICE + "Reprice", payload, self._seller.token)
        await asyncio.sleep(self._chance.random() * 0.1)
        call.cancel()
        self._tally.cancelled += 1
        self._tally.unseen += 1

    async def deaf(self) -> None:
        """Opens a stream and reads nothing of it."""
        self._tally.deaf += 1
        self._tally.unseen += 1
        token = bearer(self._seller.token)
        if self._chance.random() < 0.5:
            asked = pricing_pb2.WatchDecisionsRequest().SerializeToString()
            call: Any = self._channel.unary_stream(SERVICE + "WatchDecisions")(
                asked, metadata=token
            )
            await asyncio.sleep(self._chance.random() * DEAF_S)
        else:
            call = self._channel.stream_stream(SERVICE + "StreamReprice")(metadata=token)
            with suppress(TimeoutError, asyncio.InvalidStateError, grpc.aio.AioRpcError):
                await asyncio.wait_for(self._pour(call), self._chance.random() * DEAF_S)
        call.cancel()

    async def _pour(self, call: Any) -> None:
        while True:
            self._turn += 1
            size = self._seller.sizes[-1]
            payload = self._seller.body(size, self._turn)
            self._note(sent=digest_of(payload), loose="", **parts_of(payload, size))
            # Field 1 of a stream's message is the request.
            await call.write(b"\x0a" + length(len(payload)) + payload)
            await asyncio.sleep(PAUSE_S)

    async def garbage(self) -> None:
        """One of everything that a server must refuse."""
        chance, seller = self._chance, self._seller
        junk = chance.randbytes(chance.randrange(1, GARBAGE_BYTES))
        good = seller.body(1, 0)
        kinds: list[tuple[str, bytes, str, bool]] = [
            (SERVICE + "Reprice", junk, seller.token, False),
            (SERVICE + "ReportFeedback", good[:-3], seller.token, False),
            (SERVICE + "Reprice", good + b"\x0a\x02xx", seller.token, False),
            (SERVICE + "Steal", good, seller.token, False),
            ("/nobody.Service/Call", junk, seller.token, False),
            (SERVICE + "Reprice", good, new_token(), False),
            (SERVICE + "Reprice", good, junk.hex()[:40], False),
            (SERVICE + "Reprice", bytes(3 * 1024 * 1024), seller.token, True),
        ]
        which = chance.randrange(len(kinds) + 1)
        if which == len(kinds):
            await self._raw(junk)
        elif await self._ask(*kinds[which]):
            self._tally.problems.append(f"garbage was taken: {kinds[which][0]} {kinds[which][1]!r}")

    async def _raw(self, junk: bytes) -> None:
        """Bytes that are no HTTP/2."""
        _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(junk)
        with suppress(OSError):
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        self._tally.raw += 1

    async def run(self, manner: str, until: float) -> None:
        """Goes on in one manner."""
        while time.monotonic() < until:
            try:
                await getattr(self, manner)()
            except OSError as error:
                self._tally.problems.append(f"{manner}: {error}")
            await asyncio.sleep(self._chance.random() * PAUSE_S)


def length(value: int) -> bytes:
    """A length as the wire has it."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


MANNERS = (
    "honest", "garbage", "honest", "cancelling", "honest", "deaf", "honest", "honest", "garbage",
    "honest", "honest",
)  # fmt: skip
"""Of callers in turn; eleven, so that every seller has callers of every manner."""
