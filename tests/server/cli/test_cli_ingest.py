"""`repriced ingest` against a real server: nothing is lost, whatever the file looks like."""

from __future__ import annotations

import io
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cli_runner import Run, runner_for

from server.app import App
from server.cli.documents import documents
from server.config import KIB, LimitsConfig

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = Path(os.environ.get("REPRICED_SAMPLES", ROOT.parent / "shared" / "samples"))

TICKS = count()


def notification(number: int, asin: str = "B000000001") -> dict[str, Any]:
    """An ANY_OFFER_CHANGED of this moment with one competitor."""
    # Each message tells of a later moment than the one before.
    moment = time.time() - 240 + next(TICKS) / 1_000
    now = datetime.fromtimestamp(moment, UTC).isoformat()
    price = {"Amount": 12.49, "CurrencyCode": "EUR"}
    return {
        "NotificationType": "ANY_OFFER_CHANGED",
        "NotificationMetadata": {"NotificationId": f"id-{number}"},
        "Payload": {
            "AnyOfferChangedNotification": {
                "SellerId": "A1SHOP",
                "OfferChangeTrigger": {
                    "MarketplaceId": "A1PA6795UKMFR9",
                    "ASIN": asin,
                    "ItemCondition": "new",
                    "TimeOfOfferChange": now,
                },
                "Offers": [{"SellerId": "A2RIVAL", "SubCondition": "new", "ListingPrice": price}],
            }
        },
    }


def write(path: Path, *messages: Any, indent: int | None = None) -> Path:
    path.write_text("\n".join(json.dumps(each, indent=indent) for each in messages))
    return path


@pytest.fixture
def shop(repriced: Run, catalogue: Path) -> Run:
    """A server that knows the catalogue."""
    assert repriced("listings", "import", catalogue).exit_code == 0
    return repriced


def facts_of(told: Any) -> dict[str, Any]:
    assert told.exit_code == 0, told.output
    facts: dict[str, Any] = json.loads(told.stdout)
    assert facts["sent"] == facts["applied"] + len(facts["unapplied"])
    return facts


def test_one_pretty_printed_document(shop: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "one.json", notification(1), indent=2)
    told = shop("ingest", path)
    assert told.exit_code == 0
    assert "1 messages: 1 applied, 0 not; 1 prices changed" in told.stdout


def test_broken_lines_and_repeats_are_told_and_the_others_go_on(shop: Run, tmp_path: Path) -> None:
    lines = [json.dumps(notification(each)) for each in (1, 2, 2)]
    lines.insert(0, '{"NotificationType": ')
    lines.insert(2, "")
    lines.append('{"NotificationType": "ORDER_CHANGE"}')
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(lines))
    facts = facts_of(shop("ingest", "--json", path))
    assert (facts["sent"], facts["applied"]) == (5, 2)
    told = {each["source"].removeprefix(str(path)): each["reason"] for each in facts["unapplied"]}
    assert told == {
        ":1": "BROKEN_JSON",
        ":5": "REPEATED",
        ":6": "NOTIFICATION_TYPE_NOT_USED",
    }
    shown = shop("ingest", path)
    assert "5 messages: 0 applied, 5 not" in shown.stdout
    assert "3 x REPEATED" in shown.stdout
    assert f"1 x BROKEN_JSON, such as {path}:1: " in shown.stdout


