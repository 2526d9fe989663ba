"""The face of the kernel: picks the build for this CPU and checks every argument once a call.

`_kernel` is built once per x86-64 level from one source. The best level that this machine has is
loaded; REPRICED_CPU_LEVEL forces another: baseline, v3, v4, or reference for the plain twin.
"""

from __future__ import annotations

import os
from importlib import import_module, util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import _kernel, reference
from engine.columns import OfferColumns
from engine.counters import COUNTER_COUNT
from engine.errors import ConfigError
from engine.room import as_bytes
from engine.schema import COMMAND, FEEDBACK, GRID, OUTCOME, ROW, SNAPSHOT, STRATEGY, CommandKind

Records = NDArray[np.void]

VARIABLE = "REPRICED_CPU_LEVEL"
REFERENCE = "reference"
MODULES = {"baseline": "_kernel", "v3": "_kernel_v3", "v4": "_kernel_v4"}
CPU_FLAGS = {
    "baseline": frozenset[str](),
    "v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"}),
    "v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
"""Flags of /proc/cpuinfo that a level needs besides those of the level below it."""

COLUMN_TYPES: dict[str, np.dtype[Any]] = {
    "landed_minor": np.dtype(np.int64),
    "seller": np.dtype(np.uint64),
    "bits": np.dtype(np.uint32),
    "rating_count": np.dtype(np.uint32),
    "rating_bp": np.dtype(np.uint16),
    "handling_hours": np.dtype(np.uint16),
}


