# The reading of amounts, for modules that have the number text in C already.

from libc.stdint cimport int64_t

cdef enum Problem:
    FINE
    NOT_A_NUMBER
    TOO_MANY_DIGITS
    TOO_MANY_DECIMALS
    OUT_OF_RANGE

cdef Problem read_minor(
    const char* text, Py_ssize_t size, int exponent, int64_t* minor
) noexcept nogil
