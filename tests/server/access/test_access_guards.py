"""What the guards hold and tell of seller B is nothing that a caller of seller A learns of."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from access_guards import events
from access_server import Guarded, caller, serve
from test_access_sellers import MINE, THEIRS, fill

from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.caller import Role
from tests.server.conftest import Running, request_id


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One server with held bounds of each seller."""
    for server in serve(tmp_path_factory.mktemp("access")):
        fill(server.as_caller(caller("everybody", roles=frozenset({Role.ADMIN}))))
        yield server


@pytest.fixture(scope="module")
def mine(guarded: Guarded) -> Running:
    """Seller A's caller, with every role."""
    return guarded.as_caller(caller("mine", MINE, roles=frozenset({Role.ADMIN})))


def test_held_things_and_events_are_ones_own_only(guarded: Guarded, mine: Running) -> None:
    everybody = guarded.as_caller(caller("looking", roles=frozenset({Role.ADMIN})))
    holds = everybody.pricing.ListHeld(pricing_pb2.ListHeldRequest()).holds
    assert {each.seller_id for each in holds} == {MINE, THEIRS}
    own = mine.pricing.ListHeld(pricing_pb2.ListHeldRequest()).holds
    assert {each.seller_id for each in own} == {MINE}
    assert {each.seller_id for each in events(everybody, "").events} >= {MINE, THEIRS}
    assert {each.seller_id for each in events(mine, "").events} == {MINE}
    theirs = [each.hold_id for each in holds if each.seller_id == THEIRS]
    for call, message in (
        (mine.pricing.ReleaseHeld, pricing_pb2.ReleaseHeldRequest),
        (mine.pricing.DiscardHeld, pricing_pb2.DiscardHeldRequest),
    ):
        answer = call(message(request_id=request_id(), hold_ids=[*theirs, 9_999]))
        assert {each.reason for each in answer.errors} == {"UNKNOWN_HOLD"}
        assert len(answer.errors) == len(theirs) + 1
    after = everybody.pricing.ListHeld(pricing_pb2.ListHeldRequest(seller_id=THEIRS)).holds
    assert [each.hold_id for each in after] == theirs


def test_everything_of_a_caller_is_what_it_may_touch(guarded: Guarded, mine: Running) -> None:
    everybody = guarded.as_caller(caller("watching", roles=frozenset({Role.ADMIN})))
    stop = pricing_pb2.StopRepricingRequest(request_id=request_id(), everything=True)
    assert mine.pricing.StopRepricing(stop).stopped_count > 0
    listed = everybody.catalog.ListListings(catalog_pb2.ListListingsRequest()).listings
    assert {each.listing.key.seller_id for each in listed if each.stopped} == {MINE}
    assert {each.listing.key.seller_id for each in listed if not each.stopped} == {THEIRS}
    restart = pricing_pb2.RestartRepricingRequest(request_id=request_id(), everything=True)
    assert mine.pricing.RestartRepricing(restart).restarted_count > 0
