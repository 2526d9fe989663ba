"""Amounts of one message in minor units, exact, in one currency."""

from __future__ import annotations

from engine.errors import InputError
from engine.money import exponent, parse_minor
from server.amazon.problems import required, within
from server.amazon.structs import Money, Points

_POINT_CURRENCY = "JPY"
_FULL_RATING_BP = 10_000


class Amounts:
    """Reads the amounts of one message; the first one sets the currency of all.

    `exponent` is the number of decimals of the currency.
    """

    def __init__(self) -> None:
        self.currency = ""
        self.exponent = 0

    def minor(self, money: Money, field: str) -> int:
        """The amount, zero or above. Raises InputError whose field begins with `field`."""
        code = money.currency_code
        if code != self.currency or not code:
            self._set_currency(code, f"{field}.CurrencyCode")
        text = bytes(money.amount)
        if text in (b"", b"null"):
            raise InputError(
                "amount is missing; allowed is a number of zero or above",
                reason="AMOUNT_MISSING",
                field=f"{field}.Amount",
            )
        try:
            minor = parse_minor(text, self.exponent)
        except InputError as error:
            raise InputError(error.message, reason=error.reason, field=f"{field}.Amount") from error
        if minor < 0:
            raise InputError(
                f"amount {text.decode()}: allowed are zero and above",
                reason="AMOUNT_NEGATIVE",
                field=f"{field}.Amount",
            )
        return minor

    def points_minor(self, points: Points | None) -> int:
        """Worth of the points of an offer: one yen each. Points exist in Japan only, so those of
        another currency are not read."""
        if points is None or self.currency != _POINT_CURRENCY:
            return 0
        if points.points_monetary_value is not None:
            return self.minor(points.points_monetary_value, "Points.PointsMonetaryValue")
        return points.points_number or 0

    def _set_currency(self, code: str | None, field: str) -> None:
        code = required(code, field, "CURRENCY_MISSING")
        if self.currency and code != self.currency:
            raise InputError(
                f"currency {code!r}: allowed is {self.currency} as in the message's other amounts",
                reason="CURRENCY_MIXED",
                field=field,
            )
        try:
            self.exponent = exponent(code)
        except InputError as error:
            raise InputError(error.message, reason=error.reason, field=field) from error
        self.currency = code


def no_price() -> InputError:
    """Why an offer without an item price is refused."""
    return InputError(
        "price is missing or zero; allowed are prices above zero",
        reason="PRICE_NOT_POSITIVE",
        field="ListingPrice",
    )


def rating_basis_points(text: bytes, field: str) -> int:
    """A positive rating in per cent, an integer or a double, as basis points, rounded down.

    Raises InputError with reason RATING_OUT_OF_RANGE outside 0 to 100.
    """
    if text in (b"", b"null"):
        return 0
    whole, point, decimals = text.partition(b".")
    if point and decimals.isdigit():
        text = whole + point + decimals[:2]
    try:
        basis_points = parse_minor(text, 2)
    except InputError as error:
        raise within(field, error) from error
    if not 0 <= basis_points <= _FULL_RATING_BP:
        raise InputError(
            f"rating {text.decode()}: allowed are 0 to 100 per cent",
            reason="RATING_OUT_OF_RANGE",
            field=field,
        )
    return basis_points
