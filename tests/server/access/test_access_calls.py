"""From the outside: which credentials open which method, and what everybody else is told."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from access_server import Guarded, bearer, caller, reason_of, refusal, retry_ms
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.caller import Power, Rates, Role
from server.access.roles import OPEN, ROLES, role_of
from server.access.tokens import new_token
from server.app import App
from server.config import Config
from tests.server.conftest import Running, listing, request_id, rival, snapshot

GET = "/repriced.v1.CatalogService/ListSellers"
STRANGER = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def call_raw(guarded: Guarded, method: str, metadata: Any, body: bytes = b"") -> bytes:
    """A unary call with any headers."""
    channel = guarded.open()
    return bytes(channel.unary_unary(method)(body, metadata=metadata, timeout=10))


def methods_of(app: App) -> set[str]:
    """Every method that the server answers, health and reflection too."""
    found: set[str] = set()
    for handler in app._server._state.generic_handlers:
        found |= set(handler._method_handlers)
    return found


def test_every_method_has_a_role(guarded: Guarded) -> None:
    served = methods_of(guarded.app)
    assert served == set(ROLES) | OPEN, "server/access/roles.py names every method, and no other"
    assert len(served) > 20


def test_a_method_without_an_entry_is_for_admins() -> None:
    assert role_of("/repriced.v1.CatalogService/Forgotten") is Role.ADMIN


def test_a_token_opens_what_its_role_opens(guarded: Guarded) -> None:
    reader = guarded.as_caller(caller("reader", roles=frozenset({Role.READ})))
    reader.catalog.ListSellers(catalog_pb2.ListSellersRequest(), timeout=10)
    code, reason, message = refusal(lambda: reader.upsert(listing("A")))
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")
    assert message == "caller reader does not have the role operate"


@pytest.mark.parametrize("role", [Role.READ, Role.INGEST, Role.OPERATE])
def test_a_role_opens_its_methods_and_no_others(guarded: Guarded, role: Role) -> None:
    token = guarded.enter(caller("one-role", roles=frozenset({role})))
    for method, needed in ROLES.items():
        if "repriced" not in method or method.endswith(("StreamReprice", "WatchDecisions")):
            continue
        denied = False
        try:
            call_raw(guarded, method, bearer(token))
        except grpc.RpcError as error:
            denied = error.code() is grpc.StatusCode.PERMISSION_DENIED
        assert denied == (needed is not role), method


def test_health_is_open_and_reflection_is_not(guarded: Guarded) -> None:
    health = health_pb2_grpc.HealthStub(guarded.open())
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == 1
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    stub = reflection_pb2_grpc.ServerReflectionStub(guarded.open())
    assert refusal(lambda: next(stub.ServerReflectionInfo(asked, timeout=10)))[:2] == STRANGER
    reader = guarded.as_caller(caller("reader", roles=frozenset({Role.READ})))
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    stub = reflection_pb2_grpc.ServerReflectionStub(reader.channel)
    listed = next(stub.ServerReflectionInfo(asked, timeout=10)).list_services_response.service
    assert "repriced.v1.PricingService" in {each.name for each in listed}


GOOD = new_token()
HOSTILE: dict[str, Any] = {
    "nothing": (),
    "empty": (("authorization", ""),),
    "only the scheme": (("authorization", "Bearer "),),
    "no scheme": (("authorization", "{token}"),),
    "basic": (("authorization", "Basic {token}"),),
    "another token": (("authorization", f"Bearer {GOOD}"),),
    "truncated": (("authorization", "Bearer {token[:-1]}"),),
    "longer": (("authorization", "Bearer {token}A"),),
    "another case": (("authorization", "Bearer {token.swapcase()}"),),
    "two blanks": (("authorization", "Bearer  {token}"),),
    "a blank after": (("authorization", "Bearer {token} "),),
    "twice": (("authorization", "Bearer {token}"),) * 2,
    "good after bad": (("authorization", "Bearer x"), ("authorization", "Bearer {token}")),
    "good before bad": (("authorization", "Bearer {token}"), ("authorization", "Bearer x")),
    "joined": (("authorization", "Bearer {token},Bearer {token}"),),
    "oversized": (("authorization", "Bearer rpr_" + "A" * 4_000),),
    "another header": (("x-authorization", "Bearer {token}"), ("token", "{token}")),
    "binary": (("authorization-bin", b"Bearer " + GOOD.encode()),),
    "quoted": (("authorization", 'Bearer "{token}"'),),
    "sql": (("authorization", "Bearer rpr_' OR 1=1 --"),),
    "padding": (("authorization", "Bearer {token}="),),
    "hash": (("authorization", "Bearer rpr_" + "0" * 43),),
}


@pytest.mark.parametrize("metadata", HOSTILE.values(), ids=HOSTILE.keys())
def test_everything_but_the_token_is_told_the_same(guarded: Guarded, metadata: Any) -> None:
    token = guarded.enter(caller("somebody"))
    filled = [
        (key, value if isinstance(value, bytes) else with_token(value, token))
        for key, value in metadata
    ]
    with pytest.raises(grpc.RpcError) as refused:
        call_raw(guarded, GET, filled)
    error: Any = refused.value
    assert (error.code(), reason_of(error)) == STRANGER
    with pytest.raises(grpc.RpcError) as unknown:
        call_raw(guarded, GET, ())
    other: Any = unknown.value
    assert error.trailing_metadata() == other.trailing_metadata(), "no hint what was wrong"
    call_raw(guarded, GET, bearer(token))


def with_token(text: str, token: str) -> str:
    """A header's text with the token, or a part of it, filled in."""
    for wanted, given in (
        ("{token}", token),
        ("{token[:-1]}", token[:-1]),
        ("{token.swapcase()}", token.swapcase()),
    ):
        text = text.replace(wanted, given)
    return text


