"""The frozen set in polars: one lazy query, which polars optimises and runs on every core.

Offers stand as ten groups of columns of one row a listing: minima along a row are cheaper than
grouping a long table. Price and class share one key, so that one minimum finds both.
"""

from __future__ import annotations

import polars as pl

from bench.frozen import Answers, Frozen
from bench.ticks import OFFERS_EACH
from engine.schema import CONDITION_BITS, CONDITION_MASK, CONDITION_SHIFT, OfferBit

NONE = pl.lit(2**62, pl.Int64)
LISTING_FIELDS = (
    "floor_minor", "ceiling_minor", "price_minor", "competitive_minor", "landed_offset_minor",
    "points_bp", "strategy",
)  # fmt: skip
STRATEGY_FIELDS = (
    "step_minor", "max_probe_ppm", "step_limit_minor", "step_limit_ppm",
    "respect_unfiltered_winner", "any_condition", "forbidden_bits", "min_rating_bp",
    "min_rating_count", "max_handling_hours",
)  # fmt: skip
OFFER_FIELDS = ("landed_minor", "bits", "rating_bp", "rating_count", "handling_hours")


def prepare(frozen: Frozen) -> pl.LazyFrame:
    """The query over the columns; strategies are joined when it runs."""
    listings = pl.DataFrame({name: frozen.rows[name].copy() for name in LISTING_FIELDS})
    conditions = (frozen.rows["flags"] & CONDITION_BITS).astype("uint32")
    listings = listings.with_columns(pl.Series("condition", conditions))
    for name in OFFER_FIELDS:
        matrix = getattr(frozen.offers, name).reshape(-1, OFFERS_EACH)
        listings = listings.with_columns(
            pl.Series(f"{name}_{at}", matrix[:, at].copy()) for at in range(OFFERS_EACH)
        )
    strategies = pl.DataFrame(
        {name: frozen.strategies[name].copy() for name in STRATEGY_FIELDS}
        | {
            f"{name}_{kind}": frozen.strategies[name][:, kind].copy()
            for name in ("offset_minor", "offset_ppm")
            for kind in range(4)
        }
    ).with_row_index("strategy")
    strategies = strategies.with_columns(pl.col("strategy").cast(pl.UInt16))
    return query(listings.lazy(), strategies.lazy())


def evaluate(prepared: pl.LazyFrame) -> Answers:
    """Item prices and reference prices."""
    found = prepared.collect()
    return Answers(found["price"].to_numpy(), found["reference"].to_numpy())


