# Rows of Reprice, ReportFeedback and ReportStock: from the bytes of one message to one entry of the
# columns. A row that must be refused is noted with its place; what is wrong with it, and the words
# for that, belong to the reader of that one row in server.wire.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
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
from engine._schema cimport STATUS_SUPPRESSED, Feedback, Snapshot
from engine._wire_address cimport (
    BY_ASIN,
    BY_KEY,
    Address,
    AddressFields,
    is_address,
    put_address,
    take_id,
    take_key,
)
from engine._wire_offer cimport (
    MAX_PRICE,
    OfferFields,
    OfferSink,
    is_good,
    put_offer,
    read_offer,
)

cdef enum:
    LETTERS = 26
    CURRENCY_CODES = 17576

cdef enum FaultKind:
    FAULT_NONE = 0
    FAULT_ROW = 1  # all but the offers
    FAULT_COUNT = 2  # too many offers
    FAULT_OFFER = 3

cdef struct Fault:
    # C mirror of wire.FAULT: the bytes of a bad row, or of the first bad offer of a row.
    uint32_t index
    uint32_t at
    uint32_t end
    uint32_t count  # offers of the row, or the place of the bad offer
    uint32_t kind
    uint32_t padding

cdef struct Sink:
    # OUT: columns with room for `room` rows, of which `used` are taken.
    Address* addresses
    uint8_t* currency
    Snapshot* snapshots
    Feedback* feedback
    uint64_t* decision_ids
    uint8_t* fulfilment
    uint32_t* indices
    uint32_t* quantities
    uint32_t* ages
    int64_t* event_ms
    OfferSink offers
    Fault* faults
    Py_ssize_t faults_used
    Py_ssize_t used
    Py_ssize_t room
    Py_ssize_t max_offers
    const uint8_t* base  # the whole request
    const uint8_t* currencies  # money.currency_index of three letters

cdef struct RowFields:
    # Fields of all three kinds of row; each kind has some of them.
    AddressFields address
    int64_t event_ms
    int64_t price_minor
    int64_t competitive_minor
    int64_t featured_minor
    uint64_t decision_id
    Bytes currency
    uint32_t code  # kind of feedback, status of the Buy Box
    uint32_t share_bp
    uint32_t fulfilment
    uint32_t quantity
    uint32_t age_days
    bint has_competitive
    bint has_featured
    bint has_age
    Py_ssize_t offer_count


cdef inline uint8_t currency_of(const uint8_t* currencies, Bytes text) noexcept nogil:
    """money.currency_index of a text; 0: no currency."""
    cdef uint32_t place = 0
    cdef Py_ssize_t at
    if text.end - text.at != 3:
        return 0
    for at in range(3):
        if not 65 <= text.at[at] <= 90:
            return 0
        place = place * LETTERS + text.at[at] - 65
    return currencies[place]


cdef inline bint is_optional_price(bint given, int64_t minor) noexcept nogil:
    return not given or 1 <= minor <= MAX_PRICE


cdef inline void refuse(
    Sink* sink, FaultKind kind, Py_ssize_t index, Bytes row, Py_ssize_t count
) noexcept nogil:
    cdef Fault* fault = &sink.faults[sink.faults_used]
    sink.faults_used += 1
    memset(fault, 0, sizeof(Fault))
    fault.kind = kind
    fault.index = <uint32_t>index
    fault.at = <uint32_t>(row.at - sink.base)
    fault.end = <uint32_t>(row.end - sink.base)
    fault.count = <uint32_t>count


cdef inline WireError take_listing(
    RowFields* row, uint32_t field, Bytes content, int depth
) noexcept nogil:
    return take_key(&row.address, BY_KEY if field == 2 else BY_ASIN, content, depth)


cdef inline WireError take_offer(
    Sink* sink, RowFields* row, Bytes content, int depth, Fault* first
) noexcept nogil:
    """Enters an offer while its row is good so far; notes the first bad one in `first`."""
    cdef OfferFields offer
    cdef WireError error
    if depth < 1:
        return WIRE_CORRUPT
    error = read_offer(content.at, content.end, depth - 1, &offer)
    if error != WIRE_FINE:
        return error
    if row.offer_count < sink.max_offers and first.kind == FAULT_NONE:
        if not is_good(&offer):
            first.kind = FAULT_OFFER
            first.at = <uint32_t>(content.at - sink.base)
            first.end = <uint32_t>(content.end - sink.base)
            first.count = <uint32_t>row.offer_count
        elif sink.offers.used < sink.offers.room:
            put_offer(&sink.offers, &offer, sink.base)
    row.offer_count += 1
    return WIRE_FINE


