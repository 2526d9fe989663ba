"""What one would write instead: every way answers the same prices, and all of it can be drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bench import callers, instead, pictures, requests
from bench.instead import OURS, PRICERS, compare
from bench.report import OVER_SMALLEST


def test_all_ways_over_grpc() -> None:
    found = compare(30, 2)
    assert found.keys() == {OURS, *PRICERS}
    assert found[OURS]["times_ours"] == 1
    assert all(each["us_per_listing"] > 0 and each["resident_mib"] > 10 for each in found.values())


@pytest.mark.parametrize("name", [name for name in PRICERS if name != "Python loop"])
def test_each_way_prices_like_the_loop(name: str) -> None:
    snapshots = list(requests.reference_request(range(400)).snapshots)
    base = np.array([requests.base_minor(at) for at in range(400)])
    floors, ceilings = base, base * 11 // 10
    wanted = PRICERS["Python loop"](snapshots, floors, ceilings)
    assert len(set(wanted)) > 200
    assert list(PRICERS[name](snapshots, floors, ceilings)) == wanted


def test_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curve = {"100 held, 10 a call": {"ratio": 1.2, "spread": [1.0, 1.4]}}
    growth: dict[str, Any] = {
        "ratio": 1.2, "spread": [1.0, 1.4], "unit": OVER_SMALLEST,
        "conditions": {"smallest": "10 held, 1 a call", "curve": curve},
    }  # fmt: skip
    latest = {"held_growth": growth, "call_growth": growth}
    way = {"us_per_listing": 3.0, "resident_mib": 90}
    paths = {name: tmp_path / f"{name}.json" for name in ("LATEST", "INSTEAD", "CALLERS")}
    paths["LATEST"].write_text(json.dumps(latest), encoding="utf-8")
    paths["INSTEAD"].write_text(
        json.dumps({"listings": 10, "ways": {OURS: way, "numpy": way}}), encoding="utf-8"
    )
    paths["CALLERS"].write_text(
        json.dumps({"curve": callers.curve((1, 2), 4, 2)}), encoding="utf-8"
    )
    for name, path in paths.items():
        monkeypatch.setattr(pictures, name, path)
    done = CliRunner().invoke(pictures.main, ["--folder", str(tmp_path / "drawn")])
    assert done.exit_code == 0, done.output
    drawn = list((tmp_path / "drawn").glob("*.png"))
    assert len([path for path in drawn if path.name.startswith("performance-")]) == 3
    assert all(path.stat().st_size < 100_000 for path in drawn)


def test_the_command_says_what_it_compares() -> None:
    told = CliRunner().invoke(instead.main, ["--help"])
    assert "rule engine" in told.output
