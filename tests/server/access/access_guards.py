"""Every declared method, and calls about a whole seller, for tests of who may see what."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import grpc

from repriced import v1
from repriced.v1 import event_pb2, event_pb2_grpc, insights_pb2, pricing_pb2
from tests.server.conftest import Running, request_id


def asked(call: str, **fields: Any) -> Callable[[Running, Any], Any]:
    """One of the calls of people about a whole seller."""

    def ask(server: Running, seller_id: str) -> Any:
        request_type = getattr(pricing_pb2, f"{call}Request")
        request = request_type(request_id=request_id(), seller_id=seller_id, **fields)
        return getattr(server.pricing, call)(request)

    return ask


def advised(call: str) -> Callable[[Running, Any], Any]:
    """One of the calls of InsightsService, about a seller."""
    request_type = getattr(insights_pb2, f"{call}Request")
    return lambda server, name: getattr(server.insights, call)(request_type(seller_id=name))


def events(server: Running, seller_id: str) -> Any:
    """What WatchEvents tells of a seller from the beginning; nothing within a second."""
    stub = event_pb2_grpc.EventServiceStub(server.channel)
    request = event_pb2.WatchEventsRequest(after_event_id=0, seller_id=seller_id)
    return next(stub.WatchEvents(request, timeout=1.5))


def declared() -> set[str]:
    """Every method of every service that the package `repriced.v1` declares, by reflection."""
    names = [each.name for each in pkgutil.iter_modules(v1.__path__) if each.name.endswith("_pb2")]
    modules = [importlib.import_module(f"repriced.v1.{name}") for name in names]
    services = [
        service
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
    ]  # fmt: skip
    return {
        f"/{service.full_name}/{method.name}" for service in services for method in service.methods
    }


def told(ask: Callable[[], Any]) -> bytes:
    """All that a call says but its place in the journal: the answer, or code, message, details."""
    try:
        answer = ask()
    except grpc.RpcError as error:
        call: Any = error
        return repr((call.code(), call.details(), call.trailing_metadata())).encode()
    for part in (answer, getattr(answer, "response", None)):
        if part is not None and "sequence" in part.DESCRIPTOR.fields_by_name:
            part.ClearField("sequence")
    return bytes(answer.SerializeToString(deterministic=True))
