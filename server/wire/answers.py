"""Results of the engine to answers: decisions, row errors and the counts of each call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from engine.catalog import Catalog
from engine.errors import RowProblem
from engine.money import currency_code
from engine.results import CountResult, EvaluateResult, TickResult, UpsertResult
from engine.schema import DECISION_VALID_MS, NO_INDEX, DecisionStatus, InputKind
from engine.scope import Scope, inside
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from server.wire.definitions import key_message

STORED = [
    "decision_id",
    "price_minor",
    "previous_minor",
    "reference_minor",
    "decided_ms",
    "listing_id",
    "index",
    "bounds_version",
    "currency",
    "reason",
    "state",
    "status",
]


def decision_of(stored: tuple[Any, ...]) -> types_pb2.Decision:
    """Message of the STORED fields of a decision."""
    number, price, previous, reference, decided_ms, listing, index, bounds, *codes = stored
    currency, reason, state, status = codes
    return types_pb2.Decision(
        decision_id=number,
        listing_id=listing,
        index=None if index == NO_INDEX else index,
        price_minor=price,
        previous_price_minor=previous,
        currency=currency_code(currency),
        reason=reason,
        state=state,
        reference_price_minor=reference,
        decided_ms=decided_ms,
        valid_until_ms=decided_ms + DECISION_VALID_MS,
        bounds_version=bounds,
        status=status,
    )


def decision_message(catalog: Catalog, record: np.void, with_key: bool) -> types_pb2.Decision:
    """Message of one `schema.DECISION` record, with the listing's key where asked."""
    stored: Any = record[STORED].item()
    message = decision_of(stored)
    if with_key:
        message.key.CopyFrom(key_message(catalog.key_of(message.listing_id)))
    add_quantity_prices(catalog, message)
    return message


def add_quantity_prices(catalog: Catalog, decision: types_pb2.Decision) -> None:
    """What goes out with the price of a B2B listing."""
    for quantity, price in catalog.tier_prices(decision.listing_id, decision.price_minor):
        decision.quantity_prices.add(quantity=quantity, price_minor=price)


def decision_messages(records: NDArray[np.void]) -> list[types_pb2.Decision]:
    """Messages of `schema.DECISION` records, without keys."""
    if len(records) == 0:
        return []
    return [decision_of(stored) for stored in records[STORED].tolist()]


def withdrawal_message(catalog: Catalog, record: np.void) -> types_pb2.Withdrawal:
    """Message of a `schema.DECISION` record that is a withdrawal."""
    listing_id = int(record["listing_id"])
    reason: Any = int(record["reason"])
    return types_pb2.Withdrawal(
        withdrawal_id=int(record["decision_id"]),
        decision_id=int(record["withdraws"]),
        listing_id=listing_id,
        key=key_message(catalog.key_of(listing_id)),
        reason=reason,
        withdrawn_ms=int(record["decided_ms"]),
    )


def watch_message(
    catalog: Catalog, records: NDArray[np.void], cursor: int, seller_id: str, scope: Scope
) -> pricing_pb2.WatchDecisionsResponse:
    """Answer of WatchDecisions: records (`schema.DECISION`) of a seller or of all inside the
    scope, and the cursor behind them."""
    message = pricing_pb2.WatchDecisionsResponse(cursor=cursor)
    for record in records:
        owner = catalog.seller_of(int(record["listing_id"]))
        if seller_id not in ("", owner) or not inside(scope, owner):
            continue
        if record["status"] == DecisionStatus.WITHDRAWAL:
            message.withdrawals.append(withdrawal_message(catalog, record))
        elif record["status"] == DecisionStatus.EMITTED:
            message.decisions.append(decision_message(catalog, record, True))
        else:
            message.set_aside.append(decision_message(catalog, record, True))
    return message


def row_errors(problems: Iterable[RowProblem]) -> list[types_pb2.RowError]:
    """Rows that were not applied, in the order of the request."""
    ordered = sorted(problems, key=lambda problem: problem.index)
    return [
        types_pb2.RowError(
            index=each.index, field=each.field, reason=each.reason, message=each.message
        )
        for each in ordered
    ]


def row_warnings(problems: Iterable[RowProblem]) -> list[types_pb2.RowWarning]:
    """Rows that were applied although something is odd, in the order of the request."""
    ordered = sorted(problems, key=lambda problem: problem.index)
    return [
        types_pb2.RowWarning(
            index=each.index, field=each.field, reason=each.reason, message=each.message
        )
        for each in ordered
    ]


def ignored_rows(result: TickResult) -> list[types_pb2.IgnoredRow]:
    """Rows that changed nothing for any listing, in the order of the request."""
    codes: Any = sorted(result.ignored_rows.items())
    return [types_pb2.IgnoredRow(index=index, reason=reason) for index, reason in codes]


def reprice_answer(result: TickResult, mode: Any) -> Message:
    """Answer to Reprice."""
    return pricing_pb2.RepriceResponse(
        decisions=decision_messages(result.decisions),
        set_aside=decision_messages(result.set_aside),
        errors=row_errors(result.problems),
        evaluated_count=result.evaluated,
        ignored_count=result.ignored,
        ignored=ignored_rows(result),
        sequence=result.sequence,
        journal_mode=mode,
    )


