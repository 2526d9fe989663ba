"""A large Reprice in parts, so that the writer can serve other callers between them.

A part is a RepriceRequest of its own: the request's id and some of its rows, behind a head that
says how many rows stand before them. The head is a field that RepriceRequest does not have, so any
decoder reads a part. Answers of parts, one after the other, are the answer of the whole, as the
protobuf encoding has it; counts alone are added up.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from engine import wire
from engine.columns import SnapshotBatch
from repriced.v1 import pricing_pb2
from server.wire.limits import WireLimits
from server.wire.native import decode_reprice

PART_ROWS = 2_000
"""Rows of a part. A repeat finds the parts of its first attempt only where they are cut alike."""
HEAD_FIELD = 2_047
HEAD = struct.Struct("<2sI")
HEAD_TAG = bytes([HEAD_FIELD << 3 & 0x7F | 5 | 0x80, HEAD_FIELD >> 4])  # four bytes, fixed
DECISIONS_FIELD = pricing_pb2.RepriceResponse.DESCRIPTOR.fields_by_name["decisions"].number


def split(payload: bytes) -> list[bytes]:
    """Parts of a RepriceRequest; none where it is corrupt or has not one request id."""
    found = wire.cut(wire.REPRICE, payload, PART_ROWS)
    if found is None:
        return []
    places, request_id = found
    rows = memoryview(payload)
    return [
        b"".join((HEAD.pack(HEAD_TAG, at * PART_ROWS), request_id, rows[begin:end]))
        for at, (begin, end) in enumerate(pairwise(places))
    ]


def decode_part(payload: bytes, limits: WireLimits) -> SnapshotBatch:
    """Batch of a part, its rows counted as those of the whole. Pure. Raises InputError."""
    batch = decode_reprice(payload, limits)
    _, first = HEAD.unpack_from(payload)
    batch.rows["index"] += np.uint32(first)
    batch.problems = [replace(each, index=each.index + first) for each in batch.problems]
    return batch


def joined(answers: Sequence[bytes]) -> bytes:
    """The answer of a request from those of its parts; one answer is itself."""
    if len(answers) == 1:
        return answers[0]
    rests = [
        pricing_pb2.RepriceResponse.FromString(wire.without_field(each, DECISIONS_FIELD))
        for each in answers
    ]
    totals = pricing_pb2.RepriceResponse(
        evaluated_count=sum(each.evaluated_count for each in rests),
        ignored_count=sum(each.ignored_count for each in rests),
    )
    return b"".join((*answers, totals.SerializeToString()))
