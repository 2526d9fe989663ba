"""Decisions from columns to wire bytes, as the generated serialiser writes them."""

from libc.stdint cimport UINT32_MAX, int64_t, uint8_t, uint64_t

from engine.errors import InputError
from engine.money import currency_code

from engine._protobuf cimport put_number, put_varint
from engine._schema cimport Decision
from engine._wire_block cimport Block

cdef enum:
    CODE_LENGTH = 3
    CODES = 256
    LONGEST = 128  # bytes of a Decision message with its tag and length
    DECISIONS_TAG = 10  # 1 << 3 | WIRE_BYTES
    CURRENCY_TAG = 58  # 7 << 3 | WIRE_BYTES

cdef uint8_t[CODES * CODE_LENGTH] CURRENCIES


cdef void fill_currencies():
    for index in range(1, CODES):
        try:
            code = currency_code(index)
        except InputError:
            return
        for at in range(CODE_LENGTH):
            CURRENCIES[index * CODE_LENGTH + at] = ord(code[at])

fill_currencies()


cdef inline uint8_t* put_decision(
    uint8_t* to, const Decision* decision, int64_t valid_ms
) noexcept nogil:
    """A Decision message with tag and length: less than 128 bytes, so its length takes one."""
    cdef uint8_t* begin = to + 2
    cdef const uint8_t* code = &CURRENCIES[decision.currency * CODE_LENGTH]
    to[0] = DECISIONS_TAG
    to = put_number(begin, 1, decision.decision_id)
    to = put_number(to, 2, decision.listing_id)
    if decision.index != UINT32_MAX:
        to[0] = 3 << 3
        to = put_varint(to + 1, decision.index)
    to = put_number(to, 5, <uint64_t>decision.price_minor)
    to = put_number(to, 6, <uint64_t>decision.previous_minor)
    to[0], to[1] = CURRENCY_TAG, CODE_LENGTH
    to[2], to[3], to[4] = code[0], code[1], code[2]
    to = put_number(to + 5, 8, decision.reason)
    to = put_number(to, 9, decision.state)
    to = put_number(to, 10, <uint64_t>decision.reference_minor)
    to = put_number(to, 11, <uint64_t>decision.decided_ms)
    to = put_number(to, 12, <uint64_t>(decision.decided_ms + valid_ms))
    to = put_number(to, 13, decision.bounds_version)
    to = put_number(to, 14, decision.status)
    begin[-1] = <uint8_t>(to - begin)
    return to


def encode_decisions(const Decision[::1] decisions not None, int64_t valid_ms):
    """The field `decisions` of an answer, which has the number 1: its first bytes.

    The currencies are indexes of `money` from 1 on; a decision holds for `valid_ms`.
    """
    cdef Py_ssize_t count = decisions.shape[0]
    cdef Block block
    cdef uint8_t* to
    cdef Py_ssize_t at
    if count == 0:
        return b""
    block = Block(count * LONGEST)
    to = block.memory
    with nogil:
        for at in range(count):
            to = put_decision(to, &decisions[at], valid_ms)
    return block.memory[: to - block.memory]
