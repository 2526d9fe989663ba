# Rows of ReportFeedback and ReportStock, as _wire_rows.pxd has it for snapshots.

from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from engine._protobuf cimport (
    WIRE_BYTES,
    WIRE_CORRUPT,
    WIRE_FINE,
    WIRE_NOT_UTF8,
    WIRE_VARINT,
    Bytes,
    WireError,
    read_bytes,
    read_tag,
    read_varint,
    rune_count,
    skip_field,
)
from engine._schema cimport FEEDBACK_EFFECTIVE, FEEDBACK_LISTING_RESTORED, Feedback
from engine._wire_address cimport is_address, put_address, take_id
from engine._wire_offer cimport FULFILMENTS, MAX_PRICE
from engine._wire_rows cimport (
    FAULT_ROW,
    RowFields,
    Sink,
    currency_of,
    is_optional_price,
    refuse,
    take_listing,
)

cdef enum: MAX_SHARE_BP = 10000


cdef inline void take_feedback_number(
    RowFields* row, uint32_t field, uint64_t value
) noexcept nogil:
    if field == 1:
        take_id(&row.address, value)
    elif field == 4:
        row.code = <uint32_t>value
    elif field == 5:
        row.event_ms = <int64_t>value
    elif field == 6:
        row.decision_id = value
    elif field == 7:
        row.price_minor = <int64_t>value
    elif field == 9:
        row.share_bp = <uint32_t>value
    elif field == 10:
        row.competitive_minor = <int64_t>value
        row.has_competitive = True
    elif field == 12:
        row.fulfilment = <uint32_t>value


cdef inline WireError read_feedback(Bytes message, int depth, RowFields* row) noexcept nogil:
    """Fields of a Feedback message."""
    cdef const uint8_t* at = message.at
    cdef uint32_t tag = 0
    cdef uint64_t value = 0
    cdef Bytes content
    cdef WireError error
    memset(row, 0, sizeof(RowFields))
    while at < message.end:
        at = read_tag(at, message.end, &tag)
        if at == NULL:
            return WIRE_CORRUPT
        if tag & 7 == WIRE_BYTES and tag >> 3 in (2, 3, 8, 11):
            at = read_bytes(at, message.end, &content)
            if at == NULL:
                return WIRE_CORRUPT
            error = WIRE_FINE
            if tag >> 3 <= 3:
                error = take_listing(row, tag >> 3, content, depth)
            elif rune_count(content.at, content.end - content.at) < 0:
                error = WIRE_NOT_UTF8
            elif tag >> 3 == 8:
                row.currency = content
            if error != WIRE_FINE:
                return error
        elif tag & 7 == WIRE_VARINT and tag >> 3 != 0:
            at = read_varint(at, message.end, &value)
            take_feedback_number(row, tag >> 3, value)
        else:
            at = skip_field(at, message.end, tag, depth)
        if at == NULL:
            return WIRE_CORRUPT
    return WIRE_FINE


cdef inline bint is_feedback(const RowFields* row, uint8_t currency) noexcept nogil:
    """What server.wire.feedback.read_row asks; that names what is wrong."""
    cdef bint priced = row.price_minor != 0 or row.competitive_minor != 0
    return (
        is_address(&row.address)
        and 1 <= row.code <= FEEDBACK_LISTING_RESTORED
        and row.event_ms >= 1
        and 0 <= row.price_minor <= MAX_PRICE
        and (row.price_minor != 0 or row.decision_id != 0 or row.code > FEEDBACK_EFFECTIVE)
        and is_optional_price(row.has_competitive, row.competitive_minor)
        and (currency != 0 or not (priced or row.currency.end > row.currency.at))
        and row.share_bp <= MAX_SHARE_BP
        and row.fulfilment <= FULFILMENTS
    )


cdef inline WireError take_feedback(
    Sink* sink, Py_ssize_t index, Bytes message, int depth
) noexcept nogil:
    """Enters one row of feedback, or notes that it is bad."""
    cdef RowFields row
    cdef Feedback* to
    cdef uint8_t currency
    cdef bint priced
    cdef Py_ssize_t at = sink.used
    cdef WireError error = read_feedback(message, depth, &row)
    if error != WIRE_FINE or index >= sink.room:
        return error
    currency = currency_of(sink.currencies, row.currency)
    if not is_feedback(&row, currency):
        refuse(sink, FAULT_ROW, index, message, 0)
        return WIRE_FINE
    put_address(&sink.addresses[at], &row.address, sink.base)
    priced = row.price_minor != 0 or row.competitive_minor != 0
    sink.currency[at] = currency if priced else 0
    sink.decision_ids[at] = row.decision_id
    sink.fulfilment[at] = <uint8_t>row.fulfilment
    to = &sink.feedback[at]
    memset(to, 0, sizeof(Feedback))
    to.event_ms = row.event_ms
    to.price_minor = row.price_minor
    to.competitive_minor = row.competitive_minor
    to.listing_id = row.address.listing_id
    to.index = <uint32_t>index
    to.kind = <uint8_t>row.code
    to.share_bp = <uint16_t>row.share_bp
    sink.used += 1
    return WIRE_FINE


cdef inline WireError read_stock(Bytes message, int depth, RowFields* row) noexcept nogil:
    """Fields of a StockLevel message."""
    cdef const uint8_t* at = message.at
    cdef uint32_t tag = 0
    cdef uint64_t value = 0
    cdef Bytes content
    cdef WireError error
    memset(row, 0, sizeof(RowFields))
    while at < message.end:
        at = read_tag(at, message.end, &tag)
        if at == NULL:
            return WIRE_CORRUPT
        if tag == (2 << 3 | WIRE_BYTES):
            at = read_bytes(at, message.end, &content)
            if at == NULL:
                return WIRE_CORRUPT
            error = take_listing(row, 2, content, depth)
            if error != WIRE_FINE:
                return error
        elif tag & 7 == WIRE_VARINT and tag >> 3 != 0:
            at = read_varint(at, message.end, &value)
            if tag >> 3 == 1:
                take_id(&row.address, value)
            elif tag >> 3 == 3:
                row.event_ms = <int64_t>value
            elif tag >> 3 == 4:
                row.quantity = <uint32_t>value
            elif tag >> 3 == 5:
                row.age_days = <uint32_t>value
                row.has_age = True
        else:
            at = skip_field(at, message.end, tag, depth)
        if at == NULL:
            return WIRE_CORRUPT
    return WIRE_FINE


cdef inline WireError take_stock(
    Sink* sink, Py_ssize_t index, Bytes message, int depth
) noexcept nogil:
    """Enters one stock level, or notes that it is bad."""
    cdef RowFields row
    cdef Py_ssize_t at = sink.used
    cdef WireError error = read_stock(message, depth, &row)
    if error != WIRE_FINE or index >= sink.room:
        return error
    if not is_address(&row.address) or row.event_ms < 1:
        refuse(sink, FAULT_ROW, index, message, 0)
        return WIRE_FINE
    put_address(&sink.addresses[at], &row.address, sink.base)
    sink.indices[at] = <uint32_t>index
    sink.quantities[at] = row.quantity
    sink.ages[at] = row.age_days if row.has_age else UINT32_MAX
    sink.event_ms[at] = row.event_ms
    sink.used += 1
    return WIRE_FINE
