"""Everything that reads foreign bytes, each with an oracle.

A target is a module with `one`, which takes any bytes and returns a word for how they ended, and
`seeds`, good inputs of which each must end as taken. A finding is an exception out of `one`.
"""

from __future__ import annotations

from types import ModuleType

from tests.fuzz import calls, config, journal, listings, notifications, snapshots

TARGETS: dict[str, ModuleType] = {
    each.__name__.rpartition(".")[2]: each
    for each in (notifications, journal, snapshots, config, listings, calls)
}
