"""Amounts from their JSON number text to minor units, exactly. The face of this is `money.py`."""

from libc.stdint cimport int64_t

from engine.errors import InputError
from engine.schema import MAX_PRICE_MINOR

cdef enum:
    MAX_DIGITS = 18
    MAX_EXPONENT = 18
    MAX_CURRENCY_EXPONENT = 4
    SHOWN_BYTES = 40

cdef struct Number:
    int64_t digits  # the number without sign, point and exponent
    int digit_count
    int decimal_count
    int exponent
    bint negative

cdef int64_t LIMIT = MAX_PRICE_MINOR
cdef int64_t[MAX_DIGITS + 1] POWERS
POWERS[0] = 1
cdef int _power
for _power in range(1, MAX_DIGITS + 1):
    POWERS[_power] = 10 * POWERS[_power - 1]

cdef dict REASONS = {
    NOT_A_NUMBER: ("AMOUNT_NOT_A_NUMBER", "allowed is a JSON number such as 19.99"),
    TOO_MANY_DIGITS: ("AMOUNT_TOO_MANY_DIGITS", f"at most {MAX_DIGITS} digits are allowed"),
    TOO_MANY_DECIMALS: (
        "AMOUNT_TOO_MANY_DECIMALS",
        "more decimals than its unit has are allowed only as zeros; it has",
    ),
    OUT_OF_RANGE: (
        "AMOUNT_OUT_OF_RANGE",
        f"at most {MAX_PRICE_MINOR} minor units are allowed, "
        f"and exponents from -{MAX_EXPONENT} to {MAX_EXPONENT}",
    ),
}


def parse_minor(bytes text not None, int exponent):
    """Minor units of the JSON number `text` in a currency of `exponent` decimals (0 to 4).

    Exact, never rounded. The sign is kept; whether a negative amount makes sense is the caller's
    to say. Raises InputError with field "amount" and one of the reasons AMOUNT_NOT_A_NUMBER,
    AMOUNT_TOO_MANY_DIGITS (18 are allowed), AMOUNT_OUT_OF_RANGE (schema.MAX_PRICE_MINOR; an
    exponent outside -18 to 18) and AMOUNT_TOO_MANY_DECIMALS (surplus zeros are fine).
    """
    if not 0 <= exponent <= MAX_CURRENCY_EXPONENT:
        raise ValueError(f"exponent {exponent}: allowed are 0 to {MAX_CURRENCY_EXPONENT}")
    cdef int64_t minor = 0
    cdef Problem problem = read_minor(text, len(text), exponent, &minor)
    if problem != FINE:
        raise refusal(problem, text, exponent)
    return minor


cdef Problem read_minor(
    const char* text, Py_ssize_t size, int exponent, int64_t* minor
) noexcept nogil:
    """Minor units of a JSON number, exact, in a currency of `exponent` decimals, 0 to 4."""
    cdef Number number
    cdef Problem problem = scan(text, size, &number)
    return scale(&number, exponent, minor) if problem == FINE else problem


cdef object refusal(Problem problem, bytes text, int exponent):
    reason, allowed = REASONS[problem]
    shown = text[:SHOWN_BYTES].decode("ascii", "backslashreplace")
    if len(text) > SHOWN_BYTES:
        shown += "..."
    if problem == TOO_MANY_DECIMALS:
        allowed = f"{allowed} {exponent}"
    return InputError(f"amount {shown!r}: {allowed}", reason=reason, field="amount")


cdef Problem scan(const char* text, Py_ssize_t size, Number* number) noexcept nogil:
    """Reads the grammar of a JSON number; digits beyond the limit are counted, not stored."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t begin
    number.digits = number.digit_count = number.decimal_count = number.exponent = 0
    number.negative = size > 0 and text[0] == c'-'
    if number.negative:
        at = 1
    begin = at
    at = scan_digits(text, size, at, number)
    if at == begin or (text[begin] == c'0' and at > begin + 1):
        return NOT_A_NUMBER
    if at < size and text[at] == c'.':
        begin = at + 1
        at = scan_digits(text, size, begin, number)
        if at == begin:
            return NOT_A_NUMBER
        number.decimal_count = <int>min(at - begin, MAX_DIGITS + 1)
    if at < size and (text[at] == c'e' or text[at] == c'E'):
        at = scan_exponent(text, size, at + 1, number)
    if at != size:
        return NOT_A_NUMBER
    if number.digit_count > MAX_DIGITS:
        return TOO_MANY_DIGITS
    if not -MAX_EXPONENT <= number.exponent <= MAX_EXPONENT:
        return OUT_OF_RANGE
    return FINE


cdef Py_ssize_t scan_digits(
    const char* text, Py_ssize_t size, Py_ssize_t at, Number* number
) noexcept nogil:
    """Position after the digits that start at `at`."""
    while at < size and c'0' <= text[at] <= c'9':
        if number.digit_count < MAX_DIGITS:
            number.digits = number.digits * 10 + (text[at] - c'0')
        if number.digit_count <= MAX_DIGITS:
            number.digit_count += 1
        at += 1
    return at


cdef Py_ssize_t scan_exponent(
    const char* text, Py_ssize_t size, Py_ssize_t at, Number* number
) noexcept nogil:
    """Position after the exponent whose sign or digit is at `at`; -1 where it has no digit."""
    cdef bint negative = at < size and text[at] == c'-'
    if negative or (at < size and text[at] == c'+'):
        at += 1
    cdef Py_ssize_t begin = at
    while at < size and c'0' <= text[at] <= c'9':
        # One step above the limit is enough to refuse it, however many digits follow.
        if number.exponent <= MAX_EXPONENT:
            number.exponent = number.exponent * 10 + (text[at] - c'0')
        at += 1
    if negative:
        number.exponent = -number.exponent
    return at if at > begin else -1


cdef Problem scale(Number* number, int exponent, int64_t* minor) noexcept nogil:
    """Moves the point to the minor unit; only zeros may fall behind it."""
    cdef int shift = exponent + number.exponent - number.decimal_count
    cdef int64_t value = number.digits
    if value == 0:
        minor[0] = 0
        return FINE
    if shift < 0:
        if shift < -MAX_DIGITS or value % POWERS[-shift] != 0:
            return TOO_MANY_DECIMALS
        value = value // POWERS[-shift]
    elif shift > MAX_DIGITS or value > LIMIT // POWERS[shift]:
        return OUT_OF_RANGE
    else:
        value = value * POWERS[shift]
    if value > LIMIT:
        return OUT_OF_RANGE
    minor[0] = -value if number.negative else value
    return FINE
