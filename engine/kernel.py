"""The face of the kernel: picks the variant for this CPU and checks arguments once a call.

`REPRICED_CPU_LEVEL` overrides the choice: baseline, v3, v4 (x86-64 levels), or reference for the
plain Python twin. All of them give the same bytes.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from engine import reference
from engine.columns import OfferColumns
from engine.errors import ConfigError
from engine.schema import COMMAND, FEEDBACK, OUTCOME, ROW, SNAPSHOT, STRATEGY

Records = NDArray[np.void]

VARIABLE = "REPRICED_CPU_LEVEL"
MODULES = {"baseline": "_kernel", "v3": "_kernel_v3", "v4": "_kernel_v4"}
V3_FLAGS = {"avx2", "bmi1", "bmi2", "fma", "f16c", "abm", "movbe"}
NEEDED_FLAGS = {
    "baseline": set[str](),
    "v3": V3_FLAGS,
    "v4": V3_FLAGS | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


def cpu_flags() -> set[str]:
    """Instruction set names of this CPU as Linux reports them; empty where it does not."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return set()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


def is_built(level: str) -> bool:
    """Whether the extension of a level was built."""
    return importlib.util.find_spec(f"engine.{MODULES[level]}") is not None


def available_levels() -> list[str]:
    """Native levels that this machine can run, slowest first."""
    flags = cpu_flags()
    return [each for each, needed in NEEDED_FLAGS.items() if needed <= flags and is_built(each)]


def chosen_level() -> str:
    """The level to use. Raises ConfigError for an override that cannot run here."""
    available = available_levels()
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return available[-1]
    if wanted not in [*available, "reference"]:
        raise ConfigError(
            f"{VARIABLE} is {wanted!r}; allowed on this machine: "
            + ", ".join([*available, "reference"]),
            reason="CPU_LEVEL_UNAVAILABLE",
            field=VARIABLE,
        )
    return wanted


def memory(name: str, array: Any, dtype: np.dtype[Any]) -> NDArray[np.uint8]:
    """Bytes of an array of records. Raises ValueError for another dtype or layout."""
    if array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
        raise ValueError(f"{name}: wants a contiguous 1-d array of {dtype.itemsize}-byte records")
    return np.asarray(array).view(np.uint8)


def check_range(name: str, array: Any, first: int, last: int, room: int) -> None:
    """Rows first to last exist and their proposals fit."""
    if not 0 <= first <= last <= len(array):
        raise ValueError(f"{name}: rows {first} to {last} of {len(array)} do not exist")
    if last - first > room:
        raise ValueError(f"scratch, outcomes: {last - first} proposals, room for {room}")


def check_listings(name: str, array: Records, first: int, last: int, count: int) -> None:
    """Every listing id lies inside the table."""
    if last > first and int(array["listing_id"][first:last].max()) >= count:
        raise ValueError(f"{name}: a listing_id is not below {count}")


