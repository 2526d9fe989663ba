"""The wire codec: bytes of Reprice, ReportFeedback and ReportStock to columns, without the GIL.

A light pass counts rows and offers, so that limits hold before anything is stored and the columns
have their final size; the second pass checks every byte and fills them. The face is `wire.py`.
"""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset

from numpy import frombuffer

from engine.money import currency_code, currency_index
from engine.errors import InputError

from engine._protobuf cimport (
    MAX_DEPTH,
    WIRE_BYTES,
    WIRE_CORRUPT,
    WIRE_FINE,
    WIRE_GROUP,
    WIRE_NOT_UTF8,
    Bytes,
    WireError,
    read_bytes,
    read_tag,
    rune_count,
    skip_field,
)
from engine._schema cimport Feedback, Snapshot
from engine._texts cimport xxh64
from engine._wire_address cimport BY_ID, Address, address_hash
from engine._wire_block cimport Block
from engine._wire_offer cimport SkuEntry
from engine._wire_reports cimport take_feedback, take_stock
from engine._wire_rows cimport CURRENCY_CODES, LETTERS, Fault, Sink, take_snapshot

cdef enum RowKind:  # schema.InputKind
    REPRICE = 1
    FEEDBACK = 2
    STOCK = 3

cdef enum:  # sections of a block, known to wire.py
    ADDRESSES
    RECORDS
    EVENTS
    DECISION_IDS
    INDICES
    QUANTITIES
    CURRENCY
    FULFILMENT
    FAULTS
    LANDED
    ITEMS
    SELLERS
    BITS
    RATING_COUNTS
    RATINGS
    HANDLING
    SKUS
    AGES
    SECTION_COUNT

cdef enum:
    OFFERS_FIELD = 6
    LINE = 64

cdef uint8_t[CURRENCY_CODES] CURRENCIES
memset(CURRENCIES, 0, sizeof(CURRENCIES))


cdef void fill_currencies():
    for index in range(1, 256):
        try:
            code = currency_code(index)
        except InputError:
            return
        place = 0
        for letter in code:
            place = place * LETTERS + ord(letter) - ord("A")
        CURRENCIES[place] = currency_index(code)

fill_currencies()

cdef struct Counts:
    Py_ssize_t rows
    Py_ssize_t offers  # of each row at most those that are taken of it
    Py_ssize_t rows_seen  # fields with the number of rows or offers, of whichever type
    Py_ssize_t offers_seen


cdef inline void count_offers(Bytes row, Py_ssize_t most, Counts* counts) noexcept nogil:
    """Adds the offers of one snapshot."""
    cdef const uint8_t* at = row.at
    cdef uint32_t tag = 0
    cdef Bytes content
    cdef Py_ssize_t found = 0
    while at < row.end:
        at = read_tag(at, row.end, &tag)
        if at == NULL:
            break
        if tag == (OFFERS_FIELD << 3 | WIRE_BYTES):
            at = read_bytes(at, row.end, &content)
            found += 1
        else:
            at = skip_field(at, row.end, tag, MAX_DEPTH)
            counts.offers_seen += tag >> 3 == OFFERS_FIELD and tag & 7 != WIRE_GROUP
        if at == NULL:
            break
    counts.offers += min(found, most)
    counts.offers_seen += found


cdef Counts count_rows(
    Bytes request, uint32_t rows_tag, bint with_offers, Py_ssize_t max_offers
) noexcept nogil:
    """Rows of a request and the offers in them, up to where its bytes are corrupt."""
    cdef Counts counts
    cdef const uint8_t* at = request.at
    cdef uint32_t tag = 0
    cdef Bytes content
    memset(&counts, 0, sizeof(Counts))
    while at < request.end:
        at = read_tag(at, request.end, &tag)
        if at == NULL:
            break
        if tag == rows_tag:
            at = read_bytes(at, request.end, &content)
            if at == NULL:
                break
            counts.rows += 1
            if with_offers:
                count_offers(content, max_offers, &counts)
        else:
            at = skip_field(at, request.end, tag, MAX_DEPTH)
            counts.rows_seen += tag >> 3 == rows_tag >> 3 and tag & 7 != WIRE_GROUP
        if at == NULL:
            break
    counts.rows_seen += counts.rows
    return counts


cdef inline WireError take_row(
    Sink* sink, int kind, Py_ssize_t index, Bytes row, int depth
) noexcept nogil:
    if kind == REPRICE:
        return take_snapshot(sink, index, row, depth)
    if kind == FEEDBACK:
        return take_feedback(sink, index, row, depth)
    return take_stock(sink, index, row, depth)


