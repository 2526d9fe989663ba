"""ExportSeller: everything that is held of one seller, as a stream."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import numpy as np

from engine.claims.leaving import documents_held, rows_held
from engine.errors import NotFoundError
from engine.pipeline import Engine
from engine.schema import DecisionStatus
from engine.scope import Scope, inside
from repriced.v1 import catalog_pb2
from server.services.calls import Core
from server.wire import decision_message, listing_state_message, seller_message, strategy_message
from server.wire.bounds import exchange_rate_message, fee_schedule_message
from server.wire.commands import seller_id_of
from server.wire.limits import parse

TURN_ROWS = 50
"""Listings turned into messages in one turn on the writer."""

PIECE_BYTES = 1 << 20
"""Bytes of a document in one message."""

Held = catalog_pb2.ExportSellerResponse


class SellerExport:
    """Reads in turns, so that a large seller holds nobody up; each row is as it is at its turn."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def stream(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Everything, the catalogue first. Raises InputError, NotFoundError."""
        request = parse(catalog_pb2.ExportSellerRequest, payload, self._core.codec.limits)
        seller_id, scope = seller_id_of(request), self._core.scope
        with self._core.admission.stream():
            known = False
            for part in (
                self._catalogue(seller_id, scope),
                self._insights(seller_id, scope),
                self._claims(seller_id, scope),
            ):
                for held in part:
                    known = True
                    yield held.SerializeToString()
            if not known:
                raise NotFoundError(
                    f"seller_id: seller {seller_id!r} is not known",
                    reason="UNKNOWN_SELLER",
                    field="seller_id",
                )

    def _catalogue(self, seller_id: str, scope: Scope) -> Iterator[Held]:
        """What the engine holds."""
        first, listing_ids = self._core.read(lambda engine: definitions(engine, seller_id, scope))
        yield from first
        for at in range(0, len(listing_ids), TURN_ROWS):
            ids = listing_ids[at : at + TURN_ROWS]
            yield from self._core.read(partial(listings, ids=ids, scope=scope))
        decisions = self._core.engine.decisions.dump()
        mine = decisions[np.isin(decisions["listing_id"], listing_ids)]
        for record in mine[mine["status"] != DecisionStatus.WITHDRAWAL]:
            yield Held(decision=decision_message(self._core.engine.catalog, record, False))

    def _insights(self, seller_id: str, scope: Scope) -> Iterator[Held]:
        """What looks have found of it, and what it answered to reviews."""
        if not inside(scope, seller_id):
            return
        for table, rows in self._core.history.held(seller_id):
            yield Held(insights_data=catalog_pb2.StoredRows(table=table, rows_json=rows))

    def _claims(self, seller_id: str, scope: Scope) -> Iterator[Held]:
        """What the claims audit holds."""
        if not inside(scope, seller_id):
            return
        folder = self._core.claims_folder
        with tempfile.TemporaryDirectory() as spill:
            for table, rows in rows_held(folder, seller_id, Path(spill)):
                yield Held(claims_data=catalog_pb2.StoredRows(table=table, rows_json=rows))
        for claim_id, kind, name, content in documents_held(folder, seller_id):
            for at in range(0, len(content), PIECE_BYTES):
                yield Held(
                    document=catalog_pb2.DocumentPiece(
                        claim_id=claim_id, kind=kind, name=name, offset=at,
                        content=content[at : at + PIECE_BYTES],
                    )
                )  # fmt: skip


def definitions(engine: Engine, seller_id: str, scope: Scope) -> tuple[list[Held], list[int]]:
    """The seller and its strategies, and the ids of its listings; nothing where it is unknown."""
    catalog = engine.catalog
    seller = catalog.seller_at.get(seller_id)
    if not inside(scope, seller_id):
        return [], []
    held = [] if seller is None else [Held(seller=seller_message(catalog.sellers[seller]))]
    for each in catalog.strategies:
        if each.seller_id == seller_id:
            held.append(Held(strategy=strategy_message(each)))
    for schedule in engine.state.bounds.schedules.values():
        if schedule.seller_id == seller_id:
            held.append(Held(fee_schedule=fee_schedule_message(schedule)))
    for rate in engine.state.bounds.rates.pairs.values():
        if rate.seller_id == seller_id:
            held.append(Held(exchange_rate=exchange_rate_message(rate)))
    if seller is None:
        return held, []
    listed = catalog.listings_of(seller)
    return held, listed[catalog.active[listed]].tolist()


def listings(engine: Engine, ids: list[int], scope: Scope) -> list[Held]:
    """Those of the listings that are still there."""
    catalog = engine.catalog
    present = [each for each in ids if catalog.find(each, scope)]
    return [Held(listing=listing_state_message(engine.state, each)) for each in present]
