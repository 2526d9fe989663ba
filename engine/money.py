"""Currencies and amounts: which units exist, and amounts as text.

Inside, money is an int in minor units of a stated currency: cents of EUR, whole yen, thousandths
of KWD. How many decimals a currency has is a fact of ISO 4217, kept here as a dated table.
"""

from __future__ import annotations

from engine._money import parse_minor
from engine.errors import InputError

__all__ = [
    "ISO_4217_DATE",
    "currencies_by_exponent",
    "currency_code",
    "currency_index",
    "exponent",
    "format_minor",
    "minor_text",
    "parse_minor",
]

ISO_4217_DATE = "2026-01-01"
"""Publication date of the ISO 4217 list that the table below states."""

# A currency's index is its place here plus one and is stored on disk, so the order never changes:
# a new currency is appended, one that is withdrawn stays.
_CODE_LIST = """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR
    FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY
    KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF
    YER ZAR ZMW ZWG
"""
_CODES = tuple(_CODE_LIST.split())
_UNUSUAL_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENTS = dict.fromkeys(_CODES, 2) | {
    code: digits for digits, codes in _UNUSUAL_EXPONENTS.items() for code in codes.split()
}
_INDEXES = {code: index for index, code in enumerate(_CODES, start=1)}


def currency_index(code: str) -> int:
    """Index of a currency, 1 to 255, the same for ever; 0 for a code that is no currency."""
    return _INDEXES.get(code, 0)


def currency_code(index: int) -> str:
    """Code of the currency with this index. Raises InputError, reason CURRENCY_UNKNOWN."""
    if not 1 <= index <= len(_CODES):
        raise InputError(
            f"currency index {index}: allowed are 1 to {len(_CODES)}",
            reason="CURRENCY_UNKNOWN",
            field="currency",
        )
    return _CODES[index - 1]


def exponent(code: str) -> int:
    """Decimals that a currency has, 0 to 4. Raises InputError, reason CURRENCY_UNKNOWN."""
    digits = _EXPONENTS.get(code)
    if digits is None:
        raise InputError(
            f"currency {code[:40]!r}: allowed are the codes of ISO 4217 ({ISO_4217_DATE}), "
            "such as EUR",
            reason="CURRENCY_UNKNOWN",
            field="currency",
        )
    return digits


def currencies_by_exponent() -> dict[int, list[str]]:
    """Codes of all currencies, grouped by their decimals."""
    groups: dict[int, list[str]] = {}
    for code, digits in _EXPONENTS.items():
        groups.setdefault(digits, []).append(code)
    return groups


def minor_text(minor: int, code: str) -> str:
    """The amount as a plain decimal number, "8184.23", that `parse_minor` reads back."""
    digits = exponent(code)
    if digits == 0:
        return str(minor)
    whole, part = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}.{part:0{digits}d}"


def format_minor(minor: int, code: str) -> str:
    """The amount for people, with its currency: "8184.23 USD"."""
    return f"{minor_text(minor, code)} {code}"
