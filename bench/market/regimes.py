"""The regimes by name: what makes one market differ from another.

Prices and thresholds are shares of an ASIN's base price, so 0.01 is one per cent of it.
"""

from __future__ import annotations

from dataclasses import dataclass

ORACLE, UNDERCUT = "oracle", "undercut"


@dataclass(frozen=True, slots=True)
class Regime:
    """One kind of market. A rate of zero means never.

    `noise` is the scale of the logit: how far apart two offers lie when chance decides between
    them. `stickiness` is how much dearer an incumbent may be. Within `band` of the best offer the
    Buy Box rotates evenly. `move_hours`, `churn_days`, `stockout_days` are mean times between
    events of one competitor. `cap` is the range of the hidden competitive price.
    """

    name: str
    budget: float | None
    against: str = ORACLE
    noise: float = 0.002
    stickiness: float = 0.0
    band: float = 0.0
    move_hours: float = 24.0
    move_spread: float = 0.015
    drift_a_day: float = 0.0
    quality_drift_a_day: float = 0.0
    churn_days: float = 10.0
    stockout_days: float = 0.0
    own_stockout_days: float = 0.0
    cap: tuple[float, float] = (1.25, 1.4)
    cap_move_days: float = 0.0
    lost: float = 0.03
    repeated: float = 0.03
    late: float = 0.3
    poll_minutes: int = 30
    flags_absent: float = 0.0
    amazon_enters: bool = False
    night: bool = False
    bots: tuple[str, ...] = ()


def bot_regime(name: str, *bots: str, budget: float | None = 1.3, night: bool = False) -> Regime:
    """A regime judged against the undercut policy."""
    return Regime(name, budget, against=UNDERCUT, bots=bots, night=night)


REGIMES = {
    each.name: each
    for each in (
        Regime("still", 0.97, move_hours=0, churn_days=0),
        Regime("noisy", 0.97, noise=0.01),
        Regime("sharp", 0.97, noise=0.0002),
        Regime("sticky", 0.95, stickiness=0.03),
        Regime("drift", 0.95, move_hours=3, drift_a_day=0.02, quality_drift_a_day=0.005),
        Regime("rotation", 0.95, noise=0.0002, band=0.02),
        Regime("sparse_feedback", 0.95, lost=0.7, late=0.6, poll_minutes=360, flags_absent=0.3),
        Regime("suppression", 0.93, cap=(0.94, 1.06), cap_move_days=2),
        Regime("amazon_enters", 0.93, amazon_enters=True),
        Regime("stockouts", 0.93, churn_days=5, stockout_days=1.5, own_stockout_days=4),
        bot_regime("undercut_bot", "undercut"),
        bot_regime("ratio_bot", "ratio"),
        bot_regime("matcher_bot", "matcher"),
        bot_regime("bots_vs_bots", "undercut", "ratio", "matcher"),
        bot_regime("night", "undercut", budget=None, night=True),
    )
}
