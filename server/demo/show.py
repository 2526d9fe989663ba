"""What the demo prints: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from engine.money import format_minor
from server.cli.explain import explanation_lines

if TYPE_CHECKING:
    from server.demo.market import Marketplace
    from server.demo.play import Tally

SHOWN = 8
PLAIN_EVERY = 5
METRICS = (
    "repriced_ticks_total",
    "repriced_listings_evaluated_total",
    "repriced_offers_read_total",
    'repriced_buybox_listings{state="HOLDING"}',
    'repriced_buybox_listings{state="PROBING"}',
    'repriced_buybox_listings{state="AWAITING"}',
    'repriced_feedback_total{kind="WON"}',
    'repriced_feedback_total{kind="LOST"}',
    'repriced_guard_trips_total{guard="bounds"}',
    'grpc_server_handled_total{grpc_code="OK",grpc_method="IngestNotifications",'
    'grpc_service="repriced.v1.IngestionService"}',
)


class Board:
    """The demo's screen."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._live: Live | None = None
        self._rounds = 0

    def line(self, text: str) -> None:
        """One plain line, however long."""
        self.console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def live(self) -> Iterator[None]:
        """A table that renews itself, where there is a terminal."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False) as self._live:
            yield
        self._live = None

    def show(self, market: Marketplace, tally: Tally) -> None:
        """The state after a round."""
        self._rounds += 1
        text = (
            f"round {market.round}: Buy Box {market.share():.0%}, {tally.sent} messages,"
            f" {tally.decisions} price changes"
        )
        if self._live is not None:
            self._live.update(stall_table(market, text), refresh=True)
        elif self._rounds % PLAIN_EVERY == 1:
            self.line(text)

    def result(self, tally: Tally, before: float, after: float, rate: float) -> None:
        """Share before and after, changes by reason, messages by fate, speed."""
        self.line(f"\nBuy Box share: {before:.1%} before, {after:.1%} after")
        reasons = ", ".join(f"{count} {name}" for name, count in tally.reasons.most_common())
        self.line(f"{tally.decisions} price changes: {reasons}")
        others = ", ".join(f"{count} {name}" for name, count in tally.unapplied.most_common())
        self.line(f"{tally.sent} messages: {tally.applied} applied; reported: {others or 'none'}")
        self.line(
            f"{rate:,.0f} listings a second through Reprice, client and server in one process"
        )

    def metrics(self, metrics: dict[str, float]) -> None:
        """Selected lines of /metrics."""
        self.line("\n/metrics:")
        for name in METRICS:
            self.line(f"  {name} {metrics[name]:.0f}")

    def explanation(self, answer: Any) -> None:
        """One listing explained."""
        self.line("\nOne listing explained:")
        for text in explanation_lines(answer):
            self.line(text)

    def checks(self, checks: list[tuple[str, bool]]) -> bool:
        """Each check with its outcome; whether all passed."""
        self.line("")
        for text, passed in checks:
            self.console.print("[green]✓[/]" if passed else "[red]✗[/]", text)
        return all(passed for _, passed in checks)


def stall_table(market: Marketplace, title: str) -> Table:
    """The first few stalls."""
    table = Table(title=title)
    for name in ("SKU", "floor", "live price", "ceiling", "cheapest rival", "Buy Box"):
        table.add_column(name, justify="left" if name == "SKU" else "right")
    for stall in market.stalls[:SHOWN]:
        item = stall.item
        lowest = min(rival.price_minor for rival in stall.rivals)
        amounts = (item.floor_minor, stall.live_minor, item.ceiling_minor, lowest)
        cells = (format_minor(each, item.currency) for each in amounts)
        table.add_row(item.key.sku, *cells, "ours" if stall.winning else "")
    return table
