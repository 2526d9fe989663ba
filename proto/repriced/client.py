"""A client of the server: one channel with TLS and token, deadlines, retries, streams that resume.

    with Client("reprice.internal:50051", token=token, ca_file=Path("ca.pem")) as client:
        answer = client.reprice(snapshots, offers)

All other calls are made through the generated stubs (`client.catalog`, `client.pricing`,
`client.ingestion`, `client.claims`, `client.events`), which have the same token, deadline and
retries.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from repriced.columns import Columns, reprice_request
from repriced.v1 import (
    catalog_pb2_grpc,
    claims_pb2_grpc,
    event_pb2,
    event_pb2_grpc,
    ingestion_pb2_grpc,
    pricing_pb2,
    pricing_pb2_grpc,
)

Metadata = tuple[tuple[str, str | bytes], ...]

REPRICE = "/repriced.v1.PricingService/Reprice"
OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
)
PASSING = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
"""What the same call may not meet again a moment later."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True, slots=True)
class Retries:
    """Until when a call is made again: within its deadline, at most so many times in all."""

    deadline_s: float
    attempts: int


class Client:
    """One channel to one server; safe to use from several threads. Close it, or use `with`.

    `token` goes with every call; beyond loopback that needs TLS: `ca_file` names the roots that
    the server's certificate is checked by (empty path: those of the system), `certificate_file`
    and `key_file` are for servers that ask for one. `deadline_s` is the time for a call with all
    its attempts. A repeated attempt sends the same bytes, and with them the same request_id, so
    that the server applies the call once.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str = "",
        ca_file: Path | None = None,
        certificate_file: Path | None = None,
        key_file: Path | None = None,
        deadline_s: float = 30.0,
        attempts: int = 5,
    ) -> None:
        credentials = credentials_of(ca_file, certificate_file, key_file)
        if credentials is None:
            self._plain = grpc.insecure_channel(target, options=OPTIONS)
        else:
            self._plain = grpc.secure_channel(target, credentials, options=OPTIONS)
        every_call = EveryCall(token, Retries(deadline_s, attempts))
        channel = grpc.intercept_channel(self._plain, every_call)
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
        self.pricing = pricing_pb2_grpc.PricingServiceStub(channel)
        self.ingestion = ingestion_pb2_grpc.IngestionServiceStub(channel)
        self.claims = claims_pb2_grpc.ClaimsServiceStub(channel)
        self.events = event_pb2_grpc.EventServiceStub(channel)
        self._reprice: Any = channel.unary_unary(
            REPRICE, response_deserializer=pricing_pb2.RepriceResponse.FromString
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the channel; open streams end with it."""
        self._plain.close()

    def reprice(
        self, snapshots: Columns, offers: Columns, *, request_id: str = ""
    ) -> pricing_pb2.RepriceResponse:
        """Reprices the listings of columns (`repriced.columns` says which there are).

        Without a request_id the call gets a new one. Raises ValueError for columns that cannot be
        encoded, grpc.RpcError for a call that failed (`reason_of` names the reason).
        """
        answer: pricing_pb2.RepriceResponse = self._reprice(
            reprice_request(snapshots, offers, request_id)
        )
        return answer

    def watch_decisions(
        self, *, after_decision_id: int | None = None, seller_id: str = ""
    ) -> Iterator[pricing_pb2.WatchDecisionsResponse]:
        """Decisions as they are made, for ever; goes on behind the last one after a lost stream.

        Without `after_decision_id` those made from now on.
        """
        request = pricing_pb2.WatchDecisionsRequest(
            after_decision_id=after_decision_id, seller_id=seller_id
        )
        return resumed(self.pricing.WatchDecisions, request, "after_decision_id")

    def watch_events(
        self, *, after_event_id: int | None = None, seller_id: str = ""
    ) -> Iterator[event_pb2.WatchEventsResponse]:
        """Events of the guards, like `watch_decisions`."""
        request = event_pb2.WatchEventsRequest(after_event_id=after_event_id, seller_id=seller_id)
        return resumed(self.events.WatchEvents, request, "after_event_id")


