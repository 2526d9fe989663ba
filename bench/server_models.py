"""Which gRPC server model answers faster here: threads (grpc.server) or asyncio (grpc.aio)?

Both servers take bytes in and give bytes out and hand every call to one writer thread, as the
real server does; with "engine" the writer also computes in Python for about half a millisecond a
call. Client and server are two processes on loopback; rounds are interleaved.
Run: python -m bench.server_models [--pairs 30]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import queue
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection

import click
import grpc

METHOD = "/bench.Echo/Echo"
LARGE_BYTES = 5_000_000
CALLERS = 64
THREADS = 400
ENGINE_MARK = b"engine"
ENGINE_LOOPS = 8_000
SMALL_CALLS = 2_000
LARGE_CALLS = 10
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]

Work = tuple[bytes, Callable[[bytes], None]]


class Writer(threading.Thread):
    """Answers each request with itself, one after another."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.work: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self.start()

    def run(self) -> None:
        """Endless; the process ends with its parent."""
        while True:
            request, answer = self.work.get()
            if request.startswith(ENGINE_MARK):
                sum(each * each for each in range(ENGINE_LOOPS))
            answer(request)


def threads_server(pipe: Connection) -> None:
    """A thread per running call."""
    writer = Writer()

    def echo(request: bytes, _: grpc.ServicerContext) -> bytes:
        future: Future[bytes] = Future()
        writer.work.put((request, future.set_result))
        return future.result()

    server = grpc.server(ThreadPoolExecutor(THREADS), options=OPTIONS)
    server.add_generic_rpc_handlers((handlers(echo),))
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination()


def asyncio_server(pipe: Connection) -> None:
    """A task per running call on one event loop."""
    asyncio.run(serve_asyncio(pipe))


async def serve_asyncio(pipe: Connection) -> None:
    writer = Writer()
    loop = asyncio.get_running_loop()

    async def echo(request: bytes, _: object) -> bytes:
        future: asyncio.Future[bytes] = loop.create_future()

        def answer(payload: bytes) -> None:
            loop.call_soon_threadsafe(future.set_result, payload)

        writer.work.put((request, answer))
        return await future

    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((handlers(echo),))
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await server.wait_for_termination()


def handlers(echo: Callable[..., object]) -> grpc.GenericRpcHandler:
    """The one method, with identity serialisers."""
    return grpc.method_handlers_generic_handler(
        "bench.Echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )


def start(target: Callable[[Connection], None]) -> tuple[multiprocessing.Process, int]:
    """A server process and its port."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=target, args=(there,))
    process.daemon = True
    process.start()
    return process, here.recv()  # type: ignore[return-value]


async def calls(port: int, callers: int, count: int, request: bytes) -> float:
    """Seconds for `count` calls by `callers` callers at once, after one call to warm up."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS) as channel:
        call = channel.unary_unary(METHOD)
        await call(request)

        async def caller() -> None:
            for _ in range(count // callers):
                await call(request)

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        return time.perf_counter() - begun


def ratio(
    ports: dict[str, int], callers: int, count: int, request: bytes, pairs: int
) -> list[float]:
    """Time with threads over time with asyncio, pair by pair, sorted."""
    found = []
    for turn in range(pairs):
        order = ["threads", "asyncio"] if turn % 2 else ["asyncio", "threads"]
        took = {name: asyncio.run(calls(ports[name], callers, count, request)) for name in order}
        found.append(took["threads"] / took["asyncio"])
    return sorted(found)


@click.command(help=__doc__)
@click.option("--pairs", default=30, show_default=True)
def main(pairs: int) -> None:
    """Prints the ratios and their conditions."""
    started = {"threads": start(threads_server), "asyncio": start(asyncio_server)}
    ports = {name: port for name, (_, port) in started.items()}
    click.echo(
        f"grpcio {grpc.__version__}, Python {platform.python_version()}, {os.cpu_count()} cores,"
        f" client on the same cores, {pairs} interleaved pairs; time of threads / asyncio"
    )
    small, large = bytes(200), os.urandom(LARGE_BYTES)
    for name, callers, count, request in (
        ("5 MB in and out, 1 caller", 1, LARGE_CALLS, large),
        ("5 MB in and out, 4 callers", 4, LARGE_CALLS + 2, large),
        ("200 bytes, 1 caller", 1, 300, small),
        ("200 bytes, 64 callers", CALLERS, SMALL_CALLS, small),
        ("200 bytes, 64 callers, engine", CALLERS, SMALL_CALLS // 2, ENGINE_MARK + small),
    ):
        found = ratio(ports, callers, count, request, pairs)
        low, high = found[len(found) // 10], found[-1 - len(found) // 10]
        click.echo(f"{name}: {statistics.median(found):.2f} ({low:.2f} to {high:.2f})")
    for process, _ in started.values():
        process.terminate()


if __name__ == "__main__":
    main()
