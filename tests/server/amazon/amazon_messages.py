"""Messages of the marketplace for tests: parsed, so that a test can change one thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from repriced.v1 import pricing_pb2
from server.amazon import Refused, Translated, translate

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "fixtures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
OBSERVED_MS = 1_714_650_000_000
OWN_SELLER = "AOURSHOP000001"


def load(name: str) -> Json:
    """A fresh copy of a fixture file."""
    content: Json = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def send(content: Any) -> Translated | Refused:
    text = json.dumps(content).encode()
    return translate(text, seller_id=OWN_SELLER, observed_ms=OBSERVED_MS)


def accepted(content: Json) -> Translated:
    """What a message that has to be usable becomes."""
    result = send(content)
    assert isinstance(result, Translated), result
    return result


def snapshot_of(content: Json) -> pricing_pb2.OfferSnapshot:
    snapshot = accepted(content).snapshot
    assert snapshot is not None
    return snapshot


def refused(content: Any) -> Refused:
    """Why a message that has to be refused is."""
    result = send(content)
    assert isinstance(result, Refused), result
    return result


def camel_key(key: str) -> str:
    """The key as Amazon's newer messages write it."""
    return "asin" if key == "ASIN" else key[:1].lower() + key[1:]


def pascal_key(key: str) -> str:
    """The key as Amazon's schemas write it."""
    return "ASIN" if key == "asin" else key[:1].upper() + key[1:]
