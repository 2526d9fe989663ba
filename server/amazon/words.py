"""Amazon's enum words as the enums of the wire form.

Case and separators of these words differ even inside one message ("New", "new", "very_good",
"Very Good"), so words are compared folded.
"""

from __future__ import annotations

from functools import lru_cache

from engine.errors import InputError
from repriced.v1 import types_pb2 as wire

_FOLDED = str.maketrans("", "", "_- ")

_CONDITIONS = {
    "new": wire.CONDITION_NEW,
    "used": wire.CONDITION_USED,
    "collectible": wire.CONDITION_COLLECTIBLE,
    "refurbished": wire.CONDITION_REFURBISHED,
    "club": wire.CONDITION_CLUB,
}
_SUB_CONDITIONS = {
    "": wire.SUB_CONDITION_UNSPECIFIED,
    "new": wire.SUB_CONDITION_NEW,
    "mint": wire.SUB_CONDITION_MINT,
    "verygood": wire.SUB_CONDITION_VERY_GOOD,
    "good": wire.SUB_CONDITION_GOOD,
    "acceptable": wire.SUB_CONDITION_ACCEPTABLE,
    "poor": wire.SUB_CONDITION_POOR,
    "club": wire.SUB_CONDITION_CLUB,
    "oem": wire.SUB_CONDITION_OEM,
    "warranty": wire.SUB_CONDITION_WARRANTY,
    "refurbishedwarranty": wire.SUB_CONDITION_REFURBISHED_WARRANTY,
    "refurbished": wire.SUB_CONDITION_REFURBISHED,
    "openbox": wire.SUB_CONDITION_OPEN_BOX,
}
_AVAILABILITIES = {
    "now": wire.AVAILABILITY_NOW,
    "futurewithoutdate": wire.AVAILABILITY_FUTURE_WITHOUT_DATE,
    "futurewithdate": wire.AVAILABILITY_FUTURE_WITH_DATE,
}
_FULFILMENTS = {
    "afn": wire.FULFILMENT_AMAZON,
    "amazon": wire.FULFILMENT_AMAZON,
    "mfn": wire.FULFILMENT_MERCHANT,
    "merchant": wire.FULFILMENT_MERCHANT,
}


@lru_cache(maxsize=256)
def fold(word: str | None) -> str:
    """The word without case, `_`, `-` and spaces; absent folds to nothing."""
    return word.translate(_FOLDED).lower() if word else ""


def condition(word: str | None, field: str) -> wire.Condition:
    """Raises InputError with reason CONDITION_MISSING or CONDITION_UNKNOWN."""
    folded = fold(word)
    found = _CONDITIONS.get(folded)
    if found is not None:
        return found
    allowed = "New, Used, Collectible, Refurbished, Club"
    raise InputError(
        f"condition {word!r}: allowed are {allowed}",
        reason="CONDITION_UNKNOWN" if folded else "CONDITION_MISSING",
        field=field,
    )


def sub_condition(word: str | None) -> wire.SubCondition:
    """A word that is not in the list is OTHER, as Amazon's own list ends."""
    return _SUB_CONDITIONS.get(fold(word), wire.SUB_CONDITION_OTHER)


def availability(word: str | None) -> wire.Availability:
    """Anything but the three documented words says nothing: "" and "available" occur."""
    return _AVAILABILITIES.get(fold(word), wire.AVAILABILITY_UNSPECIFIED)


def fulfilment(word: str | None) -> wire.Fulfilment:
    """AFN and MFN, or Amazon and Merchant; anything else is unspecified."""
    return _FULFILMENTS.get(fold(word), wire.FULFILMENT_UNSPECIFIED)
