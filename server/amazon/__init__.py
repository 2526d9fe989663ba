"""Amazon's messages: notifications and getItemOffers responses in, wire form out.

`translate` is the door; the modules behind it are one layer each: envelope, decoding (structs in
two spellings), one module per message, and the parts they share (offers, buy_box, amounts).
"""

from __future__ import annotations

from server.amazon.results import Refused, Translated
from server.amazon.seen import SeenNotifications
from server.amazon.translation import translate

__all__ = ["Refused", "SeenNotifications", "Translated", "translate"]
