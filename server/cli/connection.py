"""What every client command needs: a channel, friendly errors, progress and request ids."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click
import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine.errors import RepricedError
from server.config import is_local

P = ParamSpec("P")
T = TypeVar("T")
CALL_SECONDS = 60
PLAIN_EVERY = 5_000
RETRIES = 20

target_option = click.option(
    "--target",
    envvar="REPRICED_TARGET",
    default="127.0.0.1:50051",
    show_default=True,
    help="Address of the server, host:port; also REPRICED_TARGET.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def request_id() -> str:
    """A new id for a new request."""
    return str(uuid.uuid4())


TOKEN = "REPRICED_TOKEN"
CA_FILE = "REPRICED_CA_FILE"
CERTIFICATE_FILE = "REPRICED_CERTIFICATE_FILE"
KEY_FILE = "REPRICED_KEY_FILE"


class Bearer(grpc.UnaryUnaryClientInterceptor):
    """Adds a token to each call. Call credentials would do, but not without TLS."""

    def __init__(self, token: str) -> None:
        self._header = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """The call with one header more."""
        metadata = [*(details.metadata or ()), self._header]
        return continuation(details._replace(metadata=metadata), request)


def open_channel(target: str) -> grpc.Channel:
    """A channel with the credentials that the environment names.

    REPRICED_CA_FILE turns TLS on; REPRICED_CERTIFICATE_FILE and REPRICED_KEY_FILE are the client's
    own certificate. A token never leaves this machine without TLS.
    """
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    token, roots = os.environ.get(TOKEN, ""), contents(CA_FILE)
    if roots is not None:
        credentials = grpc.ssl_channel_credentials(
            roots, contents(KEY_FILE), contents(CERTIFICATE_FILE)
        )
        channel = grpc.secure_channel(target, credentials, options)
    elif token and not is_local(target):
        raise click.ClickException(
            f"{TOKEN} would leave this machine unencrypted; set {CA_FILE} to the server's roots"
        )
    else:
        channel = grpc.insecure_channel(target, options)
    return grpc.intercept_channel(channel, Bearer(token)) if token else channel


def contents(variable: str) -> bytes | None:
    """The file that an environment variable names; None where it names none."""
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise click.ClickException(f"{variable}: {path}: {error.strerror}") from error


@contextmanager
def channel_to(target: str) -> Iterator[grpc.Channel]:
    """A channel that is closed at the end; gRPC errors become messages and exit code 1."""
    with open_channel(target) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise click.ClickException(message_of(error, target)) from error


def message_of(error: Any, target: str) -> str:
    """A gRPC error for people."""
    if error.code() == grpc.StatusCode.UNAVAILABLE and retry_seconds(error) is None:
        return f"no server answers at {target}; start one with: repriced serve"
    return f"{error.code().name}: {error.details()}"


def patiently(method: Callable[..., Any], request: Any) -> Any:
    """Calls, and calls again when the server says when a retry makes sense.

    The request keeps its id, so that it is applied once however often it is sent.
    """
    for attempt in range(RETRIES + 1):
        try:
            return method(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            wait = retry_seconds(error)
            if wait is None or attempt == RETRIES:
                raise
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def retry_seconds(error: Any) -> float | None:
    """The wait that a refusal's RetryInfo names; None where a retry makes no sense."""
    for detail in details_of(error):
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return float(retry.retry_delay.ToMilliseconds() / 1000)
    return None


def wants_less(error: Any) -> bool:
    """Whether the server refused a request only because it is too large."""
    if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
        return retry_seconds(error) is None
    for detail in details_of(error):
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.reason in ("TOO_MANY_ROWS", "REQUEST_TOO_LARGE"):
            return True
    return False


def details_of(error: Any) -> list[Any]:
    """Details of a google.rpc.Status; none for an error that gRPC itself raised."""
    status = rpc_status.from_call(error)
    return list(status.details) if status else []


def plain_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Turns the product's own errors into a message and exit code 2."""

    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> T:
        try:
            return command(*args, **options)
        except RepricedError as error:
            raise click.UsageError(error.message) from error

    return run


class Steps:
    """Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

    def __init__(self, title: str, total: int | None, quiet: bool = False) -> None:
        self._title, self._total, self._done, self._said = title, total, 0, 0
        self._quiet = quiet
        self._bar = None
        if sys.stderr.isatty() and not quiet:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))
            self._task = self._bar.add_task(title, total=total)
            self._bar.start()

    def __enter__(self) -> Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, count: int) -> None:
        """Says that `count` more are done."""
        self._done += count
        if self._bar is not None:
            self._bar.advance(self._task, count)
        elif not self._quiet and self._done - self._said >= PLAIN_EVERY:
            self._say()

    def _say(self) -> None:
        self._said = self._done
        of = f" of {self._total}" if self._total else ""
        click.echo(f"{self._title}: {self._done}{of}", err=True)

    def close(self) -> None:
        """Ends the display."""
        if self._bar is not None:
            self._bar.stop()
        elif not self._quiet and self._done > self._said:
            self._say()