def test_the_scheme_is_read_in_any_case(guarded: Guarded) -> None:
    token = guarded.enter(caller("somebody"))
    for scheme in ("bearer", "BEARER", "Bearer"):
        call_raw(guarded, GET, (("authorization", f"{scheme} {token}"),))


def test_ten_thousand_bad_tokens_leave_nothing_behind(guarded: Guarded) -> None:
    """Through the server's own door; over the network the client would be most of the work."""
    guarded.enter(caller("somebody"))
    door = guarded.app.door
    knock(door, 200)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    knock(door, 10_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 500_000, "less than 50 bytes a try: nothing is kept of them"
    assert not guarded.app.meter._uses


def knock(door: Any, times: int) -> None:
    """Tries a new bad token each time."""
    for _ in range(times):
        with pytest.raises(Exception, match="no valid credentials"):
            door.by_metadata(bearer(new_token()))


def test_a_strangers_request_is_not_read(guarded: Guarded) -> None:
    """The refusal comes although the request never does."""
    channel = guarded.open()

    def nothing() -> Any:
        time.sleep(20)
        yield b""

    call = channel.stream_unary(GET)
    started = time.monotonic()
    assert refusal(lambda: call(nothing(), timeout=15))[:2] == STRANGER
    assert time.monotonic() - started < 15, "it was not the deadline that ended the call"


def test_revoked_is_revoked_at_once(guarded: Guarded) -> None:
    token = guarded.enter(caller("leaver"))
    call_raw(guarded, GET, bearer(token))
    guarded.store.revoke("leaver", "test")
    assert until_refused(guarded, token) < 2


def until_refused(guarded: Guarded, token: str) -> float:
    """Seconds until a token that works no longer does; the server notices by itself."""
    started = time.monotonic()
    while time.monotonic() - started < 10:
        if not opens(guarded, token):
            return time.monotonic() - started
        time.sleep(0.02)
    raise AssertionError("the token still works")


def opens(guarded: Guarded, token: str) -> bool:
    """Whether a token works."""
    try:
        call_raw(guarded, GET, bearer(token))
    except grpc.RpcError as error:
        return error.code() is not grpc.StatusCode.UNAUTHENTICATED
    return True


def test_rotation_overlaps_and_expiry_ends(guarded: Guarded) -> None:
    old = guarded.enter(caller("rotator"))
    new = guarded.store.rotate("rotator", "test", overlap_ms=60_000)
    guarded.app.access._refresh()
    for token in (old, new):
        call_raw(guarded, GET, bearer(token))
    newest = guarded.store.rotate("rotator", "test", overlap_ms=0)
    guarded.app.access._refresh()
    call_raw(guarded, GET, bearer(newest))
    for token in (old, new):
        with pytest.raises(grpc.RpcError, match="no valid credentials"):
            call_raw(guarded, GET, bearer(token))


def test_an_open_stream_ends_with_its_token(guarded: Guarded) -> None:
    leaver = guarded.as_caller(caller("leaver"))
    watching = leaver.pricing.WatchDecisions(pricing_pb2.WatchDecisionsRequest(), timeout=20)
    idle = leaver.pricing.StreamReprice(silent(), timeout=20)
    time.sleep(0.2)
    guarded.store.revoke("leaver", "test")
    for stream in (watching, idle):
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
        assert ended.value.code() in {
            grpc.StatusCode.UNAUTHENTICATED,
            grpc.StatusCode.CANCELLED,
        }


def silent() -> Any:
    """A client's side of a stream that says nothing for long."""
    time.sleep(30)
    yield pricing_pb2.StreamRepriceRequest()


def test_calls_a_second_are_limited(guarded: Guarded) -> None:
    eager = guarded.as_caller(caller("eager", rates=Rates(5, 0, 0)))
    calls = [try_list(eager) for _ in range(30)]
    refused = [each for each in calls if each is not None]
    assert 5 <= len(calls) - len(refused) < 30
    assert all(each.code() is grpc.StatusCode.RESOURCE_EXHAUSTED for each in refused)
    assert all(reason_of(each) == "CALLER_RATE" for each in refused)
    assert all(retry_ms(each) >= 50 for each in refused)
    calm = guarded.as_caller(caller("calm", rates=Rates(5, 0, 0)))
    assert try_list(calm) is None, "another caller's rate is its own"


def try_list(server: Running) -> Any:
    """The error of a call, or None."""
    try:
        server.catalog.ListSellers(catalog_pb2.ListSellersRequest(), timeout=10)
    except grpc.RpcError as error:
        return error
    return None


def test_rows_a_second_are_limited(guarded: Guarded) -> None:
    eager = guarded.as_caller(caller("eager", rates=Rates(0, 100, 0)))
    eager.upsert(listing("A"))
    many = [snapshot("A", rival(1000))] * 500
    eager.reprice(*many)
    code, reason, message = refusal(lambda: eager.reprice(*many))
    assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLER_RATE")
    assert "allowed: 100 rows a second" in message


def test_calls_at_once_are_limited(guarded: Guarded) -> None:
    one = guarded.as_caller(caller("one", rates=Rates(0, 0, 1)))
    watching = one.pricing.WatchDecisions(pricing_pb2.WatchDecisionsRequest(), timeout=20)
    while not guarded.app.meter._uses.get("one") or not guarded.app.meter._uses["one"].open:
        time.sleep(0.01)
    error = try_list(one)
    assert (error.code(), reason_of(error)) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "CALLER_CONCURRENCY",
    )
    assert retry_ms(error) > 0
    watching.cancel()