def test_strict_says_so_by_its_exit_code(shop: Run, tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", notification(1))
    assert shop("ingest", "--strict", good).exit_code == 0
    assert shop("ingest", "--strict", good).exit_code == 1


def test_folders_are_searched_in_order(shop: Run, tmp_path: Path) -> None:
    folder = tmp_path / "messages"
    (folder / "later").mkdir(parents=True)
    write(folder / "later" / "b.ndjson", notification(3), notification(4))
    write(folder / "a.json", notification(1))
    write(folder / "B.JSONL", notification(2))
    (folder / "notes.txt").write_text("not a message")
    assert facts_of(shop("ingest", "--json", folder))["applied"] == 4


def test_standard_input(shop: Run) -> None:
    text = "\n".join(json.dumps(notification(each)) for each in range(1_200))
    told = shop("ingest", "-", stdin=text)
    assert "1200 messages: 1200 applied" in told.stdout
    assert "messages: 1200" in told.stderr


def test_an_array_is_as_many_messages(shop: Run, tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    path.write_text(json.dumps([notification(1), {"a": 1}, notification(2)], indent=1))
    facts = facts_of(shop("ingest", "--json", path))
    assert facts["applied"] == 2
    assert facts["unapplied"][0]["source"] == f"{path}:1[1]"


def test_item_offers_need_to_know_whose_they_are(shop: Run, tmp_path: Path) -> None:
    offers = {
        "payload": {
            "ASIN": "B000000001",
            "ItemCondition": "New",
            "status": "Success",
            "Identifier": {"MarketplaceId": "A1PA6795UKMFR9", "ASIN": "B000000001"},
            "Summary": {},
            "Offers": [
                {
                    "SellerId": "A2RIVAL",
                    "SubCondition": "new",
                    "ListingPrice": {"Amount": 11.5, "CurrencyCode": "EUR"},
                    "Shipping": {"Amount": 0, "CurrencyCode": "EUR"},
                }
            ],
        }
    }
    path = write(tmp_path / "offers.json", offers)
    facts = facts_of(shop("ingest", "--json", path))
    assert facts["reasons"] == {"SELLER_ID_MISSING": 1}
    assert facts_of(shop("ingest", "--json", "--seller-id", "A1SHOP", path))["decisions"] == 1
    old = shop("ingest", "--json", "--seller-id", "A1SHOP", "--observed-at", "5", path)
    assert facts_of(old)["reasons"] == {"TIME_OUT_OF_RANGE": 1}


def test_a_message_over_the_limit_is_reported_and_the_others_go_on(
    start: Callable[[LimitsConfig], App], catalogue: Path, tmp_path: Path
) -> None:
    run = runner_for(start(LimitsConfig(max_request_bytes=16 * KIB)))
    run("listings", "import", catalogue)
    large = notification(0) | {"Filler": "x" * 20_000}
    messages = [notification(1), large, *(notification(each) for each in range(2, 40))]
    facts = facts_of(run("ingest", "--json", write(tmp_path / "many.jsonl", *messages)))
    assert facts["reasons"] == {"MESSAGE_TOO_LARGE": 1}
    assert facts["applied"] == 39


def test_more_messages_than_a_call_may_hold_go_in_parts(
    start: Callable[[LimitsConfig], App], catalogue: Path, tmp_path: Path
) -> None:
    run = runner_for(start(LimitsConfig(max_notifications_per_call=7)))
    run("listings", "import", catalogue)
    path = write(tmp_path / "many.jsonl", *map(notification, range(100)))
    assert facts_of(run("ingest", "--json", path))["applied"] == 100


@pytest.mark.parametrize("name", ["nothing.json", "empty"])
def test_a_path_without_messages_is_wrong_usage(shop: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    told = shop("ingest", tmp_path / name)
    assert told.exit_code == 2
    assert name in told.stderr


@pytest.mark.parametrize(
    ("text", "places"),
    [
        (b"", {}),
        (b"\n\n", {}),
        (b'\xef\xbb\xbf{"a": 1}', {"f:1": b'{"a": 1}'}),
        (b'{"a": 1}\n\n{"b": 2}\n', {"f:1": b'{"a": 1}\n', "f:3": b'{"b": 2}\n'}),
        (b'\n{\n"a": 1\n}', {"f:2": b'{\n"a": 1\n}'}),
        (b'{"a":\n{"b": 2}\n', {"f:1": b'{"a":\n', "f:2": b'{"b": 2}\n'}),
        (b'{\n  {"b": 2}\n', {"f:1": b'{\n  {"b": 2}\n'}),
        (b"[]", {"f:1": b"[]"}),
        (b'[1, {"a": 2}]', {"f:1[0]": b"1", "f:1[1]": b'{"a": 2}'}),
        (b"\xff\xfe", {"f:1": b"\xff\xfe"}),
        (b"[" * 100_000, {"f:1": b"[" * 100_000}),
    ],
)
def test_documents_of_a_stream(text: bytes, places: dict[str, bytes]) -> None:
    assert dict(documents("f", io.BytesIO(text))) == places


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder of real messages is absent")
def test_real_messages_go_through_without_loss(shop: Run) -> None:
    facts = facts_of(shop("ingest", "--json", "--seller-id", "A1SHOP", SAMPLES))
    assert facts["sent"] >= len(list(SAMPLES.glob("*.json")))
    told = Counter(each["reason"] for each in facts["unapplied"])
    assert told == facts["reasons"]
    assert all(each["message"] for each in facts["unapplied"])
