"""The C records and codes equal those of `engine.schema`."""

from __future__ import annotations

import re
from enum import IntEnum, IntFlag
from pathlib import Path

import numpy as np
import pytest

from engine import _kernel, counters, schema

MIRROR = Path(schema.__file__).with_name("_schema.pxd").read_text()
COMMIT = Path(schema.__file__).with_name("_commit.pxd").read_text()
RECORDS = {
    "ROW": "Row",
    "GRID": "Grid",
    "RECORD": "Record",
    "STRATEGY": "Strategy",
    "SNAPSHOT": "Snapshot",
    "FEEDBACK": "Feedback",
    "COMMAND": "Command",
    "OUTCOME": "Outcome",
    "DECISION": "Decision",
}
PREFIXES = {
    "CycleState": "STATE",
    "Reason": "REASON",
    "StrategyKind": "KIND",
    "ReferenceClass": "CLASS",
    "BuyBoxStatus": "STATUS",
    "BelowFloor": "BELOW_FLOOR",
    "Alone": "ALONE",
    "Suppressed": "SUPPRESSED",
    "WhenWinning": "WINNING",
    "MatchTarget": "TARGET",
    "FeedbackKind": "FEEDBACK",
    "CommandKind": "COMMAND",
    "OfferBit": "OFFER",
    "RowFlag": "FLAG",
}


def block(text: str, head: str) -> list[str]:
    """Indented lines below a line, without comments."""
    body = re.search(rf"^{re.escape(head)}:\n((?:    .+\n)+)", text, re.MULTILINE)
    assert body is not None, head
    return [line.split("#")[0].strip() for line in body.group(1).splitlines()]


def values(text: str, head: str) -> dict[str, int]:
    """Members of one C enum."""
    found: dict[str, int] = {}
    for line in block(text, head):
        name, value = line.split(" = ")
        found[name] = int(value, 0)
    return found


def test_sizes_offsets_and_types_are_equal() -> None:
    """The arrays' own description of their fields is held against the compiled records."""
    arrays = [np.zeros(1, getattr(schema, name)) for name in RECORDS]
    sizes = _kernel.check_layout(*arrays)
    assert sizes == {name: getattr(schema, f"{name}_SIZE") for name in RECORDS}
    assert sizes == {name: getattr(schema, name).itemsize for name in RECORDS}


def test_another_layout_is_noticed() -> None:
    arrays = [np.zeros(1, getattr(schema, name)) for name in RECORDS]
    fields = [(name, schema.ROW.fields[name][0]) for name in schema.ROW.names]
    fields[0] = (fields[0][0], "<f8")
    arrays[0] = np.zeros(1, np.dtype(fields))
    with pytest.raises(ValueError, match="mismatch"):
        _kernel.check_layout(*arrays)


@pytest.mark.parametrize("name", RECORDS)
def test_field_names_stand_in_the_same_order(name: str) -> None:
    fields = [line.split()[-1] for line in block(MIRROR, f"cdef struct {RECORDS[name]}")]
    assert tuple(fields) == getattr(schema, name).names


@pytest.mark.parametrize("name", PREFIXES)
def test_codes_are_equal(name: str) -> None:
    codes: type[IntEnum] | type[IntFlag] = getattr(schema, name)
    expected = {f"{PREFIXES[name]}_{code.name}": int(code) for code in codes}
    assert values(MIRROR, f"cdef enum {name}") == expected


def test_constants_are_equal() -> None:
    for name, value in values(MIRROR, "cdef enum").items():
        assert value == int(getattr(schema, name)), name


def test_counter_tables_are_equal() -> None:
    assert values(COMMIT, "cdef enum") == {
        "COUNTED_KINDS": counters.KINDS,
        "COUNTED_REASONS": counters.REASONS,
        "COUNTED_STATES": counters.STATES,
        "COUNTED_VERDICTS": counters.VERDICTS,
        "FIRST_TRANSITION": counters.TRANSITIONS_AT,
        "FIRST_VERDICT": counters.VERDICTS_AT,
    }


def test_counter_tables_hold_every_code() -> None:
    assert max(schema.StrategyKind) < counters.KINDS
    assert max(schema.Reason) < counters.REASONS
    assert max(schema.CycleState) < counters.STATES
    assert max(schema.FeedbackKind) < counters.VERDICTS
