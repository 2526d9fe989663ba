# Texts of a request as parts of its bytes: whether they say anything, and their 64-bit hash, which
# is xxh64 as its specification has it (github.com/Cyan4973/xxHash, doc/xxhash_spec.md).

cimport cython
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from engine._protobuf cimport rune_length

cdef enum: STRIPE = 32

cdef extern from *:
    """
    #define XXH_PRIME_1 0x9E3779B185EBCA87ULL
    #define XXH_PRIME_2 0xC2B2AE3D27D4EB4FULL
    #define XXH_PRIME_3 0x165667B19E3779F9ULL
    #define XXH_PRIME_4 0x85EBCA77C2B2AE63ULL
    #define XXH_PRIME_5 0x27D4EB2F165667C5ULL
    """
    const uint64_t PRIME_1 "XXH_PRIME_1"
    const uint64_t PRIME_2 "XXH_PRIME_2"
    const uint64_t PRIME_3 "XXH_PRIME_3"
    const uint64_t PRIME_4 "XXH_PRIME_4"
    const uint64_t PRIME_5 "XXH_PRIME_5"


cdef inline uint64_t rotated(uint64_t value, int by) noexcept nogil:
    return value << by | value >> (64 - by)


cdef inline uint64_t lane(const uint8_t* at) noexcept nogil:
    cdef uint64_t value
    memcpy(&value, at, 8)
    return value


@cython.overflowcheck(False)
cdef inline uint64_t round_of(uint64_t mixed, uint64_t value) noexcept nogil:
    return rotated(mixed + value * PRIME_2, 31) * PRIME_1


@cython.overflowcheck(False)
cdef inline uint64_t merged(uint64_t mixed, uint64_t value) noexcept nogil:
    return (mixed ^ round_of(0, value)) * PRIME_1 + PRIME_4


@cython.overflowcheck(False)
cdef inline uint64_t xxh64_stripes(
    const uint8_t* at, Py_ssize_t stripes, uint64_t seed
) noexcept nogil:
    cdef uint64_t one = seed + PRIME_1 + PRIME_2
    cdef uint64_t two = seed + PRIME_2
    cdef uint64_t three = seed
    cdef uint64_t four = seed - PRIME_1
    cdef uint64_t mixed
    while stripes > 0:
        one = round_of(one, lane(at))
        two = round_of(two, lane(at + 8))
        three = round_of(three, lane(at + 16))
        four = round_of(four, lane(at + 24))
        at += STRIPE
        stripes -= 1
    mixed = rotated(one, 1) + rotated(two, 7) + rotated(three, 12) + rotated(four, 18)
    return merged(merged(merged(merged(mixed, one), two), three), four)


@cython.overflowcheck(False)
cdef inline uint64_t xxh64(const uint8_t* at, Py_ssize_t length, uint64_t seed) noexcept nogil:
    """xxh64 of these bytes on a little-endian machine."""
    cdef uint64_t mixed = seed + PRIME_5
    cdef uint32_t half
    cdef Py_ssize_t left = length
    if length >= STRIPE:
        mixed = xxh64_stripes(at, length // STRIPE, seed)
        at += length // STRIPE * STRIPE
        left = length % STRIPE
    mixed += <uint64_t>length
    while left >= 8:
        mixed = rotated(mixed ^ round_of(0, lane(at)), 27) * PRIME_1 + PRIME_4
        at += 8
        left -= 8
    if left >= 4:
        memcpy(&half, at, 4)
        mixed = rotated(mixed ^ half * PRIME_1, 23) * PRIME_2 + PRIME_3
        at += 4
        left -= 4
    while left > 0:
        mixed = rotated(mixed ^ at[0] * PRIME_5, 11) * PRIME_1
        at += 1
        left -= 1
    mixed = (mixed ^ mixed >> 33) * PRIME_2
    mixed = (mixed ^ mixed >> 29) * PRIME_3
    return mixed ^ mixed >> 32


cdef inline bint is_space(uint32_t rune) noexcept nogil:
    """White space as Python's str.strip takes it."""
    if rune < 0x80:
        return 9 <= rune <= 13 or 28 <= rune <= 32
    return (
        rune == 0x85 or rune == 0xA0 or rune == 0x1680 or 0x2000 <= rune <= 0x200A
        or rune == 0x2028 or rune == 0x2029 or rune == 0x202F or rune == 0x205F or rune == 0x3000
    )


cdef inline bint is_blank(const uint8_t* at, Py_ssize_t length) noexcept nogil:
    """Whether a text in UTF-8 has nothing but white space."""
    cdef uint32_t rune = 0
    cdef Py_ssize_t step
    while length > 0:
        step = rune_length(at, length, &rune)
        if step == 0 or not is_space(rune):
            return False
        at += step
        length -= step
    return True
