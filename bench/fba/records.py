"""What the world hands on: report rows, orders and payments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from bench.fba.books import Product

Cell = str | int | Callable[[date], int]
"""A cell whose value depends on the day of printing is a function of that day."""


@dataclass(frozen=True, slots=True)
class Row:
    """One report row: the day it tells of, the day it can be seen, and its cells."""

    on: date
    known: date
    seller_id: str
    country: str
    cells: dict[str, Cell]


@dataclass(slots=True)
class Order:
    """One order line. Amounts are of the whole line, minor units."""

    product: Product
    country: str
    day: date
    order_id: str
    item_code: str
    units: int
    principal_minor: int
    commission_minor: int
    promotion_minor: int
    channel: str


@dataclass(slots=True)
class Payment:
    """One row of the reimbursements report."""

    product: Product
    country: str
    day: date
    reimbursement_id: str
    reason: str
    unit_minor: int
    cash: int
    kind: int
