"""Marketplace messages. Oracles: the parser of the standard library, and the wire codec."""

from __future__ import annotations

import json
from pathlib import Path

from repriced.v1 import pricing_pb2
from server.amazon import Refused, translate
from server.wire.limits import WireLimits
from tests.engine.wire.wire_cases import REQUEST_ID, check

SAMPLES = Path(__file__).parents[1] / "server/amazon/fixtures"
SELLER, SEEN_MS = "AOURSHOP000001", 1_790_000_000_000


def seeds() -> list[bytes]:
    """Messages of every kind that is used, as they come and inside wrappers."""
    plain = [json.dumps(json.loads(each.read_bytes())) for each in sorted(SAMPLES.iterdir())]
    wrapped = json.dumps({"Message": plain[0]})
    return [each.encode() for each in (*plain, wrapped, json.dumps({"Body": wrapped}))]


def one(data: bytes) -> str:
    """Refused, or a row that the codec reads as the generated parser does; nothing is raised."""
    found = translate(data, seller_id=SELLER, observed_ms=SEEN_MS)
    assert found == translate(data, seller_id=SELLER, observed_ms=SEEN_MS)
    if isinstance(found, Refused):
        assert found.message, found
        return found.reason
    json.loads(data)
    assert (found.snapshot is None) != (found.feedback is None)
    if found.snapshot is not None:
        assert found.event_ms == found.snapshot.event_ms
        request = pricing_pb2.RepriceRequest(request_id=REQUEST_ID, snapshots=[found.snapshot])
        check("reprice", request.SerializeToString(), WireLimits())
    else:
        request = pricing_pb2.ReportFeedbackRequest(
            request_id=REQUEST_ID, feedback=[found.feedback] if found.feedback else []
        )
        check("feedback", request.SerializeToString(), WireLimits())
    return "taken"
