"""A small simulated marketplace that drives the rules of one listing, for tests.

`listing` holds one row of the table and hands it inputs; `marketplace` answers prices the way a
marketplace does: late, in any order, twice or never. Time is the simulation's own.
"""

from market.listing import Listing, Offer, Strategy, offer
from market.marketplace import Market, Marketplace

__all__ = ["Listing", "Market", "Marketplace", "Offer", "Strategy", "offer"]
