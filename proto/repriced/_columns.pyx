"""Rows of protobuf messages from columns, no Python object per row; `columns.py` is the face.

A shape is what one row becomes: fields in the order of their numbers, of which some are messages
of the same row and some are the rows of another shape that belong to it.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove

cdef enum Kind:
    NUMBER  # int64; zero is left out unless the field says which rows have it
    FIXED_TEXT  # `width` bytes a row, filled up with zeros
    TEXT  # bytes from ends[row] to ends[row + 1]
    MESSAGE  # the same row of another shape
    ROWS  # rows ends[row] to ends[row + 1] of another shape

cdef enum:
    LONGEST_NUMBER = 10
    LONGEST_LENGTH = 5

cdef struct Field:
    Kind kind
    uint64_t tag
    const uint8_t* values
    const int64_t* numbers
    const int64_t* ends
    const uint8_t* present  # NULL: rows without a value hold zero or nothing
    Py_ssize_t width
    const Field* fields  # of the other shape
    int field_count


cdef class Shape:
    """Fields and the arrays that they look into; `add` them in the order of their numbers."""

    cdef Field* fields
    cdef int count
    cdef int room
    cdef readonly Py_ssize_t bound  # bytes that all rows take at most
    cdef readonly Py_ssize_t rows
    cdef list held

    def __cinit__(self, Py_ssize_t rows, int room):
        self.fields = <Field*>malloc(max(room, 1) * sizeof(Field))
        if self.fields == NULL:
            raise MemoryError("fields of a message")
        self.rows, self.room, self.held = rows, room, []

    def __dealloc__(self):
        free(self.fields)

    cdef Field* take(self, int number, int wire_type, const uint8_t[::1] present) except NULL:
        cdef Field* field = &self.fields[self.count]
        if self.count == self.room:
            raise ValueError(f"more than {self.room} fields")
        if present is not None and present.shape[0] != self.rows:
            raise ValueError(f"{present.shape[0]} marks of presence; allowed: {self.rows}")
        self.count += 1
        self.held.append(present)
        field.tag = <uint64_t>number << 3 | wire_type
        field.present = &present[0] if present is not None and self.rows > 0 else NULL
        self.bound += self.rows * 2
        return field

    def add_numbers(self, int number, const int64_t[::1] values not None, present=None):
        """A number of each row; negative ones are written as 64-bit two's complement."""
        cdef Field* field = self.take(number, 0, present)
        if values.shape[0] != self.rows:
            raise ValueError(f"{values.shape[0]} values; allowed: {self.rows}")
        field.kind = NUMBER
        field.numbers = &values[0] if self.rows > 0 else NULL
        self.held.append(values)
        self.bound += self.rows * LONGEST_NUMBER

    def add_fixed_texts(self, int number, const uint8_t[:, ::1] values not None):
        """A text of each row, filled up with zeros."""
        cdef Field* field = self.take(number, 2, None)
        if values.shape[0] != self.rows:
            raise ValueError(f"{values.shape[0]} values; allowed: {self.rows}")
        field.kind, field.width = FIXED_TEXT, values.shape[1]
        field.values = &values[0, 0] if self.rows > 0 and values.shape[1] > 0 else NULL
        self.held.append(values)
        self.bound += self.rows * (values.shape[1] + LONGEST_LENGTH)

    def add_texts(
        self, int number, const uint8_t[::1] values not None, const int64_t[::1] ends not None
    ):
        """A text of each row: bytes ends[row] to ends[row + 1]."""
        cdef Field* field = self.take(number, 2, None)
        check_ends(ends, self.rows, values.shape[0])
        field.kind, field.ends = TEXT, &ends[0]
        field.values = &values[0] if values.shape[0] > 0 else NULL
        self.held += [values, ends]
        self.bound += self.rows * LONGEST_LENGTH + values.shape[0]

    def add_message(self, int number, Shape other not None):
        """The same row of another shape."""
        cdef Field* field = self.take(number, 2, None)
        if other.rows != self.rows:
            raise ValueError(f"{other.rows} rows; allowed: {self.rows}")
        field.kind, field.fields, field.field_count = MESSAGE, other.fields, other.count
        self.held.append(other)
        self.bound += self.rows * LONGEST_LENGTH + other.bound

    def add_rows(self, int number, Shape other not None, const int64_t[::1] ends not None):
        """Rows ends[row] to ends[row + 1] of another shape."""
        cdef Field* field = self.take(number, 2, None)
        check_ends(ends, self.rows, other.rows)
        field.kind, field.ends = ROWS, &ends[0]
        field.fields, field.field_count = other.fields, other.count
        self.held += [other, ends]
        self.bound += other.rows * (2 + LONGEST_LENGTH) + other.bound

    def encode(self, int number, bytes head not None):
        """`head`, and behind it all rows, each as a message in field `number`."""
        cdef Field all_rows
        cdef Py_ssize_t bound = len(head) + self.bound + self.rows * (2 + LONGEST_LENGTH)
        cdef uint8_t* out = <uint8_t*>malloc(bound + 1)
        cdef uint8_t* end
        cdef const uint8_t* before = head
        cdef Py_ssize_t head_size = len(head)
        cdef int64_t[2] ends
        if out == NULL:
            raise MemoryError(f"{bound} bytes of a request")
        ends[0], ends[1] = 0, self.rows
        all_rows.kind, all_rows.tag, all_rows.ends = ROWS, <uint64_t>number << 3 | 2, ends
        all_rows.present = NULL
        all_rows.fields, all_rows.field_count = self.fields, self.count
        try:
            with nogil:
                memcpy(out, before, head_size)
                end = write_fields(out + head_size, &all_rows, 1, 0)
            return PyBytes_FromStringAndSize(<char*>out, end - out)
        finally:
            free(out)


