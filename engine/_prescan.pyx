"""Counts in protobuf bytes before anything is parsed: one pass, nothing allocated.

Only the fields that are asked for are entered, so a request costs about as many steps as it has
rows. Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5
    LONGEST_VARINT = 10


cdef int read_varint(
    const unsigned char *data, Py_ssize_t *at, Py_ssize_t end, uint64_t *value
) noexcept nogil:
    """Reads a varint and moves `at` behind it; 0 when there is none."""
    cdef uint64_t found = 0
    cdef int shift = 0
    cdef unsigned char byte
    while at[0] < end and shift < 7 * LONGEST_VARINT:
        byte = data[at[0]]
        at[0] += 1
        found |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            value[0] = found
            return 1
        shift += 7
    return 0


cdef int next_field(
    const unsigned char *data, Py_ssize_t *at, Py_ssize_t end,
    uint64_t *field, Py_ssize_t *begin, Py_ssize_t *stop,
) noexcept nogil:
    """Moves `at` behind the next field; begin and stop frame its bytes, alike for other types.

    0 when the bytes are no protobuf fields; groups are none of ours.
    """
    cdef uint64_t tag = 0
    cdef uint64_t size = 0
    if not read_varint(data, at, end, &tag):
        return 0
    field[0] = tag >> 3
    if tag & 7 == VARINT:
        if not read_varint(data, at, end, &size):
            return 0
        size = 0
    elif tag & 7 == FIXED64:
        size = 8
    elif tag & 7 == FIXED32:
        size = 4
    elif tag & 7 == BYTES:
        if not read_varint(data, at, end, &size):
            return 0
    else:
        return 0
    if size > <uint64_t>(end - at[0]):
        return 0
    begin[0] = at[0]
    at[0] += <Py_ssize_t>size
    stop[0] = at[0] if tag & 7 == BYTES else begin[0]
    return 1


cdef int64_t count_in(
    const unsigned char *data, Py_ssize_t at, Py_ssize_t end,
    uint64_t wanted, uint64_t inner, int64_t *inner_count,
) noexcept nogil:
    """Occurrences of a field, and those of `inner` inside them; -1 for what is no protobuf."""
    cdef int64_t count = 0
    cdef int64_t found
    cdef uint64_t field = 0
    cdef Py_ssize_t begin = 0
    cdef Py_ssize_t stop = 0
    while at < end:
        if not next_field(data, &at, end, &field, &begin, &stop):
            return -1
        if field != wanted:
            continue
        count += 1
        if inner != 0:
            found = count_in(data, begin, stop, inner, 0, inner_count)
            if found < 0:
                return -1
            inner_count[0] += found
    return count


def count(const unsigned char[::1] payload, unsigned int field, unsigned int inner):
    """(occurrences of `field`, occurrences of `inner` inside them); inner 0 enters nothing.

    Raises ValueError for bytes that are no protobuf message at these levels.
    """
    cdef int64_t inner_count = 0
    cdef int64_t found = 0
    if payload.shape[0]:
        with nogil:
            found = count_in(&payload[0], 0, payload.shape[0], field, inner, &inner_count)
    if found < 0:
        raise ValueError("the bytes are no protobuf message")
    return found, inner_count


def joined(const unsigned char[::1] payload, unsigned int wanted):
    """The bytes of all occurrences of a field one after the other, as protobuf merges a message.

    Raises ValueError for bytes that are no protobuf message at this level.
    """
    cdef uint64_t field = 0
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t begin = 0
    cdef Py_ssize_t stop = 0
    whole = bytearray()
    while at < payload.shape[0]:
        if not next_field(&payload[0], &at, payload.shape[0], &field, &begin, &stop):
            raise ValueError("the bytes are no protobuf message")
        if field == wanted and stop > begin:
            whole += payload[begin:stop]
    return bytes(whole)
