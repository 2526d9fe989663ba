"""Taking a seller out of the catalogue so that nothing of it is left but places that stay empty."""

from __future__ import annotations

from engine.catalog import Catalog
from engine.schema import StrategyKind
from engine.strategies import StrategyDefinition

ERASED_STRATEGY = StrategyDefinition("", "erased", "EUR", StrategyKind.BUY_BOX)


def erase_seller(catalog: Catalog, seller: int) -> list[int]:
    """Empties rows, strategies and name of a seller whose listings are all deleted; the strategies.

    Ids and indexes are never used again, so what stood there cannot be mistaken for another's.
    """
    for listing_id in catalog.listings_of(seller).tolist():
        catalog.rows[listing_id] = 0
        catalog.grids[listing_id] = 0
        catalog.records[listing_id] = 0
        catalog.definition_hashes[listing_id] = 0
        catalog.skus[listing_id] = catalog.asins[listing_id] = ""
    name = catalog.sellers[seller].seller_id
    mine = {key: index for key, index in catalog.strategy_at.items() if key[0] == name}
    for key, index in mine.items():
        del catalog.strategy_at[key]
        catalog.strategies[index] = ERASED_STRATEGY
    catalog.recompile()
    catalog.forget_seller(seller)
    return list(mine.values())