cdef int check_ends(const int64_t[::1] ends, Py_ssize_t rows, Py_ssize_t size) except -1:
    cdef Py_ssize_t at
    if ends.shape[0] != rows + 1:
        raise ValueError(f"{ends.shape[0]} ends; allowed: {rows + 1}")
    if ends[0] < 0 or ends[rows] > size:
        raise ValueError(f"ends from {ends[0]} to {ends[rows]}; allowed: 0 to {size}")
    for at in range(rows):
        if ends[at] > ends[at + 1]:
            raise ValueError(f"ends fall from {ends[at]} to {ends[at + 1]} at row {at}")
    return 0


cdef inline uint8_t* write_number(uint8_t* out, uint64_t value) noexcept nogil:
    while value >= 128:
        out[0] = <uint8_t>(value & 127 | 128)
        value >>= 7
        out += 1
    out[0] = <uint8_t>value
    return out + 1


cdef inline uint8_t* write_bytes(
    uint8_t* out, uint64_t tag, const uint8_t* values, Py_ssize_t size
) noexcept nogil:
    if size == 0:
        return out
    out = write_number(write_number(out, tag), <uint64_t>size)
    memcpy(out, values, size)
    return out + size


cdef uint8_t* write_message(
    uint8_t* out, const Field* field, Py_ssize_t row
) noexcept nogil:
    """A message with its length, which is written behind a guess of how long it is itself."""
    cdef uint8_t* begin = write_number(out, field.tag)
    cdef uint8_t* body = begin + 1
    cdef uint8_t* end = write_fields(body, field.fields, field.field_count, row)
    cdef Py_ssize_t size = end - body
    cdef int more = 0
    while size >> (7 * (more + 1)):
        more += 1
    if more:
        memmove(body + more, body, size)
    write_number(begin, <uint64_t>size)
    return end + more


cdef uint8_t* write_fields(
    uint8_t* out, const Field* fields, int count, Py_ssize_t row
) noexcept nogil:
    cdef const Field* field
    cdef const uint8_t* text
    cdef Py_ssize_t size
    cdef Py_ssize_t other
    cdef int at
    for at in range(count):
        field = &fields[at]
        if field.present != NULL and not field.present[row]:
            continue
        if field.kind == NUMBER:
            if field.numbers[row] != 0 or field.present != NULL:
                out = write_number(write_number(out, field.tag), <uint64_t>field.numbers[row])
        elif field.kind == FIXED_TEXT:
            text = field.values + row * field.width
            size = field.width
            while size > 0 and text[size - 1] == 0:
                size -= 1
            out = write_bytes(out, field.tag, text, size)
        elif field.kind == TEXT:
            size = field.ends[row + 1] - field.ends[row]
            out = write_bytes(out, field.tag, field.values + field.ends[row], size)
        elif field.kind == MESSAGE:
            out = write_message(out, field, row)
        else:
            for other in range(field.ends[row], field.ends[row + 1]):
                out = write_message(out, field, other)
    return out