def credentials_of(
    ca_file: Path | None, certificate_file: Path | None, key_file: Path | None
) -> grpc.ChannelCredentials | None:
    """TLS as the files say, None without any. Raises ValueError, OSError."""
    if (certificate_file is None) != (key_file is None):
        raise ValueError("certificate_file and key_file belong together; allowed: both or none")
    if ca_file is None:
        if certificate_file is not None:
            raise ValueError("certificate_file needs ca_file; Path() means the system's roots")
        return None
    return grpc.ssl_channel_credentials(
        root_certificates=None if ca_file == Path() else ca_file.read_bytes(),
        private_key=key_file.read_bytes() if key_file else None,
        certificate_chain=certificate_file.read_bytes() if certificate_file else None,
    )


class Details(grpc.ClientCallDetails):
    """What a call is made with."""

    def __init__(self, given: Any, metadata: Metadata, timeout: float | None) -> None:
        self.method = given.method
        self.metadata = metadata
        self.timeout = timeout
        self.credentials = given.credentials
        self.wait_for_ready = given.wait_for_ready
        self.compression = given.compression


class EveryCall(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Token for every call; deadline and retries for those with one request and one answer."""

    def __init__(self, token: str, retries: Retries) -> None:
        self._metadata: Metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._retries = retries

    def _details(self, given: Any, timeout: float | None) -> Details:
        return Details(given, (*(given.metadata or ()), *self._metadata), timeout)

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """The call's outcome, after as many attempts as it takes."""
        given = client_call_details.timeout
        until = time.monotonic() + (self._retries.deadline_s if given is None else given)
        for attempt in range(1, self._retries.attempts + 1):
            left = max(0.0, until - time.monotonic())
            call = continuation(self._details(client_call_details, left), request)
            if call.code() not in PASSING or attempt == self._retries.attempts:
                break
            pause = pause_after(call, attempt)
            if time.monotonic() + pause >= until:
                break
            time.sleep(pause)
        return call

    def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        """The stream, with the token."""
        timeout = client_call_details.timeout
        return continuation(self._details(client_call_details, timeout), request)

    def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request_iterator: Any
    ) -> Any:
        """The stream, with the token."""
        timeout = client_call_details.timeout
        return continuation(self._details(client_call_details, timeout), request_iterator)


def pause_after(call: Any, attempt: int) -> float:
    """Seconds before the next attempt: what the server asks for, else twice as long each time."""
    for detail in details_of(call):
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo.FromString(detail.value)
            return float(retry.retry_delay.ToMilliseconds()) / 1000
    pause: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
    return pause * random.uniform(0.5, 1.0)


def details_of(call: Any) -> list[Any]:
    """Details of a failed call's status."""
    try:
        status = rpc_status.from_call(call)
    except ValueError:
        return []
    return [] if status is None else list(status.details)


def reason_of(error: grpc.RpcError) -> str:
    """The server's word for why a call failed, such as QUEUE_FULL; "" where it gave none."""
    for detail in details_of(error):
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            return str(error_details_pb2.ErrorInfo.FromString(detail.value).reason)
    return ""


def resumed(watch: Callable[..., Any], request: Any, cursor: str) -> Iterator[Any]:
    """Answers of a stream, and of those that take its place when it is lost."""
    failures = 0
    while True:
        stream = watch(request)
        try:
            for answer in stream:
                failures = 0
                setattr(request, cursor, answer.cursor)
                yield answer
        except grpc.RpcError as error:
            if error.code() not in PASSING:
                raise
            failures += 1
            time.sleep(pause_after(error, failures))
        else:
            time.sleep(FIRST_PAUSE_S)  # The server ended it.
        finally:
            stream.cancel()
