# The wire format of protocol buffers, as its specification and the generated parser have it:
# numbers, lengths, what is skipped, and texts in UTF-8. Readers return where to go on, NULL where
# the bytes are corrupt; nothing is read at or beyond `end`. Writers return where to go on.

from libc.stdint cimport INT32_MAX, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    WIRE_VARINT = 0
    WIRE_FIXED64 = 1
    WIRE_BYTES = 2
    WIRE_GROUP = 3
    WIRE_GROUP_END = 4
    WIRE_FIXED32 = 5
    MAX_DEPTH = 100
    LONGEST_TAG = 5
    LONGEST_LENGTH = 5

cdef extern from *:
    """
    #define WIRE_HIGH_BITS 0x8080808080808080ULL
    """
    const uint64_t HIGH_BITS "WIRE_HIGH_BITS"

cdef enum WireError:
    WIRE_FINE = 0
    WIRE_CORRUPT = 1
    WIRE_NOT_UTF8 = 2

cdef struct Number:
    const uint8_t* after  # where to go on; NULL: no number
    uint64_t value

cdef struct Bytes:
    # A part of the request that lives as long as the request does.
    const uint8_t* at
    const uint8_t* end


cdef inline Number read_long_number(const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Number number
    cdef uint64_t byte
    cdef int shift = 0
    number.value = 0
    while at < end and shift < 70:
        byte = at[0]
        at += 1
        number.value |= (byte & 0x7F) << shift
        if byte < 0x80:
            number.after = at
            return number
        shift += 7
    number.after = NULL
    return number


cdef inline Number read_number(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """A number of at most ten bytes; bits beyond the 64th are dropped."""
    cdef Number number
    if at < end and at[0] < 0x80:
        number.value = at[0]
        number.after = at + 1
        return number
    if end - at >= 2 and at[1] < 0x80:
        number.value = at[0] & 0x7F | <uint64_t>at[1] << 7
        number.after = at + 2
        return number
    return read_long_number(at, end)


cdef inline const uint8_t* read_varint(
    const uint8_t* at, const uint8_t* end, uint64_t* value
) noexcept nogil:
    """The same, its value in `value`."""
    cdef Number number = read_number(at, end)
    value[0] = number.value
    return number.after


cdef inline const uint8_t* read_tag(
    const uint8_t* at, const uint8_t* end, uint32_t* tag
) noexcept nogil:
    """Field number and wire type: 32 bits in at most five bytes."""
    cdef uint64_t value = 0
    cdef const uint8_t* after
    if at < end and at[0] < 0x80:
        tag[0] = at[0]
        return at + 1
    after = read_varint(at, end, &value)
    if after == NULL or after - at > LONGEST_TAG or value >> 32 != 0:
        return NULL
    tag[0] = <uint32_t>value
    return after


cdef inline const uint8_t* read_bytes(
    const uint8_t* at, const uint8_t* end, Bytes* content
) noexcept nogil:
    """What follows a length: text, bytes or a message."""
    cdef uint64_t length = 0
    cdef const uint8_t* after = read_varint(at, end, &length)
    if after == NULL or after - at > LONGEST_LENGTH or length > INT32_MAX:
        return NULL
    if <uint64_t>(end - after) < length:
        return NULL
    content.at = after
    content.end = after + length
    return content.end


cdef inline const uint8_t* skip_plain(
    const uint8_t* at, const uint8_t* end, uint32_t wire
) noexcept nogil:
    """Skips a value that is no group."""
    cdef uint64_t number
    cdef Bytes content
    if wire == WIRE_VARINT:
        return read_varint(at, end, &number)
    if wire == WIRE_BYTES:
        return read_bytes(at, end, &content)
    if wire == WIRE_FIXED64 and end - at >= 8:
        return at + 8
    if wire == WIRE_FIXED32 and end - at >= 4:
        return at + 4
    return NULL


cdef inline const uint8_t* skip_group(
    const uint8_t* at, const uint8_t* end, uint32_t number, int depth
) noexcept nogil:
    """Skips a group whose start was read, and the groups inside it, at most `depth` deep."""
    cdef uint32_t[MAX_DEPTH] open
    cdef uint32_t tag = 0
    cdef int level = 1
    if depth < 1:
        return NULL
    open[0] = number
    while level > 0:
        at = read_tag(at, end, &tag)
        if at == NULL:
            return NULL
        if tag & 7 == WIRE_GROUP:
            if level == depth:
                return NULL
            open[level] = tag >> 3
            level += 1
        elif tag & 7 == WIRE_GROUP_END:
            level -= 1
            if open[level] != tag >> 3:
                return NULL
        else:
            at = skip_plain(at, end, tag & 7)
            if at == NULL:
                return NULL
    return at


cdef inline const uint8_t* skip_field(
    const uint8_t* at, const uint8_t* end, uint32_t tag, int depth
) noexcept nogil:
    """Skips a field that the message does not know; the number 0 is no field."""
    if tag >> 3 == 0:
        return NULL
    if tag & 7 == WIRE_GROUP:
        return skip_group(at, end, tag >> 3, depth)
    return skip_plain(at, end, tag & 7)


cdef inline bint is_ascii(const uint8_t* at, Py_ssize_t length) noexcept nogil:
    cdef uint64_t seen = 0
    cdef uint64_t chunk
    cdef Py_ssize_t place = 0
    if length < 8:
        for place in range(length):
            seen |= at[place]
        return seen < 0x80
    while place + 8 <= length:
        memcpy(&chunk, at + place, 8)
        seen |= chunk
        place += 8
    memcpy(&chunk, at + length - 8, 8)
    return (seen | chunk) & HIGH_BITS == 0


cdef inline Py_ssize_t rune_length(
    const uint8_t* at, Py_ssize_t room, uint32_t* rune
) noexcept nogil:
    """Bytes of the character that begins here, 0 where it is none (Unicode, table 3-7)."""
    cdef uint32_t lowest
    cdef uint32_t found
    cdef Py_ssize_t length
    cdef Py_ssize_t place
    if at[0] < 0x80:
        rune[0] = at[0]
        return 1
    if at[0] >> 5 == 0b110:
        length, lowest, found = 2, 0x80, at[0] & 0x1F
    elif at[0] >> 4 == 0b1110:
        length, lowest, found = 3, 0x800, at[0] & 0x0F
    elif at[0] >> 3 == 0b11110:
        length, lowest, found = 4, 0x10000, at[0] & 0x07
    else:
        return 0
    if length > room:
        return 0
    for place in range(1, length):
        if at[place] >> 6 != 0b10:
            return 0
        found = found << 6 | (at[place] & 0x3F)
    if found < lowest or found > 0x10FFFF or 0xD800 <= found < 0xE000:
        return 0
    rune[0] = found
    return length


cdef inline Py_ssize_t rune_count(const uint8_t* at, Py_ssize_t length) noexcept nogil:
    """Characters of a text, -1 where it is not UTF-8."""
    cdef Py_ssize_t count = 0
    cdef Py_ssize_t step
    cdef uint32_t rune = 0
    if is_ascii(at, length):
        return length
    while length > 0:
        step = rune_length(at, length, &rune)
        if step == 0:
            return -1
        at += step
        length -= step
        count += 1
    return count


cdef inline uint8_t* put_varint(uint8_t* to, uint64_t value) noexcept nogil:
    while value >= 0x80:
        to[0] = <uint8_t>(value & 0x7F | 0x80)
        value >>= 7
        to += 1
    to[0] = <uint8_t>value
    return to + 1


cdef inline uint8_t* put_number(uint8_t* to, int field, uint64_t value) noexcept nogil:
    """A field that stands only where it says something."""
    if value == 0:
        return to
    return put_varint(put_varint(to, field << 3), value)


cdef inline uint8_t* put_text(
    uint8_t* to, int field, const char* text, Py_ssize_t size
) noexcept nogil:
    """A text that stands only where it says something."""
    if size == 0:
        return to
    to = put_varint(put_varint(to, field << 3 | WIRE_BYTES), size)
    memcpy(to, text, size)
    return to + size
