"""Random stories over the whole service, found and made small by hypothesis.

Each story first chooses which kinds of requests and which faults it has. With N and SEED:

    python -m tests.server.machine.machine --stories 1000 --seed 7
"""

from __future__ import annotations

import argparse
import errno
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.server.machine import drawn
from tests.server.machine.drawn import KINDS
from tests.server.machine.play import Play
from tests.server.machine.world import SCOPES

STORIES = Path(__file__).parent / "stories"
FAULTS = ("crash", "break", "fill", "restart", "snapshot", "advance", "repeat", "read")
HOWS = st.sampled_from(["synced", "all", "torn", "torn"])
SEEDS = st.integers(0, 2**16)
PARTS = st.integers(0, 8)
CALLERS = st.sampled_from(["both", "both", *sorted(SCOPES)])
OPENING = [[seller, number, 600, 1200, 0, ""] for seller in (0, 1) for number in range(3)]


def some(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """About half of them."""
    chosen = st.lists(st.booleans(), min_size=len(names), max_size=len(names))
    return chosen.map(lambda on: [name for name, is_on in zip(names, on, strict=True) if is_on])


def having(name: str) -> Any:
    """Rules that only some stories have."""
    return precondition(lambda self: name in self.on)


class Machine(RuleBasedStateMachine):
    """`newest` is the last story that was played, the smallest one after a failure."""

    newest: list[list[Any]] = []  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self.play = Play()
        self.on: frozenset[str] = frozenset()
        self.kinds: list[str] = []
        self.failed = False
        type(self).newest = self.play.story

    def step(self, name: str, **values: Any) -> None:
        """One step; a failed story is not ended, as its server may be in any state."""
        try:
            self.play.step(name, **values)
        except BaseException:
            self.failed = True
            raise

    @initialize(
        faults=some(FAULTS), kinds=some(sorted(KINDS)), opening=st.booleans()
    )  # fmt: skip
    def begin(self, faults: list[str], kinds: list[str], opening: bool) -> None:
        self.on, self.kinds = frozenset(faults), kinds or sorted(KINDS)
        if opening:
            self.step("send", wishes=[["upsert", "both", {"rows": OPENING}]])

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        self.step("send", wishes=[self._wish(data)])

    @rule(data=st.data(), count=st.integers(2, 4))
    def together(self, data: st.DataObject, count: int) -> None:
        wishes = [self._wish(data) for _ in range(count)]
        alone = [each for each in wishes if each[0] == "ingest"][1:]
        self.step("send", wishes=[each for each in wishes if each not in alone])

    def _wish(self, data: st.DataObject) -> list[Any]:
        what = data.draw(st.sampled_from(self.kinds))
        return [what, data.draw(CALLERS), data.draw(KINDS[what].plain)]

    @having("repeat")
    @rule(which=SEEDS)
    def repeat(self, which: int) -> None:
        self.step("repeat", which=which)

    @having("repeat")
    @rule(which=SEEDS)
    def clash(self, which: int) -> None:
        self.step("clash", which=which)

    @precondition(lambda self: bool(self.play.refused))
    @rule(which=SEEDS)
    def retry(self, which: int) -> None:
        self.step("retry", which=which)

    @having("read")
    @rule(who=CALLERS, plain=drawn.snapshots)
    def evaluate(self, who: str, plain: Any) -> None:
        self.step("evaluate", who=who, plain=plain)

    @having("read")
    @rule(who=CALLERS, named=drawn.named)
    def explain(self, who: str, named: list[int]) -> None:
        self.step("explain", who=who, named=named)

    @having("read")
    @rule(who=CALLERS, seller=drawn.seller_numbers)
    def export(self, who: str, seller: int) -> None:
        self.step("export", who=who, seller=seller)

    @having("advance")
    @rule(milliseconds=st.sampled_from([1, 5_000, 400_000, 3_600_000, 90_000_000]))
    def advance(self, milliseconds: int) -> None:
        self.step("advance", milliseconds=milliseconds)

    @having("snapshot")
    @rule()
    def snapshot(self) -> None:
        self.step("snapshot")

    @having("restart")
    @rule()
    def restart(self) -> None:
        self.step("restart")

    @having("crash")
    @rule(how=HOWS, seed=SEEDS)
    def crash(self, how: str, seed: int) -> None:
        self.step("crash", how=how, seed=seed)

    @having("break")
    @rule(
        operations=st.integers(0, 8), part=PARTS, error=st.sampled_from([0, 0, errno.EIO]),
        how=HOWS, seed=SEEDS, again=st.none() | st.tuples(st.integers(0, 8), PARTS).map(list),
    )  # fmt: skip
    def break_later(self, **values: Any) -> None:
        self.step("break", **values)

    @having("fill")
    @rule(part=st.sampled_from([0, 4, 8, 8]))
    def fill(self, part: int) -> None:
        self.step("fill", part=part)

    @having("fill")
    @rule()
    def room(self) -> None:
        self.step("room")

    def teardown(self) -> None:
        try:
            if not self.failed:
                self.play.end()
        finally:
            self.play.close()


def replay(story: list[list[Any]]) -> None:
    """Plays a story again. Raises what it found."""
    play = Play()
    try:
        for name, values in story:
            play.step(name, **values)
        play.end()
    finally:
        play.close()


def search(
    stories: int, seed: int, steps: int = 30, small: bool = True
) -> tuple[BaseException, list[list[Any]]] | None:
    """The first story that fails, made small, and its error; None if all of them hold."""
    phases = [hypothesis.Phase.generate] + [hypothesis.Phase.shrink] * small
    settings = hypothesis.settings(
        max_examples=stories, stateful_step_count=steps, deadline=None, database=None,
        print_blob=False, phases=phases, suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )  # fmt: skip
    machine = hypothesis.seed(seed)(type("Seeded", (Machine,), {}))
    try:
        run_state_machine_as_test(machine, settings=settings)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return error, machine.newest
    return None


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stories", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=50)
    given = parser.parse_args()
    found = search(given.stories, given.seed, given.steps)
    if found is None:
        sys.stdout.write(f"{given.stories} stories of seed {given.seed} hold\n")
        return 0
    error, story = found
    traceback.print_exception(error)
    target = Path("failing-story.json")
    target.write_text(json.dumps(story) + "\n")
    sys.stdout.write(f"seed {given.seed}: {target} fails; mend it and move it to {STORIES}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
