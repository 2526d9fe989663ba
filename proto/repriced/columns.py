"""Requests from columns: numpy arrays or Arrow arrays in, the bytes of a RepriceRequest out.

Columns carry the names of the fields in `pricing.proto` and `types.proto`. Numbers are whole
numbers, enums theirs, texts are arrays of str or bytes (`S`) or Arrow strings; one text or number
stands for all rows. A value that is absent is masked (`numpy.ma`) or null (Arrow); a field that
has no presence of its own is then zero or empty.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from numpy.typing import NDArray

from repriced._columns import Shape
from repriced.v1 import pricing_pb2

Columns = Mapping[str, Any]
"""Columns by name: a dict of arrays, or an Arrow table."""

SNAPSHOTS: Any = pricing_pb2.RepriceRequest.DESCRIPTOR.fields_by_name["snapshots"]
KEYS = {"key": {"sku"}, "asin": {"asin"}}
"""Which columns tell a natural key from an ASIN; `listing_id` comes before both."""
OFFER_COUNT = "offer_count"


def reprice_request(snapshots: Columns, offers: Columns, request_id: str = "") -> bytes:
    """A RepriceRequest, encoded.

    `snapshots` has a row for each listing: `listing_id`, or `seller_id`, `marketplace_id` and
    `sku` (`audience` too, where it is not B2C), or those of an AsinKey; `event_ms`, `currency`,
    what else an OfferSnapshot has, and `offer_count`: how many of the next rows of `offers` are
    its own. `offers` has the fields of Offer. Raises ValueError that names column and value.
    """
    given, offered = as_dict(snapshots), as_dict(offers)
    counts = offer_counts(given)
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    rows = len(counts)
    offer_rows = int(ends[-1])
    snapshot = SNAPSHOTS.message_type
    key = key_field(given)
    fields = dict(snapshot.fields_by_name)
    shape = Shape(rows, len(fields))
    offer_shape = shape_of(fields["offers"].message_type, offered, offer_rows, "offers")
    key_columns: dict[str, Any] = {}
    if key:
        names = fields[key].message_type.fields_by_name
        key_columns = {name: given.pop(name) for name in list(given) if name in names}
        key_columns.setdefault("audience", 1)
    known = {name for name, field in fields.items() if field.message_type is None}
    check_known("snapshots", given, known)
    for field in snapshot.fields:
        if field.name == "offers":
            shape.add_rows(field.number, offer_shape, ends)
        elif field.name == key:
            nested = shape_of(field.message_type, key_columns, rows, "snapshots")
            shape.add_message(field.number, nested)
        elif field.name in given:
            add(shape, field, given[field.name], "snapshots")
    head = pricing_pb2.RepriceRequest(request_id=request_id or str(uuid.uuid4()))
    return shape.encode(SNAPSHOTS.number, head.SerializeToString())


def offer_counts(given: dict[str, Any]) -> NDArray[np.int64]:
    """How many offers each row has. Raises ValueError."""
    if OFFER_COUNT not in given:
        raise ValueError("snapshots has no column offer_count; allowed: offers of each row")
    try:
        counts = whole_numbers(given.pop(OFFER_COUNT))
    except ValueError as error:
        raise ValueError(f"snapshots.offer_count: {error}") from error
    if len(counts) and counts.min() < 0:
        raise ValueError(f"snapshots.offer_count has {counts.min()}; allowed: 0 and more")
    return counts


def as_dict(columns: Columns) -> dict[str, Any]:
    """Columns by name, of a dict or an Arrow table."""
    names = getattr(columns, "column_names", None)
    if names is not None:
        return {name: columns[name] for name in names}
    return dict(columns)


def key_field(given: Columns) -> str:
    """The message that the key's columns make; "" where the listing's id is there."""
    if "listing_id" in given:
        return ""
    for name, needed in KEYS.items():
        if needed <= given.keys():
            return name
    raise ValueError(
        "snapshots has no column that names a listing; allowed: listing_id, or sku or asin with"
        " seller_id and marketplace_id"
    )


def check_known(table: str, given: Columns, known: set[str]) -> None:
    """Raises ValueError for a column that means nothing."""
    for name in given:
        if name not in known:
            raise ValueError(f"{table} has a column {name!r}; allowed: {', '.join(sorted(known))}")


def shape_of(message: Any, given: Columns, rows: int, table: str) -> Shape:
    """What columns become as rows of a message without messages inside."""
    check_known(table, given, set(message.fields_by_name))
    shape = Shape(rows, len(message.fields))
    for field in message.fields:
        if field.name in given:
            add(shape, field, given[field.name], table)
    return shape


def add(shape: Shape, field: Any, column: Any, table: str) -> None:
    """Adds a column to a shape. Raises ValueError that names it."""
    name = f"{table}.{field.name}"
    try:
        if field.type == FieldDescriptor.TYPE_STRING:
            add_texts(shape, field.number, column)
            return
        values, present = numbers(column, shape.rows)
        if not field.has_presence:
            present = None
        elif present is None:
            present = np.ones(shape.rows, np.uint8)
        shape.add_numbers(field.number, values, present)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def numbers(column: Any, rows: int) -> tuple[NDArray[np.int64], NDArray[np.uint8] | None]:
    """A column as numbers, and which rows have one; None: all."""
    present = None
    if hasattr(column, "is_valid"):
        if column.null_count:
            present = np.asarray(column.is_valid()).astype(np.uint8)
            column = column.cast("int64").fill_null(0)
        column = np.asarray(column)
    if isinstance(column, np.ma.MaskedArray):
        present = (~np.ma.getmaskarray(column)).astype(np.uint8)
        column = column.filled(0)
    return whole_numbers(column, rows), present


def whole_numbers(column: Any, rows: int | None = None) -> NDArray[np.int64]:
    """A column of whole numbers; one alone stands for all rows. Raises ValueError."""
    values = np.asarray(column)
    if values.dtype.kind not in "iub" or values.ndim > 1 or (values.ndim == 0 and rows is None):
        raise ValueError(f"{values.ndim} dimensions of {values.dtype}; allowed: whole numbers")
    if values.ndim == 0:
        values = np.full(rows or 0, values)
    if values.dtype == np.uint64 and len(values) and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{values.max()}; allowed: up to {np.iinfo(np.int64).max}")
    return np.ascontiguousarray(values, np.int64)


def add_texts(shape: Shape, number: int, column: Any) -> None:
    """Adds a column of texts in the form that costs least."""
    if isinstance(column, (str, bytes)):
        column = np.full(shape.rows, column)
    if hasattr(column, "buffers") or hasattr(column, "combine_chunks"):
        shape.add_texts(number, *arrow_texts(column))
        return
    values = np.asarray(column)
    if values.dtype.kind == "U":
        values = np.char.encode(values, "utf-8")
    if values.dtype.kind == "S":
        raw = np.ascontiguousarray(values).view(np.uint8)
        shape.add_fixed_texts(number, raw.reshape(len(values), values.dtype.itemsize))
        return
    if values.dtype.kind not in "OT":
        raise ValueError(f"type {values.dtype}; allowed: texts")
    encoded = [each.encode() if isinstance(each, str) else bytes(each or b"") for each in values]
    ends = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    shape.add_texts(number, np.frombuffer(b"".join(encoded), np.uint8), ends)


def arrow_texts(column: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bytes and ends of an Arrow column, of the buffers that it has."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    whole = whole.cast("large_string")
    if whole.null_count:
        whole = whole.fill_null("")
    _, ends, values = whole.buffers()
    first = whole.offset
    found = np.frombuffer(ends, np.int64)[first : first + len(whole) + 1] if ends else None
    if found is None:
        found = np.zeros(len(whole) + 1, np.int64)
    return np.frombuffer(values or b"", np.uint8), found
