"""What a listing of FOLLOW follows, in sentences for its seller."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from engine.following import sighting_of, sources_found
from engine.money import currency_code, format_minor
from engine.schema import SOURCES_LOST
from engine.state import State


def follow_sentences(state: State, listing_id: int) -> Iterator[str]:
    """The sources of the listing's strategy, since when they are too few, and exchange rates."""
    row = state.catalog.rows[listing_id]
    index = int(row["strategy"])
    definition = state.catalog.strategies[index]
    if not definition.has_sources:
        return
    found = sources_found(state, index, state.now_ms)
    count = len(definition.follow_sources)
    told = f"The prices of {found.known} of {count} sources are known"
    if found.minor > 0:
        currency = currency_code(int(state.catalog.records["currency"][listing_id]))
        yield f"{told}; together they cost {format_minor(found.minor, currency)} landed."
    else:
        since_s = state.following.short_ms.get(index, state.now_ms) // 1000
        wanted = definition.quorum or count
        yield f"{told}, and the strategy needs {wanted}, since {np.datetime64(since_s, 's')}Z."
    if row["reference_minor"] == SOURCES_LOST:
        yield "That is longer than the strategy waits, so the price does without them."
    pairs = {
        (definition.seller_id, currency_code(currency), definition.currency)
        for currency in {
            sighting_of(state.catalog, state.following, index, at).currency for at in range(count)
        }
        if currency
    }
    for rate in (state.bounds.rates.pairs.get(pair) for pair in sorted(pairs)):
        if rate is not None:
            yield f"{rate}."
