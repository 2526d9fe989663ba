"""The strategies of the catalogue, and the records that the kernel reads of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.checks import check_text
from engine.errors import InputError, LimitError
from engine.follow_checks import check_users
from engine.push_checks import check_in_use
from engine.schedules import Schedules, check_references
from engine.schema import RowFlag, StrategyKind
from engine.strategies import StrategyDefinition, compile_strategy, record_of, with_defaults
from engine.strategy_checks import check
from engine.terms import Terms
from engine.watched import Watched

MAX_STRATEGIES = 65_536


class StrategyTable(Watched):
    """Belongs to the catalogue, whose rows say which listings use a strategy."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which rows are listings that were not deleted."""
        active: NDArray[np.bool_] = (self.rows["flags"] & np.uint16(RowFlag.ACTIVE)) != 0
        return active

    terms: dict[int, Terms]

    def own_terms(self, listing_id: int) -> Terms:
        """Bounds as the seller defined them, which the row need not hold."""
        row = self.rows[listing_id]
        return self.terms.get(listing_id) or Terms(
            int(row["floor_minor"]), int(row["ceiling_minor"])
        )

    def _init_strategies(self) -> None:
        default = StrategyDefinition("", "default", "EUR", StrategyKind.BUY_BOX)
        self.strategies = [default]
        self.strategy_at: dict[tuple[str, str], int] = {}
        self.entering: dict[int, int] = {}
        """Strategies of the listings that a call has entered and not yet put into force."""
        self._pool: list[int] = []
        self._init_watched()
        self.stocked: list[int] = []  # strategies with rules for what is in stock
        self.schedules = Schedules()
        self._compiled = compile_strategy(default, self._pool)
        self.strategy_records = self._compiled.copy()
        """What the kernel reads: `_compiled` with the calendar entries that are in force."""
        self.pool = np.zeros(0, np.uint64)

    # Strategies

    def check_strategy(self, definition: StrategyDefinition) -> None:
        """A definition by itself. Raises InputError."""
        check_text("seller_id", definition.seller_id)
        check(with_defaults(definition))

    def put_strategy(self, definition: StrategyDefinition) -> int:
        """Creates or replaces a strategy that `check_strategy` has passed; its index.

        Raises InputError where its listings or other strategies forbid it, LimitError when the
        table is full.
        """
        name = (definition.seller_id, definition.strategy_id)
        index = self.strategy_at.get(name, len(self.strategies))
        if index == MAX_STRATEGIES:
            raise LimitError(
                f"strategies are limited to {MAX_STRATEGIES - 1} a server; delete or share some",
                reason="TOO_MANY_STRATEGIES",
                field="strategy_id",
            )
        self._check_currency_kept(index, definition)
        check_references(definition, self.strategies_of(definition.seller_id))
        record = record_of(with_defaults(definition), self._pool)
        if index == len(self.strategies):
            self.strategies.append(definition)
            self.strategy_at[name] = index
            self._compiled = np.concatenate([self._compiled, record])
            self.watch_sources([index])
            if definition.stock_rules:
                self.stocked.append(index)
            self._follow_calendars()
        else:
            self.strategies[index] = definition
            self.recompile()
        self.pool = np.array(self._pool, np.uint64)
        return index

    def _check_currency_kept(self, index: int, definition: StrategyDefinition) -> None:
        if index == len(self.strategies):
            return
        self._check_kind_kept(index, definition)
        check_in_use(self, index, definition)
        check_users(self, index, definition)
        if self.strategies[index].currency == definition.currency:
            return
        if np.any(self.rows["strategy"][1 : self.count] == index):
            raise InputError(
                f"currency is {definition.currency!r}; listings in"
                f" {self.strategies[index].currency} use this strategy, so it must stay that",
                reason="CURRENCY_MISMATCH",
                field="currency",
            )

    def _check_kind_kept(self, index: int, definition: StrategyDefinition) -> None:
        """Listings keep the state of their kind; another kind needs a strategy of its own."""
        same = self.strategies[index].kind == definition.kind
        if same or not np.any(self.rows["strategy"][1 : self.count] == index):
            return
        raise InputError(
            f"kind: listings use strategy {definition.strategy_id!r}, so it must stay what it is;"
            " make another strategy and give it to the listings",
            reason="STRATEGY_KIND_CHANGED",
            field="kind",
        )

    @property
    def sellers_pool(self) -> list[int]:
        """`pool` as a list; nobody may change it."""
        return self._pool

    def recompile(self) -> None:
        """Makes the records of all strategies, and their pool of sellers, anew."""
        self._pool = []
        records = [record_of(with_defaults(each), self._pool) for each in self.strategies]
        self._compiled = np.concatenate(records)
        self._init_watched()
        self.watch_sources(range(len(self.strategies)))
        self.stocked = [index for index, each in enumerate(self.strategies) if each.stock_rules]
        self.pool = np.array(self._pool, np.uint64)
        self._follow_calendars()

    def _follow_calendars(self) -> None:
        self.strategy_records = self._compiled.copy()
        self.pass_time(self.schedules.at_ms, anew=True)

    def pass_time(self, now_ms: int, anew: bool = False) -> set[int]:
        """Takes the calendar entries of a moment into force; strategies for which that changed."""
        return self.schedules.refresh(
            self.strategies, self._compiled, self.strategy_records, now_ms, anew
        )

    def strategy(self, seller_id: str, strategy_id: str) -> StrategyDefinition | None:
        """A strategy of a seller, if there is one by this id."""
        index = self.strategy_at.get((seller_id, strategy_id))
        return None if index is None else self.strategies[index]

    def strategies_of(self, seller_id: str) -> dict[str, StrategyDefinition]:
        """Strategies of a seller by their id."""
        return {
            name: self.strategies[index]
            for (owner, name), index in self.strategy_at.items()
            if owner == seller_id
        }

    def listings_using(self, strategies: set[int]) -> NDArray[np.int64]:
        """Ids of the listings that use one of these strategies."""
        used = np.isin(self.rows["strategy"][1 : self.count], list(strategies))
        return np.flatnonzero(used & self.active[1 : self.count]) + 1
