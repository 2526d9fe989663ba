"""`python -m bench.pictures`: the pictures of docs/performance.md, from bench/results, and those of
docs/strategies.md, from stories that the real engine plays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import matplotlib as mpl
from matplotlib.figure import Figure

from bench.instead import INSTEAD, OURS
from bench.report import LATEST, budget_of
from bench.stories.draw import draw
from bench.stories.play import play
from bench.stories.stories import STORIES

mpl.use("Agg")
FOLDER = Path("docs/pictures")
DPI = 80
OUR_COLOUR, OTHER_COLOUR, LINE_COLOUR = "#0b5fa5", "#b8b8b8", "#c0504d"


def draw_instead(found: dict[str, Any], path: Path) -> None:
    """Time and memory of each way, ours first."""
    ways = dict(sorted(found["ways"].items(), key=lambda item: item[1]["us_per_listing"]))
    colours = [OUR_COLOUR if name == OURS else OTHER_COLOUR for name in ways]
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    parts = figure.subplots(1, 2, sharey=True)
    told = (
        ("us_per_listing", f"microseconds a listing, {found['listings']} a call"),
        ("resident_mib", "memory of the server, MiB"),
    )
    for axes, (name, label) in zip(parts, told, strict=True):
        values = [each[name] for each in ways.values()]
        bars = axes.barh(list(ways), values, color=colours)
        axes.bar_label(bars, fmt="%g", padding=3)
        axes.set_xlabel(label)
        axes.margins(x=0.15)
        axes.invert_yaxis() if axes is parts[0] else None
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=DPI)


def draw_growth(latest: dict[str, Any], path: Path) -> None:
    """Cost of a listing over that at the smallest size."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    shown = ("held_growth", "call_growth")
    for axes, id in zip(figure.subplots(1, 2), shown, strict=True):
        conditions = latest[id]["conditions"]
        points = [(size(conditions["smallest"], id), 1.0, 1.0, 1.0)]
        points += [
            (size(name, id), each["ratio"], *each["spread"])
            for name, each in conditions["curve"].items()
        ]
        sizes, ratios, low, high = zip(*points, strict=True)
        axes.fill_between(sizes, low, high, color=OUR_COLOUR, alpha=0.15, linewidth=0)
        axes.plot(sizes, ratios, color=OUR_COLOUR, marker="o")
        axes.axhline(budget_of(id), color=LINE_COLOUR, linestyle=":")
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("listings held" if id == "held_growth" else "listings a call")
        axes.set_ylabel("cost of a listing, smallest = 1")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=DPI)


def size(name: str, id: str) -> int:
    """Which of the two numbers in "10000 held, 1000 a call" grows."""
    held, called = name.split(", ")
    return int((held if id == "held_growth" else called).split()[0])


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def main(folder: Path) -> None:
    """Draws the stories, then what has been measured, if anything has."""
    folder.mkdir(parents=True, exist_ok=True)
    for story in STORIES:
        draw(story, play(story), folder / f"strategy-{story.name}.png")
    if not (LATEST.exists() and INSTEAD.exists()):
        click.echo("nothing measured here yet; `make bench` and `bench.instead` do")
        return
    latest = json.loads(LATEST.read_text(encoding="utf-8"))
    instead = json.loads(INSTEAD.read_text(encoding="utf-8"))
    draw_instead(instead, folder / "performance-instead.png")
    draw_growth(latest, folder / "performance-growth.png")


if __name__ == "__main__":
    main()
