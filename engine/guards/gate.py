"""What stands between a proposal and the seller's price, in this order of precedence:

bounds as such       a price outside its bounds is a fault and goes nowhere
gaps                 a price in a gap of computed bounds comes down to a good one, or stays
1 kill switch        what is stopped stays as it is
2 bounds             a price outside them goes back to them, whatever the guards below say
3 dry run            made and shown, not sent
4 breaker            falls of a seller whose prices crash are held
5 spiral             the price that is held instead of going on
strategy, step limit, changes per hour: in the rules, before
bounds again         the last look at what goes out
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine import _guards
from engine.bounds.solver import snapped
from engine.guards.bounds import inside_bounds, keeps_bounds
from engine.guards.breaker import SPANS, Trip, Weights
from engine.guards.events import Guard
from engine.guards.market import tell_market
from engine.guards.proposals import Origin, Proposal, pack_offers
from engine.guards.slices import Aside, Finding, Slice, Slots, Source
from engine.guards.state import STALE_EVENT_S, Guards
from engine.money import currency_code, format_minor
from engine.room import as_bytes
from engine.schema import EVENT_REASONS, DecisionStatus, Reason
from engine.state import State

MILLION = 1_000_000
GAP_FIELDS = ("price_minor", "floor_minor", "ceiling_minor")
TOLD_ONE_BY_ONE = 8
"""Foreign prices of a slice that have an event each."""
NOTHING_WEIGHED: Weights = np.zeros((len(SPANS), 2, 0), np.int64)


class Gate:
    """Looks at each slice between evaluation and commit. Belongs to the writer thread."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def _guards(self) -> Guards:
        return self._state.guards

    def check(
        self, scratch: NDArray[np.void], outcomes: NDArray[np.void], source: Source
    ) -> tuple[NDArray[np.bool_], Slice]:
        """Which proposals may be committed, and the slice with what became of the others.

        Proposals that a guard holds are replaced by rows as they were and may be committed too;
        those that are not are faults of the rules.
        """
        state = self._state
        part = Slice(state.catalog, scratch, outcomes, source, state.now_ms // 1000)
        free, lived = self._look(part)
        sane = np.ones(len(scratch), np.bool_)
        if part.found & Finding.BROKEN:
            self._leave_behind(part, np.flatnonzero(~self._sane(part)))
            sane = self._sane(part)
            free = np.flatnonzero(sane & (outcomes["changed"] != 0))
        free = self._leave_gaps(part, free)
        free = self._stop(part, free)
        free = self._dry_run(part, free)
        self._watch(part, free)
        if part.found & Finding.TOLD:
            self._tell(part)
        if part.found & Finding.MARKET and source.origin == Origin.OFFERS:
            tell_market(state, part)
        if part.altered:
            sane &= self._sane(part)
        if part.altered or part.found & Finding.BROKEN:
            self._guards.trips[Guard.BOUNDS] += np.count_nonzero(~sane)
        self._note_live(part, lived[sane[lived]])
        return sane, part

    def _look(self, part: Slice) -> tuple[Slots, Slots]:
        """Notes what the slice has of what guards look for; the slots with another price, and
        those that see another live price."""
        watch, room = self._guards.watch, len(part.scratch)
        changed, lived = np.empty(room, np.intp), np.empty(room, np.intp)
        watch.cover(part.catalog.count)
        found, used, lives = _guards.look(
            as_bytes(part.catalog.rows), part.scratch_bytes, part.outcome_bytes,
            watch.bytes, part.source.origin == Origin.COMMAND, changed, lived,
        )  # fmt: skip
        part.found = found
        if part.found & Finding.NO_GROUP:
            watch.groups_of(part.catalog, part.ids)
        return changed[:used], lived[:lives]

    def _sane(self, part: Slice) -> NDArray[np.bool_]:
        sane = inside_bounds(part.scratch, part.outcomes)
        if part.source.origin != Origin.COMMAND:
            sane &= keeps_bounds(part.catalog.rows, part.scratch, part.outcomes)
        return sane

    def _leave_behind(self, part: Slice, outside: Slots) -> None:
        """Where nothing goes out, bounds can leave a price behind; to send it again is no fault."""
        previous, price = part.prices(outside)
        same = outside[previous == price]
        stopped = self._guards.switch.stops(part.catalog, part.ids[same])
        dry = self._runs_dry(part.ids[same])
        part.take_back(same[stopped], Reason.STOPPED)
        part.take_back(same[dry & ~stopped], Reason.DRY_RUN)

    def _leave_gaps(self, part: Slice, free: Slots) -> Slots:
        """Prices that miss the goal of computed bounds come down to one that does not."""
        gaps = self._state.bounds.gaps
        if not gaps or len(free) == 0:
            return free
        kept = []
        for slot in free.tolist():
            row, at = part.scratch[slot], np.array([slot], np.intp)
            price, floor, high = (int(row[each]) for each in GAP_FIELDS)
            good = snapped(gaps.get(int(part.ids[slot]), ()), price, floor, max(floor, high))
            if good in (0, int(part.outcomes["previous_minor"][slot])) and good != price:
                part.take_back(at, Reason.KEEP)
                continue
            if good != price:
                part.redirect(at, np.array([good], np.int64), Reason(int(row["reason"])))
            kept.append(slot)
        return np.array(kept, np.intp)

    def _stop(self, part: Slice, free: Slots) -> Slots:
        switch = self._guards.switch
        if len(free) == 0 or not switch.any():
            return free
        stopped = switch.stops(part.catalog, part.ids[free])
        if stopped.any():
            part.stopped.append(free[stopped])
            part.take_back(free[stopped], Reason.STOPPED)
            self._guards.trips[Guard.STOP] += np.count_nonzero(stopped)
        return free[~stopped]

    def _dry_run(self, part: Slice, free: Slots) -> Slots:
        if len(free) == 0 or not self._any_dry():
            return free
        dry = self._runs_dry(part.ids[free])
        part.set_aside(free[dry], DecisionStatus.DRY_RUN, Reason.DRY_RUN)
        self._guards.trips[Guard.DRY_RUN] += np.count_nonzero(dry)
        return free[~dry]

    def _any_dry(self) -> bool:
        return bool(self._state.catalog.dry_run_sellers or self._state.bounds.proposed)

    def _runs_dry(self, ids: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Listings of a seller in dry run, and those whose bounds are only proposed."""
        catalog, proposed = self._state.catalog, self._state.bounds.proposed
        dry = np.isin(catalog.records["seller"][ids], sorted(catalog.dry_run_sellers))
        if proposed:
            dry |= np.array([each in proposed for each in ids.tolist()], np.bool_)
        return dry

    # Breaker and spirals

    def _watch(self, part: Slice, free: Slots) -> None:
        """The guards that remember what went before."""
        breaker = self._guards.breaker
        if part.source.origin != Origin.COMMAND:
            breaker.see(part)
        if part.source.released:
            return
        passed, weights = self._break(part, part.moving(free))
        moved = self._spiral(part, passed)
        if len(moved) < len(passed):
            weights = weights[:, :, np.isin(passed, moved)]
        if len(moved):
            breaker.count(part, moved, weights)

    def _break(self, part: Slice, slots: Slots) -> tuple[Slots, Weights]:
        """Holds falls; the slots that it lets pass, and their weights."""
        breaker = self._guards.breaker
        if len(slots) == 0:
            return slots, NOTHING_WEIGHED
        weights, trips = breaker.weigh(part, slots, self._guards.settings)
        for trip in trips:
            self._trip(trip)
        if not breaker.tripped:
            return slots, weights
        previous, price = part.prices(slots)
        groups = self._guards.watch.groups_of(part.catalog, part.ids[slots])
        held = (price < previous) & np.isin(groups, sorted(breaker.tripped))
        bound = part.clamped(slots, previous)
        outside = held & (bound != previous)
        part.redirect(slots[outside], bound[outside], Reason.BOUNDS)
        inside = held & ~outside
        part.set_aside(slots[inside], DecisionStatus.HELD, Reason.BREAKER)
        return slots[~held], weights[:, :, ~held]

    def _trip(self, trip: Trip) -> None:
        guards, state = self._guards, self._state
        hold_id = guards.new_hold()
        guards.breaker.tripped[trip.group] = hold_id
        guards.trips[Guard.BREAKER] += 1
        guards.tell_group(
            state.catalog, state.now_ms, Guard.BREAKER,
            f"{trip.falling} of {trip.seen} listings fell by {trip.depth_bp // 100} % on average"
            f" within {trip.window_s // 60} minutes; further falls are held until a person releases"
            " or discards them",
            trip.group, hold_id=hold_id,
        )  # fmt: skip

    def _spiral(self, part: Slice, free: Slots) -> Slots:
        """Holds prices that spiral; those of the free slots that go out as they are."""
        spirals = self._guards.spirals
        if part.source.origin == Origin.OFFERS:
            found = spirals.answers(part, self._guards.settings)
            if len(found):
                self._answered(part, found)
        if len(free) == 0:
            return free
        held, hold = spirals.held(part, free)
        if len(held):
            self._hold_price(part, free[held], hold)
            free = np.delete(free, held)
        if len(free):
            spirals.move(part, free)
        return free

    def _answered(self, part: Slice, found: Slots) -> None:
        guards, state = self._guards, self._state
        hold_ids = [guards.new_hold() for _ in found]
        guards.spirals.hold(part, found, hold_ids)
        guards.trips[Guard.SPIRAL] += len(found)
        for listing_id, hold_id in zip(part.ids[found].tolist(), hold_ids, strict=True):
            guards.tell(
                state.catalog, state.now_ms, Guard.SPIRAL,
                "a competitor has answered each of our changes in the same direction, and both"
                " prices moved far; the price is held for a day",
                listing_id=listing_id, hold_id=hold_id,
            )  # fmt: skip

    def _hold_price(self, part: Slice, slots: Slots, hold: NDArray[np.int64]) -> None:
        """Goes to the price that is held, no faster than one decision may; where a breaker holds
        falls, not down."""
        previous, _ = part.prices(slots)
        strategies = part.catalog.strategy_records[part.scratch["strategy"][slots]]
        base = part.clamped(slots, previous)
        by_rate = np.maximum(1, base * strategies["step_limit_ppm"].astype(np.int64) // MILLION)
        limit = np.where(strategies["step_limit_ppm"] > 0, by_rate, strategies["step_limit_minor"])
        way = hold - base
        way = np.where(limit > 0, np.clip(way, -limit, limit), way)
        breaker = self._guards.breaker.tripped
        if breaker:
            groups = self._guards.watch.groups_of(part.catalog, part.ids[slots])
            way = np.where(np.isin(groups, sorted(breaker)), np.maximum(way, 0), way)
        price = part.clamped(slots, base + way)
        stays = price == previous
        part.take_back(slots[stays], Reason.SPIRAL_HELD)
        part.redirect(slots[~stays], price[~stays], Reason.SPIRAL)

    # What is told and noted

    def _tell(self, part: Slice) -> None:
        reasons = part.outcomes["reason"]
        unchanged = part.outcomes["changed"] == 0
        for reason in EVENT_REASONS:
            for slot in np.flatnonzero((reasons == reason) & unchanged).tolist():
                self._tell_cycle(part, slot)
        if part.source.origin == Origin.OFFERS:
            stale = np.flatnonzero(reasons == Reason.STALE_OFFERS)
            if len(stale):
                self._tell_stale(part, stale)

    def _tell_cycle(self, part: Slice, slot: int) -> None:
        listing_id = int(part.ids[slot])
        if part.catalog.rows["reason"][listing_id] == part.outcomes["reason"][slot]:
            return
        reason = Reason(int(part.outcomes["reason"][slot]))
        words = {
            Reason.REEMITS_EXHAUSTED: "the price was sent several times and was never live"
            " or judged",
            Reason.MAX_REJECTIONS: "the marketplace rejected prices too often; repricing is paused",
            Reason.SUPPRESSED_BELOW_FLOOR: "nobody is featured, and the competitive price is below"
            " the floor",
        }[reason]
        self._guards.trips[Guard.CYCLE] += 1
        self._guards.tell(
            part.catalog, self._state.now_ms, Guard.CYCLE, words, listing_id=listing_id
        )

    def _tell_stale(self, part: Slice, stale: Slots) -> None:
        guards = self._guards
        guards.trips[Guard.STALE_OFFERS] += len(stale)
        groups = guards.watch.groups_of(part.catalog, part.ids[stale])
        for group in sorted(set(groups.tolist())):
            if guards.stale_told_s.get(group, 0) > part.now_s - STALE_EVENT_S:
                continue
            guards.stale_told_s[group] = part.now_s
            guards.tell_group(
                part.catalog, self._state.now_ms, Guard.STALE_OFFERS,
                "offers arrive that are older than the strategies allow; they move no price", group,
            )  # fmt: skip

    def _note_live(self, part: Slice, slots: Slots) -> None:
        ids = part.ids[slots]
        before = part.catalog.rows["live_price_minor"][ids]
        after = part.scratch["live_price_minor"][slots]
        self._guards.live_log.note(self._state.now_ms, ids, before, after)
        self._tell_foreign(part, slots, before)
        if part.catalog.watched:
            self._state.following.live_changed(part.catalog, ids.tolist())

    def _tell_foreign(self, part: Slice, moved: Slots, before: NDArray[np.int64]) -> None:
        """Tells of live prices that are neither what we decided last nor what we decided before
        that. In a dry run nothing of ours goes live, so nothing can be told apart.

        The first ones of a slice are told one by one and the others as a number for each seller
        and marketplace: a flood would push every other event out.
        """
        if len(moved) == 0:
            return
        known, scratch = part.catalog.records, part.scratch
        live, ids = scratch["live_price_minor"][moved], part.ids[moved]
        foreign = (before > 0) & (known["decision_id"][ids] > 0)
        for ours in (part.catalog.rows["price_minor"][ids], known["previous_minor"][ids]):
            foreign &= live != ours
        if self._any_dry():
            foreign &= ~self._runs_dry(ids)
        places = np.flatnonzero(foreign)
        self._guards.trips[Guard.FOREIGN_PRICE] += len(places)
        for at in places[:TOLD_ONE_BY_ONE].tolist():
            listing_id = int(ids[at])
            currency = currency_code(int(known["currency"][listing_id]))
            was, now = (format_minor(int(each[at]), currency) for each in (before, live))
            self._guards.tell(
                part.catalog, self._state.now_ms, Guard.FOREIGN_PRICE,
                f"the live price moved from {was} to {now} without a decision of ours",
                listing_id=listing_id,
            )  # fmt: skip
        if len(places) <= TOLD_ONE_BY_ONE:
            return
        groups = self._guards.watch.groups_of(part.catalog, ids[places[TOLD_ONE_BY_ONE:]])
        for group, count in zip(*np.unique(groups, return_counts=True), strict=True):
            self._guards.tell_group(
                part.catalog, self._state.now_ms, Guard.FOREIGN_PRICE,
                f"the live prices of {count} more listings moved without a decision of ours",
                int(group),
            )  # fmt: skip

    # Proposals

    def fresh(self, aside: Aside) -> NDArray[np.bool_]:
        """Which decisions set aside are not only what is proposed already."""
        known = self._guards.proposals
        return np.array([
            not known.repeats(listing_id, price, aside.status)
            for listing_id, price in aside.outcomes[["listing_id", "price_minor"]].tolist()
        ], np.bool_)  # fmt: skip

    def drop_outdated(self, part: Slice, decided: Slots) -> None:
        """Newer offers, and decisions that went out, take the place of what was proposed."""
        proposals = self._guards.proposals
        if not proposals.by_listing:
            return
        outdated = np.zeros(len(part.ids), np.bool_)
        if part.source.origin == Origin.OFFERS:
            outdated |= part.outcomes["ignored"] == 0
        outdated[decided] = True
        for aside in part.aside:
            outdated[aside.slots] = False
        for slots in part.stopped:
            outdated[slots] = False
        proposals.pop_all(part.ids[outdated].tolist())

    def keep(self, part: Slice, slots: Slots, decisions: NDArray[np.void]) -> None:
        """Keeps decisions set aside with the inputs that led to them."""
        source = part.source
        for slot, each in zip(slots.tolist(), decisions, strict=True):
            row = offers = b""
            if source.rows is not None:
                given = source.rows[source.first + slot]
                row = given.tobytes()
                if source.offers is not None:
                    begin, end = int(given["offer_begin"]), int(given["offer_end"])
                    offers = pack_offers(source.offers, begin, end)
            status = int(each["status"])
            held = status == DecisionStatus.HELD
            self._guards.proposals.put(Proposal(
                self._guards.new_hold() if held else 0, int(each["decision_id"]), status,
                int(each["listing_id"]), int(each["price_minor"]), int(each["previous_minor"]),
                int(each["reason"]), self._state.now_ms, int(source.origin), row, offers,
            ))  # fmt: skip
