"""The offers of a message, read natively."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import InputError
from engine.schema import MAX_OFFERS
from repriced.v1 import types_pb2 as wire
from server.amazon import structs
from server.amazon._offers import OfferRows
from server.amazon.amounts import Amounts
from server.amazon.problems import within


class Setting(NamedTuple):
    """What a message says about all of its offers."""

    own_seller_id: str
    retail_seller_id: str
    condition: wire.Condition


def read_offers(offers: Sequence[structs.Offer], setting: Setting, amounts: Amounts) -> OfferRows:
    """Every offer, in the message's order. Raises InputError naming the offer by position."""
    if len(offers) > MAX_OFFERS:
        raise InputError(
            f"{len(offers)} offers: at most {MAX_OFFERS} are allowed",
            reason="TOO_MANY_OFFERS",
            field="Offers",
        )
    rows = OfferRows(
        offers, amounts, setting.condition, setting.own_seller_id, setting.retail_seller_id
    )
    try:
        rows.read()
    except InputError as error:
        raise within(f"Offers[{rows.count}]", error) from error
    return rows
