# One offer of a message between its struct and the wire form.

from libc.stdint cimport int8_t, int64_t, uint8_t
from libc.string cimport memcmp, memcpy, memmove

from engine._protobuf cimport WIRE_BYTES, put_number, put_text, put_varint

cdef enum:
    UNKNOWN = -1  # of a flag that the message leaves out
    SNAPSHOTS_FIELD = 2
    OFFERS_FIELD = 6
    LONGEST_FRAME = 6  # a tag and a length
    LONGEST_ROW = 220  # an offer with its frame, without its texts

cdef struct Text:
    const char* at
    Py_ssize_t size

cdef struct Row:
    Text seller
    Text country
    int64_t item_price
    int64_t shipping
    int64_t points
    int64_t rating
    int64_t rating_count
    int64_t hours
    int fulfilment
    int sub_condition
    int availability
    int8_t winner
    int8_t featured
    bint prime
    bint amazon
    bint own


cdef inline bint is_text(Text text, Text other) noexcept nogil:
    return text.size == other.size > 0 and memcmp(text.at, other.at, text.size) == 0


cdef inline bint is_stripped(Text text) noexcept nogil:
    """Nothing to strip for sure: it begins and ends with visible ASCII."""
    return text.size == 0 or (
        c" " < text.at[0] <= c"~" and c" " < text.at[text.size - 1] <= c"~"
    )


cdef inline bint is_capital(Text text) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(text.size):
        if not c"A" <= text.at[at] <= c"Z":
            return False
    return True

cdef inline int64_t landed(const Row* row) noexcept nogil:
    """What the buyer compares: item price, shipping on top, points off."""
    return row.item_price + row.shipping - row.points


cdef inline uint8_t* put_flag(uint8_t* to, int field, int value) noexcept nogil:
    """A flag that may be unknown."""
    if value == UNKNOWN:
        return to
    to = put_varint(to, field << 3)
    to[0] = value
    return to + 1


cdef inline uint8_t* put_raw(uint8_t* to, const char* fields, Py_ssize_t size) noexcept nogil:
    memcpy(to, fields, size)
    return to + size


cdef inline uint8_t* put_framed(uint8_t* to, uint8_t* end, int field) noexcept nogil:
    """A message that was written behind room for its frame is moved up to its tag and length."""
    cdef uint8_t* body = to + LONGEST_FRAME
    cdef Py_ssize_t size = end - body
    to = put_varint(put_varint(to, field << 3 | WIRE_BYTES), size)
    memmove(to, body, size)
    return to + size


cdef inline uint8_t* put_offer(uint8_t* to, const Row* row, int condition) noexcept nogil:
    """An Offer message behind its tag and length."""
    cdef uint8_t* end = to + LONGEST_FRAME
    end = put_text(end, 1, row.seller.at, row.seller.size)
    end = put_number(end, 2, row.item_price)
    end = put_number(end, 3, row.shipping)
    end = put_number(end, 4, row.points)
    end = put_number(end, 5, row.fulfilment)
    end = put_number(end, 6, condition)
    end = put_number(end, 7, row.sub_condition)
    end = put_number(end, 8, row.rating)
    end = put_number(end, 9, row.rating_count)
    end = put_number(end, 10, row.hours)
    end = put_number(end, 11, row.availability)
    end = put_flag(end, 12, row.winner)
    end = put_flag(end, 13, row.featured)
    end = put_number(end, 14, row.prime)
    end = put_number(end, 16, row.amazon)
    end = put_text(end, 17, row.country.at, row.country.size)
    return put_framed(to, end, OFFERS_FIELD)
