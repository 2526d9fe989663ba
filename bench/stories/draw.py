"""A story as a picture: our price, the others, the bounds, who was featured, and what was sold."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.stories.play import Played, Story

mpl.use("Agg")
DPI = 80
OURS = ("#0b5fa5", "#2a8f5b")
OTHERS = ("#c0504d", "#e0a030", "#8c6bb1")
BOUND, BOX, UNITS = "#8c8c8c", "#dcebf7", "#b8b8b8"
EUR = 100


def draw(story: Story, played: Played, path: Path) -> None:
    """Writes the picture."""
    parts = 2 if story.sold is not None else 1
    figure = Figure(figsize=(9, 3.4 + 0.9 * (parts - 1)), layout="constrained")
    ratios = (4, 1)[:parts]
    axes = np.atleast_1d(figure.subplots(parts, 1, sharex=True, height_ratios=ratios))
    draw_prices(axes[0], story, played)
    if story.sold is not None:
        axes[1].bar(played.hours, played.units, width=-1, align="edge", color=UNITS)
        axes[1].set_ylabel("units\nan hour")
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    if story.hours >= 48:
        axes[-1].set_xticks(range(0, story.hours + 1, 12 if story.hours <= 72 else 24))
    axes[-1].set_xlim(0, story.hours)
    axes[-1].set_xlabel("hours")
    axes[0].set_title(story.title, loc="left", fontsize=10)
    figure.savefig(path, dpi=DPI)


def draw_prices(axes: Axes, story: Story, played: Played) -> None:
    """Prices and bounds; behind them, when we were featured among others."""
    hours = np.array(played.hours)
    contested = np.array([won and bool(rivals) for won, rivals in
                          zip(played.won, played.rivals, strict=True)])  # fmt: skip
    if contested.any() and len(story.listings) == 1:
        axes.fill_between(
            hours, 0, 1, where=contested, step="post", color=BOX, linewidth=0,
            transform=axes.get_xaxis_transform(), label="the Buy Box is ours",
        )  # fmt: skip
    for at, (name, prices) in enumerate(zip(story.labels, played.prices, strict=True)):
        axes.plot(hours, np.array(prices) / EUR, drawstyle="steps-post", color=OURS[at],
                  linewidth=2, label=name, zorder=3)  # fmt: skip
    names = dict.fromkeys(name for rivals in played.rivals for name in rivals)
    for at, name in enumerate(names):
        shown = [rivals.get(name, np.nan) for rivals in played.rivals]
        label = f"competitor {name}" if len(names) > 1 else "competitor"
        axes.plot(hours, np.array(shown) / EUR, drawstyle="steps-post", linewidth=1.2,
                  color=OTHERS[at], label=label)  # fmt: skip
    if len(story.listings) == 1:
        for bound in np.array(played.bounds).T / EUR:
            axes.plot(hours, bound, drawstyle="steps-post", color=BOUND, linestyle=":",
                      linewidth=1)  # fmt: skip
        axes.plot([], [], color=BOUND, linestyle=":", label="floor and ceiling")
    axes.set_ylabel(story.listings[0].currency)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