class Native:
    """The functions of `engine.reference`, run by one native variant."""

    def __init__(self, level: str) -> None:
        self.level = level
        self.module = importlib.import_module(f"engine.{MODULES[level]}")

    def evaluate_offers(
        self,
        rows: Records,
        strategies: Records,
        pool: NDArray[np.uint64],
        snapshots: Records,
        first: int,
        last: int,
        offers: OfferColumns,
        now_ms: int,
        scratch: Records,
        outcomes: Records,
    ) -> int:
        """See `engine.reference.evaluate_offers`."""
        check_range("snapshots", snapshots, first, last, min(len(scratch), len(outcomes)))
        inputs = memory("snapshots", snapshots, SNAPSHOT)
        unfit = self.module.unfit_snapshot(inputs, first, last, len(rows), len(offers))
        if unfit >= 0:
            raise ValueError(f"snapshots: row {unfit} names a listing or offers that do not exist")
        return int(
            self.module.evaluate_offers(
                memory("rows", rows, ROW),
                memory("strategies", strategies, STRATEGY),
                pool,
                inputs,
                first,
                last,
                *checked_columns(offers),
                now_ms,
                memory("scratch", scratch, ROW),
                memory("outcomes", outcomes, OUTCOME),
            )
        )

    def evaluate_feedback(
        self,
        rows: Records,
        strategies: Records,
        feedback: Records,
        first: int,
        last: int,
        now_ms: int,
        scratch: Records,
        outcomes: Records,
    ) -> int:
        """See `engine.reference.evaluate_feedback`."""
        check_range("feedback", feedback, first, last, min(len(scratch), len(outcomes)))
        check_listings("feedback", feedback, first, last, len(rows))
        return int(
            self.module.evaluate_feedback(
                memory("rows", rows, ROW),
                memory("strategies", strategies, STRATEGY),
                memory("feedback", feedback, FEEDBACK),
                first,
                last,
                now_ms,
                memory("scratch", scratch, ROW),
                memory("outcomes", outcomes, OUTCOME),
            )
        )

    def evaluate_commands(
        self,
        rows: Records,
        strategies: Records,
        commands: Records,
        first: int,
        last: int,
        now_ms: int,
        scratch: Records,
        outcomes: Records,
    ) -> int:
        """See `engine.reference.evaluate_commands`."""
        check_range("commands", commands, first, last, min(len(scratch), len(outcomes)))
        check_listings("commands", commands, first, last, len(rows))
        return int(
            self.module.evaluate_commands(
                memory("rows", rows, ROW),
                memory("strategies", strategies, STRATEGY),
                memory("commands", commands, COMMAND),
                first,
                last,
                now_ms,
                memory("scratch", scratch, ROW),
                memory("outcomes", outcomes, OUTCOME),
            )
        )

    def evaluate_timers(
        self,
        rows: Records,
        strategies: Records,
        first_id: int,
        last_id: int,
        now_ms: int,
        scratch: Records,
        outcomes: Records,
    ) -> tuple[int, int]:
        """See `engine.reference.evaluate_timers`."""
        check_range("rows", rows, first_id, last_id, last_id - first_id)
        if len(outcomes) < len(scratch):
            raise ValueError(f"outcomes: room for {len(outcomes)}, scratch has {len(scratch)}")
        count, go_on = self.module.evaluate_timers(
            memory("rows", rows, ROW),
            memory("strategies", strategies, STRATEGY),
            first_id,
            last_id,
            now_ms,
            memory("scratch", scratch, ROW),
            memory("outcomes", outcomes, OUTCOME),
        )
        return int(count), int(go_on)

    def commit(
        self,
        rows: Records,
        scratch: Records,
        outcomes: Records,
        accepted: NDArray[np.uint8],
        strategies: Records,
        counters: NDArray[np.int64],
        count: int,
    ) -> None:
        """See `engine.reference.commit`."""
        check_range("accepted", accepted, 0, count, min(len(scratch), len(outcomes)))
        check_listings("outcomes", outcomes, 0, count, len(rows))
        self.module.commit(
            memory("rows", rows, ROW),
            memory("scratch", scratch, ROW),
            memory("outcomes", outcomes, OUTCOME),
            accepted,
            memory("strategies", strategies, STRATEGY),
            counters,
            count,
        )

    def copy_floor(
        self,
        rows: Records,
        snapshots: Records,
        first: int,
        last: int,
        offers: OfferColumns,
        scratch: Records,
    ) -> int:
        """The benchmark's floor: rows copied out and back, offers copied."""
        check_range("snapshots", snapshots, first, last, len(scratch))
        inputs = memory("snapshots", snapshots, SNAPSHOT)
        if self.module.unfit_snapshot(inputs, first, last, len(rows), len(offers)) >= 0:
            raise ValueError("snapshots: a row names a listing or offers that do not exist")
        return int(
            self.module.copy_floor(
                memory("rows", rows, ROW),
                inputs,
                first,
                last,
                *checked_columns(offers),
                memory("scratch", scratch, ROW),
            )
        )


def checked_columns(offers: OfferColumns) -> tuple[NDArray[Any], ...]:
    """The offer columns in the kernel's order. Raises ValueError for unequal lengths."""
    columns = (
        offers.landed_minor,
        offers.seller,
        offers.bits,
        offers.rating_count,
        offers.rating_bp,
        offers.handling_hours,
    )
    if any(len(each) != len(offers) for each in columns):
        raise ValueError(f"offers: columns of {[len(each) for each in columns]} entries")
    return columns


def load(level: str | None = None) -> Native:
    """The kernel of a level, by default the best for this CPU. Raises ConfigError."""
    level = level or chosen_level()
    return cast(Native, reference) if level == "reference" else Native(level)
