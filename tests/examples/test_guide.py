"""What docs/guide.md shows is taken by a real server as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import grpc
from click.testing import CliRunner

from repriced.v1 import catalog_pb2, catalog_pb2_grpc
from server.app import App
from server.cli import main
from server.config import Config, JournalConfig, ServerConfig

GUIDE = (Path(__file__).resolve().parents[2] / "docs/guide.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def strategies() -> list[catalog_pb2.Strategy]:
    shown = [text for text in blocks("python") if text.startswith("catalog_pb2.Strategy(")]
    return [eval(text, {"catalog_pb2": catalog_pb2}) for text in shown]


def test_strategies_and_listings_of_the_guide(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    [sheet] = blocks("csv")
    path.write_text(sheet, encoding="utf-8")
    app = App(
        Config(
            server=ServerConfig("127.0.0.1:0", "127.0.0.1:0", drain_seconds=1),
            journal=JournalConfig(mode="off"),
        )
    )
    app.start()
    target = f"127.0.0.1:{app.port}"
    made = strategies()
    assert {each.WhichOneof("kind") for each in made} == {"buy_box", "match", "fixed", "follow"}
    with grpc.insecure_channel(target) as channel:
        stub = catalog_pb2_grpc.CatalogServiceStub(channel)
        request = catalog_pb2.BatchUpsertStrategiesRequest(request_id=str(uuid4()), strategies=made)
        answer = stub.BatchUpsertStrategies(request, timeout=10)
    told = CliRunner().invoke(main, ["listings", "import", str(path), "--target", target])
    app.stop()
    assert not answer.errors
    assert answer.upserted_count == len(made)
    assert told.exit_code == 0, told.output
    assert "3 listings imported, 0 lines refused" in told.stdout


def test_every_command_of_the_guide_exists() -> None:
    shown = set(re.findall(r"^repriced (\w+(?: (?:import|export))?)", GUIDE, re.MULTILINE))
    assert {"demo", "serve", "ingest", "explain", "listings import", "listings export"} <= shown
    for words in shown:
        assert CliRunner().invoke(main, [*words.split(), "--help"]).exit_code == 0


def test_the_guide_and_the_help_name_the_same_exit_codes() -> None:
    told = CliRunner().invoke(main, ["--help"]).stdout
    [table] = re.findall(r"## Exit codes\n(.*)", GUIDE, re.DOTALL)
    assert re.findall(r"^\| (\d+) \|", table, re.MULTILINE) == ["0", "1", "2"]
    assert re.findall(r"^    (\d)  ", told, re.MULTILINE) == ["0", "1", "2"]
