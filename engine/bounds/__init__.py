"""Bounds computed from what a unit costs, what Amazon charges and what is to be earned.

    fees.py      what Amazon charges at a price: referral tiers, price bands, fixed fees
    goals.py     what is to be earned, and by how much a price earns more or less than that
    ceiling.py   computed ceilings
    proposed.py  what is proposed where a seller states no bounds
    rates.py     costs in other currencies
    solver.py    every price that earns it, as intervals; floors and ceilings from them

All of it is integer arithmetic at the door of the engine, not in the tick.
"""
