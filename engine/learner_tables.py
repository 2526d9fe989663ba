"""What one Buy Box draw says about a threshold: the constants of the learner.

A hypothesis is a kind of market and a cell: the premium, in the middle of the cell, at which our
chance of the Buy Box is even. In a SHARP market the chance falls from nearly one to nearly none
within a cell, in a SOFT one (noise, two kinds of buyers) over several. Both are logistic with
scales of 0.2 and 1 cell, between 1 and 99 %: one draw in fifty says nothing about the price.
Tables are indexed by the distance of a price above a threshold in half cells, from -15 to 15;
beyond these the ends hold. `_learner.pxd` has the same numbers, and a test holds them equal.
"""

from __future__ import annotations

CELL_PPM = 9_000
STEP_PPM = CELL_PPM // 2
LOWEST_PPM = -90_000
STEPS = 56
"""Prices looked at: premiums from LOWEST_PPM in half cells, up to 157,500 ppm."""
RULED_OUT = 15
"""A hypothesis this many bits less likely than the best one has no weight."""
WHOLE = 1024
"""A chance of one."""
REACH = 15
PRIOR_CELL, PRIOR_SHIFT = 11, 2
"""Before the first draw, a threshold one per cent above the reference price is likeliest, and one
four cells away half as likely."""
HORIZON = 48
"""What a higher price would add counts for two days, what trying it may cost for an hour."""
DRAW, ANSWER, ANSWERS, LEADING, TOPPED = 3, 4, 12, 16, 32
"""Bits of the byte of the last draw: a `LastDraw`, a count of answers (`reference_followers`),
whether the price on trial leads, and whether leading found the top."""
AGES = 7
"""Evidence loses a bit each seventh of the strategy's `evidence_max_age`."""
KINDS = 2

WINS = (
    (1014,) * 12 + (1013, 1007, 938, 512, 86, 17, 11) + (10,) * 12,
    (1013, 1013, 1012, 1011, 1010, 1007, 1003, 996, 984, 966, 938, 894, 831, 744, 635, 512,
     389, 280, 193, 130, 86, 58, 40, 28, 21, 17, 14, 13, 12, 11, 11),
)  # fmt: skip
"""Chance to win, in parts of WHOLE, by kind and distance."""

BITS_IF_LOST = (
    (7,) * 13 + (6, 4, 1) + (0,) * 15,
    (7, 7, 6, 6, 6, 6, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 1) + (0,) * 14,
)
"""Bits by which a lost draw makes a hypothesis less likely."""

BITS_IF_WON = tuple(tuple(reversed(each)) for each in BITS_IF_LOST)