def query(listings: pl.LazyFrame, strategies: pl.LazyFrame) -> pl.LazyFrame:
    """Filter, reference price, MATCH or alone, clamp and step limit."""
    c = pl.col
    joined = listings.join(strategies, on="strategy", how="left", maintain_order="left")
    found = joined.with_columns(forbidden=forbidden()).with_columns(
        key=pl.min_horizontal(key(at) for at in range(OFFERS_EACH)),
        unfiltered=pl.min_horizontal(unfiltered(at) for at in range(OFFERS_EACH)),
        featured=pl.any_horizontal(
            has(at, OfferBit.WINNER) & (passes(at) | has(at, OfferBit.OWN_ACCOUNT))
            for at in range(OFFERS_EACH)
        ),
    )
    best = pl.when(c("key") == NONE).then(pl.lit(0, pl.Int64)).otherwise(c("key") // 4)
    found = found.with_columns(best=best, kind=c("key") % 4)
    respected = (c("respect_unfiltered_winner") != 0) & ~c("featured") & (c("unfiltered") != NONE)
    target = pl.when(c("best") > 0).then(item_for(with_offset())).otherwise(alone_target())
    return found.with_columns(
        reference=pl.when(respected).then("unfiltered").otherwise("best"),
        target=clamp(target),
        base=clamp(c("price_minor")),
    ).select("reference", price=limited())


def forbidden() -> pl.Expr:
    """Attributes that the filter and the listing's condition forbid."""
    c = pl.col
    bits = pl.lit(0, pl.UInt32)
    for condition in range(1, 6):
        others = CONDITION_MASK & ~(1 << CONDITION_SHIFT + condition)
        bits = pl.when(c("condition") == condition).then(pl.lit(others, pl.UInt32)).otherwise(bits)
    wanted = pl.when(c("any_condition") == 0).then(bits).otherwise(pl.lit(0, pl.UInt32))
    return c("forbidden_bits") | wanted


def has(at: int, bits: int) -> pl.Expr:
    """Whether an offer has one of the attributes."""
    return (pl.col(f"bits_{at}") & pl.lit(int(bits), pl.UInt32)) != 0


def passes(at: int) -> pl.Expr:
    """Whether an offer counts."""
    c = pl.col
    hindered = c("forbidden") | pl.lit(int(OfferBit.OWN_ACCOUNT), pl.UInt32)
    return (
        ((c(f"bits_{at}") & hindered) == 0)
        & (c(f"rating_bp_{at}") >= c("min_rating_bp"))
        & (c(f"rating_count_{at}") >= c("min_rating_count"))
        & (c(f"handling_hours_{at}") <= c("max_handling_hours"))
    )


def key(at: int) -> pl.Expr:
    """Price and class of an offer that counts."""
    fulfilled = has(at, OfferBit.FULFILLED_BY_AMAZON | OfferBit.PRIME)
    kind = pl.when(fulfilled).then(pl.lit(1, pl.Int64)).otherwise(pl.lit(2, pl.Int64))
    kind = pl.when(has(at, OfferBit.AMAZON)).then(pl.lit(3, pl.Int64)).otherwise(kind)
    return pl.when(passes(at)).then(pl.col(f"landed_minor_{at}") * 4 + kind).otherwise(NONE)


def unfiltered(at: int) -> pl.Expr:
    """Price of a filtered-out offer that holds the Buy Box."""
    counts = has(at, OfferBit.WINNER) & ~passes(at) & ~has(at, OfferBit.OWN_ACCOUNT)
    return pl.when(counts).then(pl.col(f"landed_minor_{at}")).otherwise(NONE)


def by_kind(name: str) -> pl.Expr:
    """A strategy's offset for the class of the lowest price."""
    c = pl.col
    chosen = pl.when(c("kind") == 1).then(f"{name}_1").when(c("kind") == 2).then(f"{name}_2")
    return chosen.otherwise(f"{name}_3").cast(pl.Int64)


def with_offset() -> pl.Expr:
    """Landed target: a share rounded up above and down below, and an amount."""
    best, ppm = pl.col("best"), by_kind("offset_ppm")
    up = -(-best * ppm // 1_000_000)
    return (
        best
        + by_kind("offset_minor")
        + pl.when(ppm > 0).then(up).otherwise(best * ppm // 1_000_000)
    )


def item_for(landed: pl.Expr) -> pl.Expr:
    """Highest item price that lands there."""
    points = pl.col("points_bp").cast(pl.Int64)
    return (landed - pl.col("landed_offset_minor")) * 10_000 // (10_000 - points)


def clamp(item: pl.Expr) -> pl.Expr:
    """Into the bounds; the floor wins."""
    return pl.max_horizontal("floor_minor", pl.min_horizontal(item, "ceiling_minor"))


def alone_target() -> pl.Expr:
    """Halfway up to the highest price without a competitor."""
    c = pl.col
    known = pl.min_horizontal("ceiling_minor", item_for(c("competitive_minor")))
    cap = clamp(pl.when(c("competitive_minor") > 0).then(known).otherwise("ceiling_minor"))
    present = c("price_minor")
    half = (cap - present) // 2
    most = present * c("max_probe_ppm").cast(pl.Int64) // 1_000_000
    up = pl.when(c("max_probe_ppm") > 0).then(pl.min_horizontal(half, most)).otherwise(half)
    raised = pl.min_horizontal(cap, present + pl.max_horizontal("step_minor", up))
    return pl.when((present > 0) & (present < cap)).then(raised).otherwise(cap)


def limited() -> pl.Expr:
    """The target, no farther from the present price than the strategy allows."""
    c = pl.col
    share = c("base") * c("step_limit_ppm").cast(pl.Int64) // 1_000_000
    limit = (
        pl.when(c("step_limit_ppm") > 0)
        .then(pl.max_horizontal(pl.lit(1, pl.Int64), share))
        .otherwise("step_limit_minor")
    )
    near = pl.max_horizontal(c("base") - limit, pl.min_horizontal(c("target"), c("base") + limit))
    free = (c("price_minor") == 0) | (limit == 0)
    return pl.when(free).then("target").otherwise(clamp(near))
