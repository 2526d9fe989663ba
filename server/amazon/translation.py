"""From the bytes of a marketplace message to its wire form, or to the reason why not."""

from __future__ import annotations

from engine.errors import InputError
from server.amazon.any_offer_changed import translate_business, translate_consumer
from server.amazon.envelope import GET_ITEM_OFFERS, GET_PRICING, Message, open_message
from server.amazon.item_offers import translate_item_offers
from server.amazon.pricing_health import translate_pricing_health
from server.amazon.results import Refused, Translated
from server.amazon.spelling import ABSENT

_NOTIFICATIONS = {
    "ANY_OFFER_CHANGED": translate_consumer,
    "B2B_ANY_OFFER_CHANGED": translate_business,
    "PRICING_HEALTH": translate_pricing_health,
}

# Types of Amazon's notifications guide that say nothing about offers or a price's Buy Box.
_UNUSED_TYPES = frozenset(
    {
        "ACCOUNT_STATUS_CHANGED",
        "BRANDED_ITEM_CONTENT_CHANGE",
        "DATA_KIOSK_QUERY_PROCESSING_FINISHED",
        "DETAIL_PAGE_TRAFFIC_EVENT",
        "EXTERNAL_FULFILLMENT_SHIPMENT_STATUS_CHANGE",
        "FBA_INVENTORY_AVAILABILITY_CHANGES",
        "FBA_OUTBOUND_SHIPMENT_STATUS",
        "FEED_PROCESSING_FINISHED",
        "FEE_PROMOTION",
        "FULFILLMENT_ORDER_STATUS",
        "ITEM_INVENTORY_EVENT_CHANGE",
        "ITEM_PRODUCT_TYPE_CHANGE",
        "ITEM_SALES_EVENT_CHANGE",
        "LISTINGS_ITEM_ISSUES_CHANGE",
        "LISTINGS_ITEM_MFN_QUANTITY_CHANGE",
        "LISTINGS_ITEM_STATUS_CHANGE",
        "MFN_ORDER_STATUS_CHANGE",
        "ORDER_CHANGE",
        "ORDER_STATUS_CHANGE",
        "PRODUCT_TYPE_DEFINITIONS_CHANGE",
        "REPORT_PROCESSING_FINISHED",
    }
)


def translate(json: bytes, *, seller_id: str = "", observed_ms: int = 0) -> Translated | Refused:
    """The wire form of one message; never raises for any bytes.

    `json` is a notification as Amazon sends it, also inside an SNS or SQS wrapper, or a
    getItemOffers response; `seller_id` (ours) and `observed_ms` (when it was fetched) are needed
    for such a response only and ignored otherwise.
    """
    notification_type = notification_id = ""
    try:
        message = open_message(json)
        notification_type, notification_id = message.notification_type, message.notification_id
        return _translated(message, seller_id, observed_ms)
    except InputError as error:
        return Refused(
            notification_type=notification_type,
            notification_id=notification_id,
            reason=error.reason,
            field=error.field,
            message=f"{error.field}: {error.message}" if error.field else error.message,
        )


def _translated(message: Message, seller_id: str, observed_ms: int) -> Translated:
    kind = message.notification_type
    translator = _NOTIFICATIONS.get(kind)
    if translator is not None:
        if message.payload is ABSENT:
            raise InputError("is missing", reason="PAYLOAD_MISSING", field="Payload")
        return translator(message)
    if kind == GET_ITEM_OFFERS:
        return translate_item_offers(message, seller_id, observed_ms)
    raise _unused(kind)


def _unused(kind: str) -> InputError:
    used = ", ".join([*_NOTIFICATIONS, GET_ITEM_OFFERS])
    if kind == GET_PRICING:
        return InputError(
            "a getPricing response shows own prices only and no competitor's; used are " + used,
            reason="RESPONSE_TYPE_NOT_USED",
            field="payload",
        )
    known = kind in _UNUSED_TYPES
    return InputError(
        f"notification type {kind[:80]!r} is {'known but not used' if known else 'unknown'}; "
        f"used are {used}",
        reason="NOTIFICATION_TYPE_NOT_USED" if known else "UNKNOWN_NOTIFICATION_TYPE",
        field="NotificationType",
    )