def feedback_answer(result: TickResult, mode: Any) -> Message:
    """Answer to ReportFeedback; what changed nothing is ignored, the rest applied."""
    return pricing_pb2.ReportFeedbackResponse(
        decisions=decision_messages(result.decisions),
        set_aside=decision_messages(result.set_aside),
        errors=row_errors(result.problems),
        applied_count=result.evaluated - result.ignored,
        ignored_count=result.ignored,
        ignored=ignored_rows(result),
        sequence=result.sequence,
        journal_mode=mode,
    )


def stock_answer(result: TickResult, mode: Any) -> Message:
    """Answer to ReportStock; a level that only confirms what is known is applied too."""
    return pricing_pb2.ReportStockResponse(
        decisions=decision_messages(result.decisions),
        set_aside=decision_messages(result.set_aside),
        ignored=ignored_rows(result),
        errors=row_errors(result.problems),
        applied_count=result.evaluated,
        sequence=result.sequence,
        journal_mode=mode,
    )


def sales_answer(result: TickResult, mode: Any) -> Message:
    """Answer to ReportSales."""
    return pricing_pb2.ReportSalesResponse(
        decisions=decision_messages(result.decisions),
        set_aside=decision_messages(result.set_aside),
        errors=row_errors(result.problems),
        applied_count=result.evaluated,
        sequence=result.sequence,
        journal_mode=mode,
    )


def listings_answer(result: UpsertResult, mode: Any) -> Message:
    """Answer to BatchUpsertListings."""
    upserted = [
        catalog_pb2.UpsertedListing(index=index, listing_id=listing_id, created=created)
        for index, listing_id, created in result.upserted
    ]
    return catalog_pb2.BatchUpsertListingsResponse(
        upserted=upserted,
        errors=row_errors(result.problems),
        warnings=row_warnings(result.warnings),
        decisions=decision_messages(result.decisions),
        set_aside=decision_messages(result.set_aside),
        journal_mode=mode,
    )


def count_answer(message_type: Any, field: str) -> Callable[[CountResult, Any], Message]:
    """Encoder of the answers that say how many rows were done, and what was decided with it."""
    fields = message_type.DESCRIPTOR.fields_by_name

    def answer(result: CountResult, mode: Any) -> Message:
        message: Message = message_type(
            errors=row_errors(result.problems),
            journal_mode=mode,
            **{field: result.count},
        )
        filled: Any = message
        if "decisions" in fields:
            filled.decisions.extend(decision_messages(result.decisions))
        if "warnings" in fields:
            filled.warnings.extend(row_warnings(result.warnings))
        return message

    return answer


ANSWERS: dict[InputKind, Callable[[Any, Any], Message]] = {
    InputKind.REPRICE: reprice_answer,
    InputKind.REPRICE_PART: reprice_answer,
    InputKind.FEEDBACK: feedback_answer,
    InputKind.STOCK: stock_answer,
    InputKind.SALES: sales_answer,
    InputKind.LISTINGS: listings_answer,
    InputKind.SELLERS: count_answer(catalog_pb2.BatchUpsertSellersResponse, "upserted_count"),
    InputKind.STRATEGIES: count_answer(catalog_pb2.BatchUpsertStrategiesResponse, "upserted_count"),
    InputKind.FEE_SCHEDULES: count_answer(
        fees_pb2.BatchUpsertFeeSchedulesResponse, "upserted_count"
    ),
    InputKind.FEE_PREVIEWS: count_answer(fees_pb2.ReportFeePreviewsResponse, "checked_count"),
    InputKind.EXCHANGE_RATES: count_answer(
        fees_pb2.BatchUpsertExchangeRatesResponse, "upserted_count"
    ),
    InputKind.DELETE: count_answer(catalog_pb2.BatchDeleteListingsResponse, "deleted_count"),
    InputKind.PAUSE: count_answer(pricing_pb2.PauseRepricingResponse, "paused_count"),
    InputKind.ERASE: count_answer(catalog_pb2.EraseSellerResponse, "erased_listings_count"),
    InputKind.RESUME: count_answer(pricing_pb2.ResumeRepricingResponse, "resumed_count"),
    InputKind.STOP: count_answer(pricing_pb2.StopRepricingResponse, "stopped_count"),
    InputKind.RESTART: count_answer(pricing_pb2.RestartRepricingResponse, "restarted_count"),
    InputKind.RELEASE: count_answer(pricing_pb2.ReleaseHeldResponse, "released_count"),
    InputKind.DISCARD: count_answer(pricing_pb2.DiscardHeldResponse, "discarded_count"),
    InputKind.RESTORE: count_answer(pricing_pb2.RestorePricesResponse, "restored_count"),
}
"""Answer to each kind of input, from its result and `schema.JournalMode`."""


def evaluate_answer(result: EvaluateResult) -> pricing_pb2.EvaluatePriceResponse:
    """Answer to EvaluatePrice."""
    message = pricing_pb2.EvaluatePriceResponse(errors=row_errors(result.problems))
    for each in result.prices:
        codes: dict[str, Any] = {"reason": each.reason, "state": each.state}
        message.prices.add(
            index=each.index,
            listing_id=each.listing_id,
            price_minor=each.price_minor,
            changed=each.changed,
            **codes,
        )
    return message
