"""A real server and the command line against it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cli_runner import MEMORY, Run, runner_for

from server.app import App
from server.config import LimitsConfig

CSV = """\
seller_id,marketplace_id,sku,audience,asin,condition,fulfilment,currency,floor,ceiling,shipping,\
points,points_basis_points,strategy_id,price,map,cost,cost_currency,fee_schedule_id,\
vat_basis_points,margin_basis_points
A1SHOP,A1PA6795UKMFR9,MUG-01,B2C,B000000001,NEW,AMAZON,EUR,8.00,15.00,,,,,9.99,9.50,4.20,,,,
A1SHOP,A1PA6795UKMFR9,MUG-02,B2B,B000000002,USED,MERCHANT,EUR,7.50,12.00,1.95,,,,,,,,,,
A1SHOP,A1VC38T7YXB528,MUG-03,B2C,B000000003,NEW,AMAZON,JPY,800,1500,,15,,,1200,,,,,,
A1SHOP,A1VC38T7YXB528,MUG-04,B2C,B000000004,NEW,AMAZON,JPY,800,1500,,,100,,1100,,,,,,
"""


@pytest.fixture
def start() -> Iterator[Callable[[LimitsConfig], App]]:
    """Starts servers with the given limits and stops them at the end."""
    apps: list[App] = []

    def begin(limits: LimitsConfig) -> App:
        apps.append(App(replace(MEMORY, limits=limits)))
        apps[-1].start()
        return apps[-1]

    yield begin
    for app in apps:
        app.stop()


@pytest.fixture
def app(start: Callable[[LimitsConfig], App]) -> App:
    return start(LimitsConfig())


@pytest.fixture
def repriced(app: App) -> Run:
    """Runs a command against the server."""
    return runner_for(app)


@pytest.fixture(scope="module")
def shared() -> Iterator[Run]:
    """Runs a command against one server for all tests of a module, whatever it holds by then."""
    app = App(MEMORY)
    app.start()
    yield runner_for(app)
    app.stop()


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A good CSV file of four listings."""
    path = tmp_path / "catalogue.csv"
    path.write_text(CSV, encoding="utf-8")
    return path
