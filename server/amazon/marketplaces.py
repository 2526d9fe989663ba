"""Facts about Amazon's marketplaces: their currency and the seller id of Amazon's own retail offer.

Currencies follow Amazon's list of marketplace ids. Retail seller ids are not documented by Amazon:
the British one was seen in a recorded getItemOffers response; the others are agreed on by several
independent public sources and are likely, not certain. A marketplace without one never marks an
offer as Amazon's.
"""

from __future__ import annotations

from typing import NamedTuple


class Marketplace(NamedTuple):
    currency: str
    retail_seller_id: str = ""


MARKETPLACES = {
    "ATVPDKIKX0DER": Marketplace("USD", "ATVPDKIKX0DER"),
    "A2EUQ1WTGCTBG2": Marketplace("CAD", "A3DWYIK6Y9EEQB"),
    "A1AM78C64UM0Y8": Marketplace("MXN", "AVDBXBAVVSXLQ"),
    "A2Q3Y263D00KWC": Marketplace("BRL", "A1ZZFT5FULY4LN"),
    "A1F83G8C2ARO7P": Marketplace("GBP", "A3P5ROKL5A1OLE"),
    "A1PA6795UKMFR9": Marketplace("EUR", "A3JWKAKR8XB7XF"),
    "A13V1IB3VIYZZH": Marketplace("EUR", "A1X6FK5RDHNB96"),
    "APJ6JRA9NG5V4": Marketplace("EUR", "A11IL2PNWYJU7H"),
    "A1RKKUPIHCS9HS": Marketplace("EUR", "A1AT7YVPFBWXBL"),
    "A1805IZSGTT6HS": Marketplace("EUR", "A17D2BRD4YMT0X"),
    "AMEN7PMS3EDWL": Marketplace("EUR", "A3Q3FYJVX702M2"),
    "A28R8C7NBKEWEA": Marketplace("EUR"),
    "A2NODRKZP88ZB9": Marketplace("SEK", "ANU9KP01APNAG"),
    "A1C3SOZRARQ6R3": Marketplace("PLN", "A2R2221NX79QZP"),
    "A33AVAJ2PDY3EV": Marketplace("TRY"),
    "A2VIGQ35RCS4UG": Marketplace("AED"),
    "A17E79C6D8DWNP": Marketplace("SAR"),
    "ARBP9OOSHTCHU": Marketplace("EGP"),
    "A21TJRUUN4KGV": Marketplace("INR"),
    "AE08WJ6YKNBMC": Marketplace("ZAR"),
    "A1VC38T7YXB528": Marketplace("JPY", "AN1VRQENFRJN5"),
    "A39IBJ37TRP1C6": Marketplace("AUD", "ANEGB3WVEVKZB"),
    "A19VAU5U5O7RUS": Marketplace("SGD"),
}

UNKNOWN_MARKETPLACE = Marketplace("")
