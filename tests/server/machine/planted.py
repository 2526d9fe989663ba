"""Bugs that the machine must find, each put into the running code: name, and what it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from engine.decisions import DecisionLog
from engine.evaluator import Evaluator
from engine.guards.gate import Gate
from engine.guards.stop import KillSwitch
from engine.journal import FileJournal
from engine.kernel import Kernel
from engine.pipeline import Engine
from engine.replay import Replayer
from engine.replies import Replies
from engine.schema import URGENT_KINDS

Planted = list[tuple[Any, str, Any]]
"""Attributes (owner, name, value) that are replaced."""


def answers_before_the_sync() -> Planted:
    """Nothing is ever synced."""
    return [(FileJournal, "_sync", lambda self, file: None)]


def remembers_what_it_refused() -> Planted:
    """A request that found no room is answered as if it had been applied when it comes again."""
    really = Engine._urgent

    def urgent(self: Engine, each: Any, failure: Any) -> Any:
        if each.kind not in URGENT_KINDS:
            self.state.replies.remember(each.identity, self.now_ms, self.journal.last_sequence)
        return really(self, each, failure)

    return [(Engine, "_urgent", urgent)]


def forgets_what_it_refused_only_half() -> Planted:
    """The bytes of a group that found no room stay behind on the disk."""
    return [(FileJournal, "_give_back", lambda self, file, size, error: None)]


def looks_at_no_bounds() -> Planted:
    """The rules go 500 too low, and the last look is off."""
    really = Kernel.evaluate_offers

    def evaluate(self: Kernel, *given: Any) -> int:
        count = really(self, *given)
        scratch, outcomes = given[-3], given[-1]
        for at in np.flatnonzero(outcomes["changed"][:count]):
            outcomes["price_minor"][at] -= 500
            scratch["price_minor"][at] -= 500
        return count

    every = lambda self, part: np.ones(len(part.outcomes), np.bool_)  # noqa: E731
    return [(Kernel, "evaluate_offers", evaluate), (Gate, "_sane", every)]


def forgets_the_scope() -> Planted:
    """Every input may touch every seller."""
    really = Engine.shape

    def shape(self: Engine, kind: Any, payload: bytes, caller: str = "", scope: bytes = b"") -> Any:
        return really(self, kind, payload, caller)

    return [(Engine, "shape", shape)]


def applies_repeats() -> Planted:
    """Every repeat is a new request."""
    return [(Replies, "outputs", lambda *_: [])]


def takes_any_body() -> Planted:
    """A reused id gets the first answer, whatever its body says."""

    def outputs(self: Replies, identity: Any, now_ms: int) -> list[int]:
        reply = self._replies.get(identity.name)
        return [] if reply is None else reply.outputs

    return [(Replies, "outputs", outputs)]


def loses_answers_in_a_crash() -> Planted:
    """Answers that were not yet on the disk are not made again at a start."""
    return [(Replayer, "finish", lambda self: self._unanswered.clear())]


def stops_no_single_listing() -> Planted:
    """A listing that is named alone is not stopped."""
    stop = KillSwitch.stop

    def forgetful(self: KillSwitch, everything: bool, sellers: Any, listings: Any) -> None:
        stop(self, everything, sellers, listings if everything or sellers else [])

    return [(KillSwitch, "stop", forgetful)]


def commits_timers_first() -> Planted:
    """Timers run before time is journaled."""

    def advance(self: Engine, now_ms: int, first_id: int, last_id: int) -> int:
        self.state.now_ms = max(self.now_ms, now_ms)
        self.shard.advance(first_id, min(last_id, self.catalog.count), 0)
        return 0

    return [(Engine, "advance", advance)]


def numbers_decisions_anew() -> Planted:
    """The log of decisions begins again with every start."""
    return [(DecisionLog, "load", lambda self, decisions, kept_from, last_id: None)]


def evaluates_for_good() -> Planted:
    """EvaluatePrice numbers what it finds."""
    really = Evaluator.trial

    def trial(self: Evaluator, *given: Any) -> Any:
        self._state.next_decision_id += 1
        return really(self, *given)

    return [(Evaluator, "trial", trial)]


SOON: tuple[Callable[[], Planted], ...] = (
    answers_before_the_sync,
    looks_at_no_bounds,
    forgets_the_scope,
    applies_repeats,
    loses_answers_in_a_crash,
)
"""Those that a few stories are enough for."""
BUGS = (
    *SOON,
    takes_any_body,
    stops_no_single_listing,
    remembers_what_it_refused,
    commits_timers_first,
    numbers_decisions_anew,
    evaluates_for_good,
    forgets_what_it_refused_only_half,
)


@contextmanager
def planted(bug: Callable[[], Planted]) -> Iterator[None]:
    """The code with a bug in it."""
    with ExitStack() as stack:
        for owner, name, value in bug():
            stack.enter_context(mock.patch.object(owner, name, value))
        yield