cdef inline void take_snapshot_number(
    RowFields* row, uint32_t field, uint64_t value
) noexcept nogil:
    if field == 1:
        take_id(&row.address, value)
    elif field == 4:
        row.event_ms = <int64_t>value
    elif field == 7:
        row.competitive_minor = <int64_t>value
        row.has_competitive = True
    elif field == 8:
        row.featured_minor = <int64_t>value
        row.has_featured = True
    elif field == 9:
        row.code = <uint32_t>value
    elif field == 11:
        row.quantity = <uint32_t>value


cdef inline WireError read_snapshot(
    Sink* sink, Bytes message, int depth, RowFields* row, Fault* first
) noexcept nogil:
    """Fields of an OfferSnapshot message; its offers are entered as they come."""
    cdef const uint8_t* at = message.at
    cdef uint32_t tag = 0
    cdef uint64_t value = 0
    cdef Bytes content
    cdef WireError error
    memset(row, 0, sizeof(RowFields))
    memset(first, 0, sizeof(Fault))
    while at < message.end:
        at = read_tag(at, message.end, &tag)
        if at == NULL:
            return WIRE_CORRUPT
        if tag & 7 == WIRE_BYTES and tag >> 3 in (2, 3, 5, 6, 10):
            at = read_bytes(at, message.end, &content)
            if at == NULL:
                return WIRE_CORRUPT
            error = WIRE_FINE
            if tag >> 3 == 6:
                error = take_offer(sink, row, content, depth, first)
            elif tag >> 3 <= 3:
                error = take_listing(row, tag >> 3, content, depth)
            elif rune_count(content.at, content.end - content.at) < 0:
                error = WIRE_NOT_UTF8
            elif tag >> 3 == 5:
                row.currency = content
            if error != WIRE_FINE:
                return error
        elif tag & 7 == WIRE_VARINT and tag >> 3 != 0:
            at = read_varint(at, message.end, &value)
            take_snapshot_number(row, tag >> 3, value)
        else:
            at = skip_field(at, message.end, tag, depth)
        if at == NULL:
            return WIRE_CORRUPT
    return WIRE_FINE


cdef inline WireError take_snapshot(
    Sink* sink, Py_ssize_t index, Bytes message, int depth
) noexcept nogil:
    """Enters one snapshot, or notes why not."""
    cdef RowFields row
    cdef Fault first
    cdef Bytes where = message
    cdef Snapshot* to
    cdef Py_ssize_t offers_before = sink.offers.used
    cdef Py_ssize_t skus_before = sink.offers.skus_used
    cdef FaultKind kind = FAULT_NONE
    cdef uint8_t currency
    cdef WireError error = read_snapshot(sink, message, depth, &row, &first)
    if error != WIRE_FINE or index >= sink.room:
        return error
    currency = currency_of(sink.currencies, row.currency)
    if (
        not is_address(&row.address) or row.event_ms < 1 or currency == 0
        or not is_optional_price(row.has_competitive, row.competitive_minor)
        or not is_optional_price(row.has_featured, row.featured_minor)
        or row.code > STATUS_SUPPRESSED
    ):
        kind = FAULT_ROW
    elif row.offer_count > sink.max_offers:
        kind = FAULT_COUNT
    elif first.kind != FAULT_NONE:
        kind = FAULT_OFFER
        where.at, where.end = sink.base + first.at, sink.base + first.end
        row.offer_count = first.count
    if kind != FAULT_NONE:
        sink.offers.used = offers_before
        sink.offers.skus_used = skus_before
        refuse(sink, kind, index, where, row.offer_count)
        return WIRE_FINE
    put_address(&sink.addresses[sink.used], &row.address, sink.base)
    sink.currency[sink.used] = currency
    to = &sink.snapshots[sink.used]
    memset(to, 0, sizeof(Snapshot))
    to.event_ms = row.event_ms
    to.competitive_minor = row.competitive_minor
    to.featured_minor = row.featured_minor
    to.listing_id = row.address.listing_id
    to.offer_begin = <uint32_t>offers_before
    to.offer_end = <uint32_t>sink.offers.used
    to.own_offer = -1
    to.index = <uint32_t>index
    to.offer_total = <uint16_t>min(row.quantity, <uint32_t>0xFFFF)
    to.buy_box_status = <uint8_t>row.code
    sink.used += 1
    return WIRE_FINE