cdef WireError read_request(
    Sink* sink, int kind, Bytes request, uint32_t id_tag, uint32_t rows_tag, Bytes* id
) noexcept nogil:
    """Checks every byte of a request and enters its rows; `id` is its last request id."""
    cdef const uint8_t* at = request.at
    cdef uint32_t tag = 0
    cdef Bytes content
    cdef Py_ssize_t index = 0
    cdef WireError error
    memset(id, 0, sizeof(Bytes))
    while at < request.end:
        at = read_tag(at, request.end, &tag)
        if at == NULL:
            return WIRE_CORRUPT
        if tag == rows_tag or (tag == id_tag and id_tag >> 3 != 0):
            at = read_bytes(at, request.end, &content)
            if at == NULL:
                return WIRE_CORRUPT
        else:
            at = skip_field(at, request.end, tag, MAX_DEPTH)
            if at == NULL:
                return WIRE_CORRUPT
            continue
        if tag == rows_tag:
            error = take_row(sink, kind, index, content, MAX_DEPTH - 1)
            if error != WIRE_FINE:
                return error
            index += 1
        elif rune_count(content.at, content.end - content.at) < 0:
            return WIRE_NOT_UTF8
        else:
            id[0] = content
    return WIRE_FINE


cdef class Decoded:
    """What was decoded: `error` (0: fine), counts, and the columns on one block of memory."""

    cdef Block block
    cdef Py_ssize_t[SECTION_COUNT] starts
    cdef Py_ssize_t total
    cdef readonly int error
    cdef readonly bint is_overfull
    cdef readonly Py_ssize_t row_count
    cdef readonly Py_ssize_t used
    cdef readonly Py_ssize_t offers_used
    cdef readonly Py_ssize_t skus_used
    cdef readonly Py_ssize_t faults_used
    cdef readonly bytes request_id

    def column(self, int section, object dtype, Py_ssize_t count):
        """The first `count` entries of a section as an array that keeps the block."""
        return frombuffer(self.block, dtype, count, self.starts[section])

    cdef void place(self, int section, Py_ssize_t count, Py_ssize_t size) noexcept:
        self.starts[section] = self.total
        self.total += (count * size + LINE - 1) // LINE * LINE

    cdef void lay_out(self, int kind, Py_ssize_t rows, Py_ssize_t offers) noexcept:
        cdef Py_ssize_t record = sizeof(Snapshot) if kind == REPRICE else sizeof(Feedback)
        cdef Py_ssize_t reports = rows if kind == FEEDBACK else 0
        cdef Py_ssize_t levels = rows if kind == STOCK else 0
        self.place(ADDRESSES, rows, sizeof(Address))
        self.place(RECORDS, rows - levels, record)
        self.place(CURRENCY, rows - levels, 1)
        self.place(DECISION_IDS, reports, 8)
        self.place(FULFILMENT, reports, 1)
        self.place(EVENTS, levels, 8)
        self.place(INDICES, levels, 4)
        self.place(QUANTITIES, levels, 4)
        self.place(FAULTS, rows, sizeof(Fault))
        self.place(LANDED, offers, 8)
        self.place(ITEMS, offers, 8)
        self.place(SELLERS, offers, 8)
        self.place(BITS, offers, 4)
        self.place(RATING_COUNTS, offers, 4)
        self.place(RATINGS, offers, 2)
        self.place(HANDLING, offers, 2)
        self.place(SKUS, offers, sizeof(SkuEntry))
        self.place(AGES, levels, 4)

    cdef uint8_t* at(self, int section) noexcept:
        return self.block.memory + self.starts[section]

    cdef void point(self, Sink* sink) noexcept:
        sink.addresses = <Address*>self.at(ADDRESSES)
        sink.snapshots = <Snapshot*>self.at(RECORDS)
        sink.feedback = <Feedback*>self.at(RECORDS)
        sink.currency = self.at(CURRENCY)
        sink.decision_ids = <uint64_t*>self.at(DECISION_IDS)
        sink.fulfilment = self.at(FULFILMENT)
        sink.event_ms = <int64_t*>self.at(EVENTS)
        sink.indices = <uint32_t*>self.at(INDICES)
        sink.quantities = <uint32_t*>self.at(QUANTITIES)
        sink.faults = <Fault*>self.at(FAULTS)
        sink.offers.landed_minor = <int64_t*>self.at(LANDED)
        sink.offers.item_minor = <int64_t*>self.at(ITEMS)
        sink.offers.seller = <uint64_t*>self.at(SELLERS)
        sink.offers.bits = <uint32_t*>self.at(BITS)
        sink.offers.rating_count = <uint32_t*>self.at(RATING_COUNTS)
        sink.offers.rating_bp = <uint16_t*>self.at(RATINGS)
        sink.offers.handling_hours = <uint16_t*>self.at(HANDLING)
        sink.offers.skus = <SkuEntry*>self.at(SKUS)
        sink.ages = <uint32_t*>self.at(AGES)