def cpu_flags() -> frozenset[str]:
    """Features of this CPU as Linux names them; none known elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


def available_levels() -> tuple[str, ...]:
    """Native levels that are built and that this CPU supports, lowest first."""
    flags = cpu_flags()
    levels: list[str] = []
    for level, needed in CPU_FLAGS.items():
        if not needed <= flags:
            break
        if util.find_spec(f"engine.{MODULES[level]}") is not None:
            levels.append(level)
    return tuple(levels)


def check(good: bool, name: str, value: object, allowed: str) -> None:
    """Raises ValueError that names the argument."""
    if not good:
        raise ValueError(f"{name} is {value!r}; allowed: {allowed}")


def check_array(name: str, array: Any, dtype: np.dtype[Any], least: int = 0) -> None:
    """Type, form and length of one array."""
    if (
        type(array) is np.ndarray
        and array.dtype is dtype
        and array.flags.c_contiguous
        and array.ndim == 1
        and len(array) >= least
    ):
        return
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is a {type(array).__name__}; allowed: a numpy array")
    if array.dtype is not dtype and array.dtype != dtype:
        raise ValueError(f"{name} has dtype {array.dtype}; allowed: {dtype}")
    if array.ndim != 1 or not array.flags.c_contiguous:
        raise ValueError(f"{name} has shape {array.shape}; allowed: one contiguous dimension")
    check(len(array) >= least, f"length of {name}", len(array), f"at least {least}")


def check_output(name: str, array: Any, dtype: np.dtype[Any], least: int = 0) -> None:
    """The same of an array that is written."""
    if (
        type(array) is np.ndarray
        and array.dtype is dtype
        and array.flags.carray  # contiguous, aligned and writeable
        and array.ndim == 1
        and len(array) >= least
    ):
        return
    check_array(name, array, dtype, least)
    check(array.flags.writeable, f"{name}.flags.writeable", False, "True")


def check_range(first: int, last: int, length: int) -> None:
    """Rows `first` to `last` of an input."""
    check(0 <= first <= last, "first", first, f"0 to {last}")
    check(last <= length, "last", last, f"at most {length}")


def check_listings(name: str, ids: NDArray[np.uint32], row_count: int) -> None:
    """Listing ids of an input, or of outcomes."""
    highest = int(ids.max()) if len(ids) else -1
    check(highest < row_count, f"{name}['listing_id']", highest, f"below {row_count}")


def check_table(
    rows: Any, grids: Any, strategies: Any, scratch: Any, proposed: Any, outcomes: Any, least: int
) -> None:
    """What every evaluation works on; `least` is the room it needs."""
    check_output("rows", rows, ROW)
    check_output("grids", grids, GRID, len(rows))
    check_array("strategies", strategies, STRATEGY)
    check_output("scratch", scratch, ROW, least)
    check_output("proposed", proposed, GRID, least)
    check_output("outcomes", outcomes, OUTCOME, least)


def check_offers(offers: OfferColumns) -> None:
    """Columns of one length."""
    for name, dtype in COLUMN_TYPES.items():
        check_array(f"offers.{name}", getattr(offers, name), dtype, len(offers))


def check_snapshots(
    snapshots: Any, first: int, last: int, row_count: int, offer_count: int
) -> None:
    """Listing ids and offer ranges of snapshots."""
    check_array("snapshots", snapshots, SNAPSHOT)
    check_range(first, last, len(snapshots))
    at = _kernel.unfit_snapshot(as_bytes(snapshots), first, last, row_count, offer_count)
    if at >= 0:
        raise ValueError(
            f"snapshots[{at}] is {snapshots[at]}; allowed: listing_id below {row_count}, "
            f"offer_begin <= offer_end <= {offer_count}, own_offer below {offer_count}"
        )


def check_commands(commands: Any, first: int, last: int, row_count: int) -> None:
    """Listing ids of commands, and points that leave something of the price."""
    check_array("commands", commands, COMMAND)
    check_range(first, last, len(commands))
    part = commands[first:last]
    check_listings("commands", part["listing_id"], row_count)
    points = part["points_bp"][part["kind"] == CommandKind.UPSERT]
    highest = int(points.max()) if len(points) else 0
    check(highest < 10_000, "commands['points_bp']", highest, "below 10000")


class NativeBody:
    """A built extension behind the signatures of `engine.reference`."""

    def __init__(self, module: ModuleType) -> None:
        self.module: Any = module

    def evaluate_offers(
        self, rows: Records, grids: Records, strategies: Records, pool: NDArray[np.uint64],
        snapshots: Records, first: int, last: int, offers: OfferColumns, now_ms: int,
        scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """See `engine.reference`."""
        columns = [getattr(offers, name) for name in COLUMN_TYPES]
        count: int = self.module.evaluate_offers(
            as_bytes(rows), as_bytes(grids), as_bytes(strategies), pool, as_bytes(snapshots), first,
            last, *columns, now_ms, as_bytes(scratch), as_bytes(proposed), as_bytes(outcomes),
        )  # fmt: skip
        return count

    def evaluate_feedback(
        self, rows: Records, grids: Records, strategies: Records, feedback: Records, first: int,
        last: int, now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """See `engine.reference`."""
        count: int = self.module.evaluate_feedback(
            as_bytes(rows), as_bytes(grids), as_bytes(strategies), as_bytes(feedback), first,
            last, now_ms, as_bytes(scratch), as_bytes(proposed), as_bytes(outcomes),
        )  # fmt: skip
        return count

    def evaluate_commands(
        self, rows: Records, grids: Records, strategies: Records, commands: Records, first: int,
        last: int, now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """See `engine.reference`."""
        count: int = self.module.evaluate_commands(
            as_bytes(rows), as_bytes(grids), as_bytes(strategies), as_bytes(commands), first,
            last, now_ms, as_bytes(scratch), as_bytes(proposed), as_bytes(outcomes),
        )  # fmt: skip
        return count

    def evaluate_timers(
        self, rows: Records, grids: Records, strategies: Records, first_id: int, last_id: int,
        now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> tuple[int, int]:  # fmt: skip
        """See `engine.reference`."""
        done: tuple[int, int] = self.module.evaluate_timers(
            as_bytes(rows), as_bytes(grids), as_bytes(strategies), first_id, last_id, now_ms,
            as_bytes(scratch), as_bytes(proposed), as_bytes(outcomes),
        )  # fmt: skip
        return done

    def commit(
        self, rows: Records, grids: Records, scratch: Records, proposed: Records,
        outcomes: Records, accepted: NDArray[np.uint8], strategies: Records,
        counters: NDArray[np.int64], count: int,
    ) -> None:  # fmt: skip
        """See `engine.reference`."""
        self.module.commit(
            as_bytes(rows), as_bytes(grids), as_bytes(scratch), as_bytes(proposed),
            as_bytes(outcomes), accepted, as_bytes(strategies), counters, count,
        )  # fmt: skip


class Kernel:
    """The five calls at one level. Each raises ValueError naming an argument that does not fit.

    `evaluate_*` write proposals to `scratch`, `proposed` (grids that were read) and `outcomes` from
    index 0, mark their listings in `rows` and return how many they made; `commit` must follow
    before the next evaluation.
    """

    def __init__(self, level: str) -> None:
        self.level = level
        self._body: Any = (
            reference
            if level == REFERENCE
            else NativeBody(import_module(f"engine.{MODULES[level]}"))
        )

    def evaluate_offers(
        self, rows: Records, grids: Records, strategies: Records, pool: NDArray[np.uint64],
        snapshots: Records, first: int, last: int, offers: OfferColumns, now_ms: int,
        scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """Snapshots (`schema.SNAPSHOT`) first to last; ends early where a listing comes again."""
        check_table(rows, grids, strategies, scratch, proposed, outcomes, last - first)
        check_array("pool", pool, np.dtype(np.uint64))
        check_offers(offers)
        check_snapshots(snapshots, first, last, len(rows), len(offers))
        count: int = self._body.evaluate_offers(
            rows,
            grids,
            strategies,
            pool,
            snapshots,
            first,
            last,
            offers,
            now_ms,
            scratch,
            proposed,
            outcomes,
        )
        return count

    def evaluate_feedback(
        self, rows: Records, grids: Records, strategies: Records, feedback: Records, first: int,
        last: int, now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """Feedback (`schema.FEEDBACK`) first to last; ends early where a listing comes again."""
        check_table(rows, grids, strategies, scratch, proposed, outcomes, last - first)
        check_array("feedback", feedback, FEEDBACK)
        check_range(first, last, len(feedback))
        check_listings("feedback", feedback["listing_id"][first:last], len(rows))
        count: int = self._body.evaluate_feedback(
            rows, grids, strategies, feedback, first, last, now_ms, scratch, proposed, outcomes
        )
        return count

    def evaluate_commands(
        self, rows: Records, grids: Records, strategies: Records, commands: Records, first: int,
        last: int, now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> int:  # fmt: skip
        """Commands (`schema.COMMAND`) first to last; ends early where a listing comes again."""
        check_table(rows, grids, strategies, scratch, proposed, outcomes, last - first)
        check_commands(commands, first, last, len(rows))
        count: int = self._body.evaluate_commands(
            rows, grids, strategies, commands, first, last, now_ms, scratch, proposed, outcomes
        )
        return count

    def evaluate_timers(
        self, rows: Records, grids: Records, strategies: Records, first_id: int, last_id: int,
        now_ms: int, scratch: Records, proposed: Records, outcomes: Records,
    ) -> tuple[int, int]:  # fmt: skip
        """Due timers of listings first to last until `scratch` is full.

        Returns the number of proposals and the listing id to go on with.
        """
        check_table(rows, grids, strategies, scratch, proposed, outcomes, 1)
        check_output("proposed", proposed, GRID, len(scratch))
        check_output("outcomes", outcomes, OUTCOME, len(scratch))
        check_range(first_id, last_id, len(rows))
        done: tuple[int, int] = self._body.evaluate_timers(
            rows, grids, strategies, first_id, last_id, now_ms, scratch, proposed, outcomes
        )
        return done

    def commit(
        self, rows: Records, grids: Records, scratch: Records, proposed: Records,
        outcomes: Records, accepted: NDArray[np.uint8], strategies: Records,
        counters: NDArray[np.int64], count: int,
    ) -> None:  # fmt: skip
        """Takes the first `count` proposals over where `accepted` is not 0, and counts them.

        `counters` is laid out by `engine.counters`. Refused proposals leave their row as it was.
        """
        check(count >= 0, "count", count, "0 and more")
        check_table(rows, grids, strategies, scratch, proposed, outcomes, count)
        check_array("accepted", accepted, np.dtype(np.uint8), count)
        check_output("counters", counters, np.dtype(np.int64), COUNTER_COUNT)
        check_listings("outcomes", outcomes["listing_id"][:count], len(rows))
        self._body.commit(
            rows, grids, scratch, proposed, outcomes, accepted, strategies, counters, count
        )


def choose_level(wanted: str) -> str:
    """The level asked for, else the best; raises ConfigError where it cannot run here."""
    levels = available_levels()
    if not wanted:
        return levels[-1]
    if wanted in levels or wanted == REFERENCE:
        return wanted
    allowed = ", ".join([*levels, REFERENCE])
    problem = "cannot run on this machine" if wanted in MODULES else "is no level"
    raise ConfigError(
        f"{VARIABLE} is {wanted!r}, which {problem}; allowed here: {allowed}",
        reason="CPU_LEVEL_UNAVAILABLE" if wanted in MODULES else "CPU_LEVEL_UNKNOWN",
        field=VARIABLE,
    )


def load(level: str = "") -> Kernel:
    """The kernel of a level; by default REPRICED_CPU_LEVEL, else the best of this machine."""
    return Kernel(choose_level(level or os.environ.get(VARIABLE, "")))
