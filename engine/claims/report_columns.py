"""Columns of every kind of report, and how each is read.

Columns that are not listed here are never read; buyer data (addresses, postal codes, names,
comments) is therefore dropped at the door.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Type(StrEnum):
    """How a column's text is read."""

    TEXT = "text"
    CODE = "code"  # upper case, as dispositions and currencies are compared
    DATE = "date"
    COUNT = "count"  # whole number, zero or more
    QUANTITY = "quantity"  # whole number of either sign
    MONEY = "money"  # minor units of the row's currency
    MEASURE = "measure"  # millionths of the unit that is stated beside it


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report. `names` are folded header names, the first is Amazon's own."""

    name: str
    type: Type
    names: tuple[str, ...]
    required: bool  # in the header
    filled: bool  # in every row


def folded(name: str) -> str:
    """A header name without what varies between files."""
    return re.sub(r"[^0-9a-z]", "", name.lower())


def column(text: str) -> Column:
    """`name:type[!|?] [other names]`: `!` filled in every row, `?` may be missing in the header."""
    head, *others = text.split()
    name, _, kind = head.partition(":")
    required, filled = not kind.endswith("?"), kind.endswith("!")
    names = tuple(folded(each) for each in (others or [name]))
    return Column(name, Type(kind.rstrip("!?")), names, required, filled)


def columns(text: str) -> tuple[Column, ...]:
    """One column a line."""
    return tuple(column(line) for line in text.strip().splitlines() if line.strip())


LEDGER = columns("""
    date:date!
    fnsku:text!
    asin:text
    sku:text msku
    event_type:text!
    reference_id:text
    quantity:quantity!
    fulfillment_center:text
    disposition:code
    reason:text
    country:code?
    reconciled_quantity:count?
    unreconciled_quantity:count?
""")

LEDGER_SUMMARY = columns("""
    date:date!
    fnsku:text!
    asin:text
    sku:text msku
    disposition:code
    starting_balance:quantity! starting-warehouse-balance
    in_transit:quantity? in-transit-between-warehouses
    receipts:quantity?
    customer_shipments:quantity?
    customer_returns:quantity?
    vendor_returns:quantity?
    transfers:quantity? warehouse-transfer-in/out
    found:quantity?
    lost:quantity?
    damaged:quantity?
    disposed:quantity?
    other_events:quantity?
    ending_balance:quantity! ending-warehouse-balance
    unknown_events:quantity?
    location:code?
""")

REIMBURSEMENTS = columns("""
    approval_date:date!
    reimbursement_id:text!
    case_id:text?
    order_id:text amazon-order-id
    reason:text!
    sku:text
    fnsku:text
    asin:text
    condition:text?
    currency:code! currency-unit
    unit_minor:money amount-per-unit
    total_minor:money! amount-total
    quantity_cash:quantity quantity-reimbursed-cash
    quantity_inventory:quantity quantity-reimbursed-inventory
    quantity_total:quantity? quantity-reimbursed-total
    original_id:text? original-reimbursement-id
    original_type:text? original-reimbursement-type
""")

RETURNS = columns("""
    return_date:date!
    order_id:text
    sku:text
    asin:text
    fnsku:text
    quantity:count!
    fulfillment_center:text fulfillment-center-id
    disposition:code! detailed-disposition
    reason:text?
    status:text
    license_plate:text? license-plate-number
""")

REPLACEMENTS = columns("""
    shipment_date:date!
    sku:text!
    asin:text
    fulfillment_center:text? fulfillment-center-id
    original_fulfillment_center:text? original-fulfillment-center-id
    quantity:count!
    replacement_reason:text? replacement-reason-code
    replacement_order_id:text! replacement-amazon-order-id
    original_order_id:text! original-amazon-order-id
""")

SHIPMENTS = columns("""
    shipment_date:date!
    sku:text!
    fnsku:text
    asin:text
    fulfillment_center:text? fulfillment-center-id
    quantity:count!
    order_id:text! amazon-order-id
    currency:code!
    unit_price_minor:money item-price-per-unit
""")

