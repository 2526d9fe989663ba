"""Open streams under watch: who does not read is dropped, and who lost the right to be there too.

A stream holds one unsent message and no more, so a reader that never reads costs a thread and a
place; after `slow_reader_seconds` it costs nothing.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import grpc

from server.access.caller import Pass
from server.logs import logger
from server.metrics import Metrics

LOOK_S = 0.25


@dataclass(slots=True, eq=False)
class Stream:
    """One open stream; `sending_since` is when its unread message was handed to gRPC."""

    method: str
    context: grpc.ServicerContext
    entry: Pass
    sending_since: float | None = None

    def sending(self) -> None:
        """A message goes out."""
        self.sending_since = time.monotonic()

    def sent(self) -> None:
        """It was taken."""
        self.sending_since = None


class StreamWatch:
    """A thread that looks at every open stream four times a second."""

    def __init__(self, slow_reader_seconds: int, metrics: Metrics) -> None:
        self._longest_s = slow_reader_seconds
        self._metrics = metrics
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="streams", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def add(self, stream: Stream) -> None:
        """Watches a stream from now on."""
        with self._lock:
            self._streams.add(stream)

    def remove(self, stream: Stream) -> None:
        """Forgets a stream that ended."""
        with self._lock:
            self._streams.discard(stream)

    def _run(self) -> None:
        while not self._stopped.wait(LOOK_S):
            with self._lock:
                streams = list(self._streams)
            for each in streams:
                why = self._why_drop(each)
                if why:
                    self.remove(each)
                    self._drop(each, why)

    def _why_drop(self, stream: Stream) -> str:
        since = stream.sending_since
        if since is not None and time.monotonic() - since > self._longest_s:
            return "SLOW_READER"
        return "" if stream.entry.valid else "UNAUTHENTICATED"

    def _drop(self, stream: Stream, why: str) -> None:
        """Ends a stream from outside; its client sees CANCELLED, the log says why."""
        self._metrics.refuse(why)
        logger().warning(
            "stream_dropped", method=stream.method, caller=stream.entry.caller.name, reason=why
        )
        stream.context.cancel()