cdef Bytes bytes_of(const uint8_t[::1] memory) noexcept:
    cdef Bytes whole
    whole.at = whole.end = NULL
    if memory.shape[0] > 0:
        whole.at = &memory[0]
        whole.end = whole.at + memory.shape[0]
    return whole


def decode(
    const uint8_t[::1] payload not None,  # IN
    int kind,
    int id_field,
    int rows_field,
    Py_ssize_t max_rows,
    Py_ssize_t max_offers,
    Py_ssize_t max_offers_in_all,
):
    """Decoded columns of a request, `max_offers` those of a row. An overfull one, which has more
    rows or offers in all than are allowed, is only checked, and nothing of it is stored."""
    cdef Bytes request = bytes_of(payload)
    cdef Bytes id
    cdef uint32_t id_tag = <uint32_t>id_field << 3 | WIRE_BYTES
    cdef uint32_t rows_tag = <uint32_t>rows_field << 3 | WIRE_BYTES
    cdef Decoded found = Decoded.__new__(Decoded)
    cdef Sink sink
    cdef Counts counts
    cdef WireError error
    with nogil:
        counts = count_rows(request, rows_tag, kind == REPRICE, max_offers)
    found.row_count = counts.rows
    found.is_overfull = counts.rows_seen > max_rows or counts.offers_seen > max_offers_in_all
    if found.is_overfull:
        counts.rows = counts.offers = 0
    found.lay_out(kind, counts.rows, counts.offers)
    found.block = Block(found.total)
    memset(&sink, 0, sizeof(Sink))
    found.point(&sink)
    sink.room = counts.rows
    sink.offers.room = counts.offers
    sink.max_offers = max_offers
    sink.base = request.at
    sink.currencies = CURRENCIES
    with nogil:
        error = read_request(&sink, kind, request, id_tag, rows_tag, &id)
    found.error = error
    found.used = sink.used
    found.offers_used = sink.offers.used
    found.skus_used = sink.offers.skus_used
    found.faults_used = sink.faults_used
    found.request_id = id.at[: id.end - id.at] if error == WIRE_FINE and id.at != NULL else b""
    return found


def without_field(const uint8_t[::1] message not None, int field):
    """A well-formed message without its length-delimited fields of this number."""
    cdef Bytes whole = bytes_of(message)
    cdef const uint8_t* at = whole.at
    cdef const uint8_t* begun
    cdef uint32_t tag = 0
    cdef list parts = []
    while at < whole.end:
        begun = at
        at = read_tag(at, whole.end, &tag)
        if at != NULL:
            at = skip_field(at, whole.end, tag, MAX_DEPTH)
        if at == NULL:
            raise ValueError("message is corrupt; allowed: the encoding of a message")
        if tag != (<uint32_t>field << 3 | WIRE_BYTES):
            parts.append(begun[: at - begun])
    return b"".join(parts)


def cut(const uint8_t[::1] message not None, int id_field, int rows_field, Py_ssize_t every):
    """Where a message can be cut so that no piece has more than `every` rows, both its ends
    among the places, and its id field as bytes. None where it is corrupt or has not one id."""
    cdef Bytes whole = bytes_of(message)
    cdef const uint8_t* at = whole.at
    cdef const uint8_t* begun
    cdef uint32_t tag = 0
    cdef Py_ssize_t rows = 0
    cdef list places = [0]
    cdef bytes id_bytes = None
    while at < whole.end:
        begun = at
        at = read_tag(at, whole.end, &tag)
        if at != NULL:
            at = skip_field(at, whole.end, tag, MAX_DEPTH)
        if at == NULL:
            return None
        if tag == (<uint32_t>rows_field << 3 | WIRE_BYTES):
            if rows > 0 and rows % every == 0:
                places.append(begun - whole.at)
            rows += 1
        elif tag == (<uint32_t>id_field << 3 | WIRE_BYTES):
            if id_bytes is not None:
                return None
            id_bytes = begun[: at - begun]
    places.append(whole.end - whole.at)
    return None if id_bytes is None else (places, id_bytes)


def hash_addresses(Address[::1] addresses not None, const uint8_t[::1] texts not None):
    """Fills in the hashes of addresses, apart from ids, whose texts stand in `texts`."""
    cdef Bytes base = bytes_of(texts)
    cdef Py_ssize_t at
    for at in range(addresses.shape[0]):
        if addresses[at].kind != BY_ID:
            addresses[at].hash = address_hash(&addresses[at], base.at)


def hash_bytes(const uint8_t[::1] text not None, uint64_t seed=0):
    """xxh64 of a text."""
    cdef Bytes whole = bytes_of(text)
    return xxh64(whole.at, whole.end - whole.at, seed)


def check_layout(
    const Address[::1] addresses, const Fault[::1] faults, const SkuEntry[::1] skus
):
    """Raises ValueError where an array's dtype differs from the C record."""