REMOVAL_ORDERS = columns("""
    request_date:date!
    order_id:text!
    order_type:text!
    order_status:text
    last_updated_date:date
    sku:text
    fnsku:text
    disposition:code
    requested_quantity:count!
    cancelled_quantity:count
    disposed_quantity:count
    shipped_quantity:count
    in_process_quantity:count
    removal_fee_minor:money? removal-fee
    currency:code?
""")

REMOVAL_SHIPMENTS = columns("""
    request_date:date
    order_id:text!
    shipment_date:date!
    sku:text
    fnsku:text
    disposition:code
    shipped_quantity:count!
    carrier:text?
    tracking_number:text
    order_type:text? removal-order-type
""")

FEE_PREVIEW = columns("""
    sku:text!
    fnsku:text
    asin:text
    store:code? amazon-store
    longest_side:measure
    median_side:measure
    shortest_side:measure
    length_and_girth:measure?
    unit_of_dimension:text
    weight:measure item-package-weight
    unit_of_weight:text
    size_tier:text product-size-tier product-size-weight-band
    currency:code!
    estimated_fulfillment_fee_minor:money? expected-fulfillment-fee-per-unit \
expected-domestic-fulfilment-fee-per-unit
    estimated_referral_fee_minor:money? estimated-referral-fee-per-unit
""")

STORAGE_FEES = columns("""
    asin:text
    fnsku:text!
    fulfillment_center:text
    country:code? country_code
    item_volume:measure
    volume_units:text
    size_tier:text? product_size_tier
    average_on_hand:measure average_quantity_on_hand
    average_pending_removal:measure? average_quantity_pending_removal
    total_volume:measure estimated_total_item_volume
    month:date! month_of_charge
    storage_rate:measure
    currency:code!
    fee_minor:money! estimated_monthly_storage_fee
    surcharge_minor:money? storage_utilization_surcharge total_surcharge surcharge
    incentive_minor:money? total_incentive_fee_amount incentive_fee_amount
    dangerous_goods:text? dangerous_goods_storage_type
""")

SETTLEMENT = columns("""
    settlement_id:text!
    settlement_start:date settlement-start-date
    settlement_end:date settlement-end-date
    total_minor:money total-amount
    currency:code
    transaction_type:text
    order_id:text
    adjustment_id:text?
    shipment_id:text?
    marketplace_name:text
    amount_type:text
    amount_description:text
    amount_minor:money amount
    fulfillment:code fulfillment-id
    posted_date:date
    order_item_id:text order-item-code
    sku:text
    quantity:quantity quantity-purchased
    promotion_id:text?
""")

INBOUND_SHIPMENTS = columns("""
    shipment_id:text! shipmentid
    shipment_name:text? shipmentname
    fulfillment_center:text? destinationfulfillmentcenterid
    status:code! shipmentstatus
    plan_id:text? plan-id inboundplanid
    delivered_date:date? delivered-date delivery-date
    closed_date:date? closed-date
    eligible:text? eligible-for-investigation
""")

INBOUND_ITEMS = columns("""
    shipment_id:text! shipmentid
    sku:text! sellersku
    fnsku:text! fulfillmentnetworksku
    shipped:count! quantityshipped
    received:count! quantityreceived
    in_case:count? quantityincase
""")

COSTS = columns("""
    sku:text!
    from_date:date! from from-date
    to_date:date to to-date
    sourcing_minor:money! sourcing sourcing-cost
    currency:code!
    declared_on:date!
""")

DIMENSIONS = columns("""
    fnsku:text!
    longest_side:measure!
    median_side:measure!
    shortest_side:measure!
    unit_of_dimension:text!
    weight:measure!
    unit_of_weight:text!
    measured_on:date!
""")

CATEGORIES = columns("""
    sku:text!
    category:text! referral-category category
""")

REMOVAL_RECEIPTS = columns("""
    order_id:text! removal-order
    tracking_number:text tracking
    fnsku:text!
    received_on:date!
    good:count!
    wrong:count!
    damaged:count!
""")

TRACKING = columns("""
    tracking_number:text! tracking
    status:text! tracking-status status
    date:date! tracking-date date
""")

CASES = columns("""
    case_id:text! case
    subject_key:text!
    state:text! case-state state
    date:date! case-date date
""")

DOCUMENTS = columns("""
    case_key:text!
    kind:text! document-kind kind
""")
