"""The steps of a story, each of plain values, each checked against the model when it is over."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from engine.replies import WINDOW_MS
from engine.schema import JournalMode
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2, pricing_pb2
from tests.server.machine import drawn
from tests.server.machine.drawn import KINDS, Plain, Request, Scene, make, without_zones
from tests.server.machine.model import Model
from tests.server.machine.world import SCOPES, SELLERS, Outcome, World

PAGE = 3


@dataclass
class Answered:
    """A request that was answered as done, with its first answer."""

    request: Request
    answer: bytes
    at_ms: int


class Play:
    """One story. `story` holds its steps so far, as JSON could."""

    def __init__(self) -> None:
        self.story: list[list[Any]] = []
        self.world = World()
        self.model = Model()
        self.answered: list[Answered] = []
        self.refused: list[Request] = []
        self._pending: list[Request] = []
        self._before_pending: Model | None = None
        self._number = 0
        self._cursor = 0
        self._stopped: set[int] = set()
        self._restarted = False
        self._crash = ("all", 0)
        self._again: tuple[int, int] | None = None
        assert self.world.start()

    def step(self, name: str, **values: Any) -> None:
        """Takes a step and looks at everything after it."""
        self.story.append([name, values])
        self._restarted = name in {"repeat", "retry"}
        getattr(self, f"do_{name}")(**values)
        if self.world.down:
            self._recover([])
        self._look()

    def end(self) -> None:
        """A last crash and the last checks; what is left of a failed story is only given up."""
        self.world.disk.full = False
        self.world.disk.fault = None
        self.world.crash("synced", 0)
        self._recover([])
        self._look()
        self.close()

    def close(self) -> None:
        """Gives everything back."""
        self.world.close()

    # Requests

    def do_send(self, wishes: list[list[Any]]) -> None:
        """Requests [kind, caller, values] that wait for the same turn of the writer."""
        made = []
        for what, who, plain in wishes:
            self._number += 1
            made.append(make(what, who, plain, self._number, self._scene()))
        self._send(made)

    def _scene(self) -> Scene:
        ids = sorted(self.model.hold_ids.values())
        return Scene(self.world.now_ms, self.model.listing_id, ids)

    def _send(self, made: list[Request]) -> None:
        self._restarted |= any(each.what == "restart" for each in made)
        outcomes = self.world.call(*(each.call for each in made))
        in_order = sorted(zip(made, outcomes, strict=True), key=lambda each: each[1].place)
        unsure = []
        for request, outcome in in_order:
            if outcome.gone:
                unsure.append(request)
            elif outcome.good:
                assert outcome.place >= 0, f"nobody noted when {request} was taken"
                self._good(request, outcome)
            else:
                self._check_refusal(request, outcome)
        if self.world.down:
            self._recover(unsure)

    def _good(self, request: Request, outcome: Outcome) -> None:
        answer = request.answer(outcome.messages[0])
        if answer.journal_mode == JournalMode.PENDING:
            assert self.world.disk.full, "an answer is pending and the disk has room"
            if self._before_pending is None:
                self._before_pending = copy.deepcopy(self.model)
            self._pending.append(request)
        else:
            done = Answered(request, answer.SerializeToString(), self.world.now_ms)
            self.answered.append(done)
        self.model.take(request, answer)

    def _check_refusal(self, request: Request, outcome: Outcome) -> None:
        told = f"{request.what} by {request.who}: {outcome}"
        if outcome.code == "PERMISSION_DENIED":
            assert request.what == "erase", told
            assert request.who != "both", told
        else:
            assert outcome.code == "RESOURCE_EXHAUSTED", told
            assert self.world.disk.full, told
            self.refused.append(request)

    def do_repeat(self, which: int) -> None:
        """A request again that was answered: it gets its first answer."""
        since_ms = self.world.now_ms - WINDOW_MS
        recent = [each for each in self.answered if each.at_ms >= since_ms]
        if recent:
            first = recent[which % len(recent)]
            (outcome,) = self.world.call(first.request.call)
            if not outcome.gone:
                assert outcome.good, f"a repeat of {first.request} is refused: {outcome}"
                again = first.request.answer(outcome.messages[0]).SerializeToString()
                assert again == first.answer, f"a repeat of {first.request}: {again!r}"

    def do_clash(self, which: int) -> None:
        """Another request under an id that was used."""
        recent = [
            each.request
            for each in self.answered
            if each.at_ms >= self.world.now_ms - WINDOW_MS and each.request.key in self.world.inputs
        ]
        if recent:
            first = recent[which % len(recent)]
            other = copy.deepcopy(first.message)
            other.MergeFrom(first.message)
            payload = other.SerializeToString()
            if payload == first.payload:
                return
            (outcome,) = self.world.call((first.who, KINDS[first.what].method, payload, 0))
            told = f"a reused id of {first}: {outcome}"
            assert outcome.gone or outcome.code == "ALREADY_EXISTS", told

    def do_retry(self, which: int) -> None:
        """A request again that was refused: it is a new one."""
        if self.refused:
            self._send([self.refused.pop(which % len(self.refused))])

    # Reads

    def do_evaluate(self, who: str, plain: Plain) -> None:
        """What if: changes nothing, and stays inside the bounds."""
        request = pricing_pb2.EvaluatePriceRequest()
        drawn.fill_offers(request, plain, self._scene())
        engine = self.world.engine
        before = state_hash(engine.state), engine.state.next_decision_id
        call = who, "PricingService/EvaluatePrice", request.SerializeToString(), 0
        answer = pricing_pb2.EvaluatePriceResponse.FromString(self._read(call))
        after = state_hash(engine.state), engine.state.next_decision_id
        assert before == after, f"EvaluatePrice changes {before} to {after}"
        for each in answer.prices:
            key = self.model.owners[each.listing_id]
            assert key[0] in SCOPES[who], f"{who} evaluates {key}"
            bounds = self.model.listings[key].bounds
            fits = self.model.fits(each.listing_id, bounds, each.price_minor, self.world.now_ms)
            assert fits or not each.changed, f"{key}: {each} in {bounds}"
        assert len({each.index for each in (*answer.prices, *answer.errors)}) == len(plain["rows"])

    def do_explain(self, who: str, named: list[int]) -> None:
        """Why a price: of a listing that exists for the caller."""
        request = pricing_pb2.ExplainPriceRequest()
        drawn.name_listing(request, named, self._scene())
        call = who, "PricingService/ExplainPrice", request.SerializeToString(), 0
        (outcome,) = self.world.call(call)
        key = drawn.name_of(drawn.key(named[0], named[1]))
        if key not in self.model.listings or key[0] not in SCOPES[who]:
            assert outcome.code == "NOT_FOUND", f"{who} asks for {key}: {outcome}"
            return
        assert outcome.good, f"{who} asks for {key}: {outcome}"
        answer = pricing_pb2.ExplainPriceResponse.FromString(outcome.messages[0])
        assert answer.sentences
        assert answer.listing.listing_id == self.model.listings[key].listing_id

    def do_export(self, who: str, seller: int) -> None:
        """Everything of one seller, for who may see it."""
        name = SELLERS[seller]
        request = catalog_pb2.ExportSellerRequest(seller_id=name)
        call = who, "CatalogService/ExportSeller", request.SerializeToString(), 0
        (outcome,) = self.world.call(call)
        if name not in self.model.sellers | self.model.planners or name not in SCOPES[who]:
            assert outcome.code == "NOT_FOUND", f"{who} exports {name}: {outcome}"
            return
        assert outcome.good, f"{who} exports {name}: {outcome}"
        parts = [catalog_pb2.ExportSellerResponse.FromString(each) for each in outcome.messages]
        listed = [each.listing for each in parts if each.WhichOneof("held") == "listing"]
        self.model.check_listings(listed, (name,))
        assert all(each.decision.key.seller_id in ("", name) for each in parts)

    def _read(self, call: tuple[str, str, bytes, int]) -> bytes:
        (outcome,) = self.world.call(call)
        assert outcome.good, f"{call[1]} by {call[0]}: {outcome}"
        return outcome.messages[0]

    # Time and faults

    def do_advance(self, milliseconds: int) -> None:
        """Time passes and timers run."""
        self.world.advance(milliseconds)

    def do_snapshot(self) -> None:
        """A snapshot, and what retention lets go after it."""
        self.world.snapshot()

    def do_restart(self) -> None:
        """A graceful stop and a start."""
        if not self.world.disk.full:
            self._crash = ("synced", 0)
            self.world.stop()

    def do_crash(self, how: str, seed: int) -> None:
        """The power goes between two requests."""
        self._crash = (how, seed)
        self.world._leave()

    def do_break(
        self, operations: int, part: int, error: int, how: str, seed: int, again: list[int] | None
    ) -> None:
        """A later operation of the disk fails, or the power goes in it; perhaps once more then."""
        self._crash, self._again = (how, seed), (again[0], again[1]) if again else None
        self.world.break_at(operations, part, error)

    def do_fill(self, part: int) -> None:
        """The disk is full; of each write it still takes a part."""
        self.world.disk.full, self.world.disk.part = True, part

    def do_room(self) -> None:
        """The disk has room again."""
        self.world.disk.full = False

    def _recover(self, unsure: list[Request]) -> None:
        """Starts again, and asks for the answers that were not given."""
        if self._before_pending is not None:
            self.model, unsure = self._before_pending, self._pending + unsure
            self._before_pending, self._pending = None, []
        again, self._again = self._again, None
        while True:
            self.world.crash(*self._crash)
            if again is not None:
                self.world.break_at(*again, 0)
            if self.world.start():
                break
            again = None
            self.world.disk.full = False
        there = [each for each in unsure if self.world.inputs.get(each.key)]
        self.refused += [each for each in unsure if each not in there]
        for each in sorted(there, key=lambda each: self.world.inputs[each.key][0].sequence):
            self._send([each])
        self._check_journal()

    # Checks

    def _check_journal(self) -> None:
        """What was answered is there once, with that answer; what was refused is not there."""
        inputs = self.world.inputs
        for each in self.answered:
            frames = inputs.get(each.request.key, [])
            payloads = [bytes(frame.payload) for frame in frames]
            assert len(set(payloads)) == len(payloads), f"twice in the journal: {each.request}"
            if each.request.what == "ingest":
                continue
            as_sent = [without_zones(each.request, payload) for payload in payloads]
            assert as_sent == [each.request.payload], f"lost: {each.request}"
            kept = self.world.answers.get(frames[0].sequence, each.answer)
            assert kept == each.answer, f"answered otherwise than journaled: {each.request}"
        for request in self.refused:
            assert request.key not in inputs, f"refused, and in the journal: {request}"

    def _look(self) -> None:
        """Everything that reads show, after every step."""
        if not self.world.engine.owed:
            for each in self._pending:
                self.world.take_frames()
                assert len(self.world.inputs.get(each.key, [])) == 1, f"lost or double: {each}"
            self._before_pending, self._pending = None, []
        self.world.check_replica()
        for who, sellers in SCOPES.items():
            self.model.check_listings(self._listings(who), sellers)
        self.model.check_holds(self._holds())
        self._drain()

    def _listings(self, who: str) -> list[Any]:
        request = catalog_pb2.ListListingsRequest(page_size=PAGE)
        answer = catalog_pb2.ListListingsResponse
        return self._pages(who, "CatalogService/ListListings", request, answer, "listings")

    def _holds(self) -> list[Any]:
        request, answer = pricing_pb2.ListHeldRequest(page_size=PAGE), pricing_pb2.ListHeldResponse
        return self._pages("both", "PricingService/ListHeld", request, answer, "holds")

    def _pages(self, who: str, method: str, request: Any, answer: Any, field: str) -> list[Any]:
        """Rows of all pages."""
        rows: list[Any] = []
        while True:
            page = answer.FromString(self._read((who, method, request.SerializeToString(), 0)))
            rows += getattr(page, field)
            if not page.next_page_token:
                return rows
            request.page_token = page.next_page_token

    def _drain(self) -> None:
        """Decisions that were made since the last look, also those that no answer told."""
        last = self.world.engine.decisions.last_id
        stopped = {k.listing_id for key, k in self.model.listings.items() if self.model.stops(key)}
        quiet = self._stopped & stopped if not self._restarted else set()
        # A watcher hears nothing of decisions that were forgotten with their seller.
        while len(self.world.engine.decisions.after(self._cursor, 1)):
            request = pricing_pb2.WatchDecisionsRequest(after_decision_id=self._cursor)
            call = "both", "PricingService/WatchDecisions", request.SerializeToString(), 1
            message = pricing_pb2.WatchDecisionsResponse.FromString(self._read(call))
            for each in message.decisions:
                self.model.check_decision(each)
                assert each.listing_id not in quiet, f"stopped, and decided: {each}"
            self._cursor = message.cursor
        self._cursor, self._stopped = last, stopped
