"""Counts in protobuf bytes before anything is parsed: one pass, nothing allocated.

Only the fields that are asked for are entered, so a request costs about as many steps as it has
rows. Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    GROUP = 3
    GROUP_END = 4
    FIXED32 = 5
    LONGEST_VARINT = 10


cdef inline int read_varint(
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


cdef inline int skip_value(
    const unsigned char *data, Py_ssize_t *at, Py_ssize_t end, uint64_t kind, uint64_t *size
) noexcept nogil:
    """Moves `at` to the bytes of a value and gives how many there are; 0 when there is none."""
    size[0] = 0
    if kind == VARINT:
        if not read_varint(data, at, end, size):
            return 0
        size[0] = 0
    elif kind == FIXED64:
        size[0] = 8
    elif kind == FIXED32:
        size[0] = 4
    elif kind != BYTES or not read_varint(data, at, end, size):
        return 0
    return size[0] <= <uint64_t>(end - at[0])


cdef int skip_group(const unsigned char *data, Py_ssize_t *at, Py_ssize_t end) noexcept nogil:
    """Moves `at` behind the end of a group that was begun; 0 when it has none.

    Whether begin and end name the same field, and how deep groups may stand, is the parser's.
    """
    cdef uint64_t tag = 0
    cdef uint64_t size = 0
    cdef Py_ssize_t depth = 1
    while depth:
        if not read_varint(data, at, end, &tag):
            return 0
        if tag & 7 == GROUP:
            depth += 1
        elif tag & 7 == GROUP_END:
            depth -= 1
        elif skip_value(data, at, end, tag & 7, &size):
            at[0] += <Py_ssize_t>size
        else:
            return 0
    return 1


cdef inline int next_field(
    const unsigned char *data, Py_ssize_t *at, Py_ssize_t end,
    uint64_t *field, Py_ssize_t *begin, Py_ssize_t *stop,
) noexcept nogil:
    """Moves `at` behind the next field; begin and stop frame its bytes, alike for other types.

    0 when the bytes are no protobuf fields.
    """
    cdef uint64_t tag = 0
    cdef uint64_t size = 0
    if not read_varint(data, at, end, &tag):
        return 0
    field[0] = tag >> 3
    if tag & 7 == GROUP:
        field[0] = 0
        begin[0] = stop[0] = at[0]
        return skip_group(data, at, end)
    if not skip_value(data, at, end, tag & 7, &size):
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