def test_what_one_call_may_move_is_limited(guarded: Guarded) -> None:
    powers = {Power.PAUSE: 1, Power.DEFINE: 2}
    limited = guarded.as_caller(caller("limited", powers=powers))
    limited.upsert(listing("A"), listing("B"))
    code, reason, message = refusal(lambda: limited.upsert(*map(listing, "ABC")))
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "CALLER_LIMIT")
    assert message == "the call would define 3; allowed: at most 2 a call for caller limited"
    refs = [catalog_pb2.ListingRef(listing_id=each) for each in (1, 2)]
    pause = pricing_pb2.PauseRepricingRequest(request_id=request_id(), listings=refs)
    assert refusal(lambda: limited.pricing.PauseRepricing(pause))[1] == "CALLER_LIMIT"


def test_request_ids_are_ones_own(guarded: Guarded) -> None:
    """The same id and body from two callers is two requests."""
    first, second = (guarded.as_caller(caller(each)) for each in ("first", "second"))
    request = catalog_pb2.BatchUpsertListingsRequest(
        request_id=request_id(), listings=[listing("ONE")]
    )
    answers = [each.catalog.BatchUpsertListings(request) for each in (first, first, second)]
    assert answers[0] == answers[1]
    assert [each.upserted[0].created for each in answers] == [True, True, False]


def test_nobody_is_asked_on_loopback_without_an_access_file(
    run_plain: Callable[[], Running],
) -> None:
    server = run_plain()
    assert server.app.access.anonymous
    server.catalog.ListSellers(catalog_pb2.ListSellersRequest(), timeout=10)
    assert Config().access.file == ""
