"""Cells of the CSV files that we write, safe to open in a spreadsheet."""

from __future__ import annotations

import re

__all__ = ["plain_cell"]

FORMULA = re.compile(r"[=+\-@\t\r\n]")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


def plain_cell(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: an apostrophe stands before such a text.

    Reports are made by others, and a product may be named "=HYPERLINK(...)". Numbers stay as they
    are; None is blank.
    """
    if value is None:
        return ""
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return "'" + value
    return value
