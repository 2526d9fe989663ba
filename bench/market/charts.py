"""Pictures: one of a sample listing for each regime, and one of all regimes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.market.chance import TICKS_A_DAY
from bench.market.observers import LOOK_EVERY, Trace
from bench.market.regimes import REGIMES
from bench.market.runs import POLICIES, Run

mpl.use("Agg")
COLOURS = dict(zip(POLICIES, ("#0b5fa5", "#c0504d", "#e0a030", "#6a9a3c", "#8c8c8c"), strict=True))
DPI = 90


def draw_listing(run: Run, path: Path) -> None:
    """Price, reference, hidden thresholds, competitive price and Buy Box of the sample listing."""
    trace = run.trace
    assert trace is not None
    days = LOOK_EVERY * np.arange(len(trace.price)) / TICKS_A_DAY
    figure = Figure(figsize=(11, 5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(5, 1))
    draw_prices(above, days, trace)
    above.set_title(f"{run.regime}: a sample listing under the engine")
    below.fill_between(days, trace.won, step="post", color=COLOURS["engine"], linewidth=0)
    below.set_ylim(0, 1)
    below.set_ylabel("Buy Box")
    below.set_xlabel("days")
    figure.savefig(path, dpi=DPI)


def draw_prices(axes: mpl.axes.Axes, days: np.ndarray, trace: Trace) -> None:
    """The lines of the upper part; what lies far above every price is left out."""
    price = np.where(np.array(trace.price) > 0, trace.price, np.nan) / 100
    top = np.nanmax(price) * 1.08
    prime, others = np.array(trace.thresholds).T / 100

    def line(values: Sequence[float], **style: object) -> None:
        shown = np.where(np.asarray(values) <= top, values, np.nan)
        axes.plot(days, shown, drawstyle="steps-post", **style)

    line(prime, color="#2a8f5b", linewidth=1, label="threshold, Prime")
    line(others, color="#8fcbaa", linewidth=1, label="threshold, others")
    line(np.array(trace.cap) / 100, color="#c0504d", linestyle=":", label="competitive price")
    line(np.array(trace.reference) / 100, color="#8c8c8c", linewidth=1, label="reference")
    line(np.array(trace.best) / 100, color="#e0a030", linewidth=1, linestyle="--", label="oracle")
    line(price, color=COLOURS["engine"], linewidth=1.6, label="our price")
    axes.set_ylabel("EUR, our item price")
    axes.legend(loc="upper right", fontsize=8, ncols=3)
    axes.grid(alpha=0.25)


def draw_all(found: dict[str, Any], path: Path) -> None:
    """Shares of every policy in every regime with intervals, as in market.json, and budgets."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(POLICIES)
    for at, name in enumerate(POLICIES):
        places = np.arange(len(found)) + (at - 2) * width
        means = np.array([each[name]["share"] for each in found.values()])
        low, high = np.array([each[name]["interval"] for each in found.values()]).T
        ends = np.array([means - low, high - means])
        axes.bar(places, means, width, color=COLOURS[name], label=name)
        axes.errorbar(places, means, ends, fmt="none", ecolor="black", elinewidth=0.6)
    for at, name in enumerate(found):
        budget = REGIMES[name].budget
        if budget is not None:
            axes.hlines(budget, at - 0.45, at + 0.45, color="black", linewidth=1.2)
    axes.set_xticks(range(len(found)), list(found), rotation=30, ha="right")
    axes.set_ylabel("profit over the oracle's (bot regimes: undercut's)")
    axes.set_title("Profit by regime; black lines are budgets")
    axes.legend(ncols=len(POLICIES), fontsize=8)
    axes.grid(axis="y", alpha=0.25)
    figure.savefig(path, dpi=DPI)
