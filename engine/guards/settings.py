"""Thresholds of the guards. Every one of them is part of the state: they enter with the journal."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """Rates in basis points, times in seconds; the defaults are those of the documentation.

    The breaker trips where, of at least `breaker_listings` listings of a seller in a marketplace,
    the share given here fell, and by the depth given here on average.
    """

    breaker_listings: int = 20
    breaker_share_bp: int = 5_000
    breaker_depth_bp: int = 2_500
    """Depth in ten minutes."""
    breaker_day_depth_bp: int = 4_000
    """Depth in a day."""
    spiral_moves: int = 6
    spiral_distance_bp: int = 500
    spiral_answer_s: int = 4 * 3_600
    """An answer that comes later is none."""
    floors_lowered_bp: int = 1_000
    floors_lowered: int = 20
    """Lowered floors in a day are held from this number on, where they are also more than
    `floors_lowered_bp` of the seller's listings."""
