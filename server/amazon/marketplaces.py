"""Facts about Amazon's marketplaces: their currency and the seller id of Amazon's own retail offer.

Currencies follow Amazon's list of marketplace ids. Retail seller ids are not documented by Amazon:
the British one was seen in a recorded getItemOffers response; the others are agreed on by several
independent public sources and are likely, not certain. A marketplace without one never marks an
offer as Amazon's. Time zones are where days begin in advice, that of Amazon's own reports where
they have one (Pacific time in North America).
"""

from __future__ import annotations

from typing import NamedTuple


class Marketplace(NamedTuple):
    currency: str
    time_zone: str = "UTC"
    retail_seller_id: str = ""


MARKETPLACES = {
    "ATVPDKIKX0DER": Marketplace("USD", "America/Los_Angeles", "ATVPDKIKX0DER"),
    "A2EUQ1WTGCTBG2": Marketplace("CAD", "America/Los_Angeles", "A3DWYIK6Y9EEQB"),
    "A1AM78C64UM0Y8": Marketplace("MXN", "America/Los_Angeles", "AVDBXBAVVSXLQ"),
    "A2Q3Y263D00KWC": Marketplace("BRL", "America/Sao_Paulo", "A1ZZFT5FULY4LN"),
    "A1F83G8C2ARO7P": Marketplace("GBP", "Europe/London", "A3P5ROKL5A1OLE"),
    "A1PA6795UKMFR9": Marketplace("EUR", "Europe/Berlin", "A3JWKAKR8XB7XF"),
    "A13V1IB3VIYZZH": Marketplace("EUR", "Europe/Paris", "A1X6FK5RDHNB96"),
    "APJ6JRA9NG5V4": Marketplace("EUR", "Europe/Rome", "A11IL2PNWYJU7H"),
    "A1RKKUPIHCS9HS": Marketplace("EUR", "Europe/Madrid", "A1AT7YVPFBWXBL"),
    "A1805IZSGTT6HS": Marketplace("EUR", "Europe/Amsterdam", "A17D2BRD4YMT0X"),
    "AMEN7PMS3EDWL": Marketplace("EUR", "Europe/Brussels", "A3Q3FYJVX702M2"),
    "A28R8C7NBKEWEA": Marketplace("EUR", "Europe/Dublin"),
    "A2NODRKZP88ZB9": Marketplace("SEK", "Europe/Stockholm", "ANU9KP01APNAG"),
    "A1C3SOZRARQ6R3": Marketplace("PLN", "Europe/Warsaw", "A2R2221NX79QZP"),
    "A33AVAJ2PDY3EV": Marketplace("TRY", "Europe/Istanbul"),
    "A2VIGQ35RCS4UG": Marketplace("AED", "Asia/Dubai"),
    "A17E79C6D8DWNP": Marketplace("SAR", "Asia/Riyadh"),
    "ARBP9OOSHTCHU": Marketplace("EGP", "Africa/Cairo"),
    "A21TJRUUN4KGV": Marketplace("INR", "Asia/Kolkata"),
    "AE08WJ6YKNBMC": Marketplace("ZAR", "Africa/Johannesburg"),
    "A1VC38T7YXB528": Marketplace("JPY", "Asia/Tokyo", "AN1VRQENFRJN5"),
    "A39IBJ37TRP1C6": Marketplace("AUD", "Australia/Sydney", "ANEGB3WVEVKZB"),
    "A19VAU5U5O7RUS": Marketplace("SGD", "Asia/Singapore"),
}

UNKNOWN_MARKETPLACE = Marketplace("")
