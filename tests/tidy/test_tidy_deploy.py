"""What deploy/ asks of the server exists, and every alert is tested."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from sources import ROOT, code_files, text_of

METRIC = re.compile(r"\b((?:repriced|grpc_server)_[a-z_]+)")
PARTS = re.compile(r"_(?:bucket|sum|count)$")
DASHBOARD = ROOT / "deploy/grafana/repriced.json"
RULES = ROOT / "deploy/prometheus/rules.yml"


@cache
def server_text() -> str:
    return "\n".join(text_of(path) or "" for path in code_files("server", suffixes={".py"}))


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return found


ASKED_FOR = DASHBOARD.read_text(encoding="utf-8") + RULES.read_text(encoding="utf-8")
METRICS = sorted({PARTS.sub("", name) for name in METRIC.findall(ASKED_FOR)})


@pytest.mark.parametrize("metric", METRICS)
def test_the_server_exports_it(metric: str) -> None:
    plain = metric.removeprefix("repriced_").removesuffix("_total")
    named = re.search(rf"[\"'](?:repriced_)?{plain}(?:_total)?[\"']", server_text())
    assert named is not None, f"no module of the server names {metric}"


def test_panels_have_their_own_place_and_id() -> None:
    ids = [panel["id"] for panel in panels()]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()]
    assert len(ids) == len(set(ids))
    assert len(places) == len(set(places))


def test_every_alert_has_a_test() -> None:
    alerts = set(re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8")))
    tests = RULES.with_name("rules_test.yml").read_text(encoding="utf-8")
    fired = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts", tests))
    silent = set(re.findall(r"alertname: (\w+)\}", tests))
    assert alerts == fired == silent
