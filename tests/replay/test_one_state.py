"""One journal, one state: the same inputs lead to the same state and answers in every build.

The journal comes from a fixed seed and has every kind of input. This file runs under every CPU
level of the machine and under the plain twin, and in the builds of `make test-debug` and
`make test-asan`. What they all must reach stands here; where decisions are meant to change,
RULES_VERSION rises and `python -m tests.replay.test_one_state` prints the new figures.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from engine.journal import DirectoryStorage, Frame, FrameKind
from engine.journal.reader import JournalReader
from engine.kernel import REFERENCE, VARIABLE, available_levels
from engine.recovery import recover
from engine.schema import RULES_VERSION, InputKind
from engine.state_columns import state_hash
from repriced.v1 import catalog_pb2, fees_pb2, pricing_pb2, types_pb2
from server.wire import WireCodec
from server.wire.parts import split
from tests.server.recovery.shards import Opened, apply
from tests.server.recovery.test_replay import begun, play
from tests.server.recovery.workload import MARKETPLACES, SELLERS

SEED, STEPS = 20, 400
EXPECTED = {
    "rules_version": 11,
    "frames": 943,
    "inputs": "4abf3bb184ec3ccf",
    "answers": "472a4cc9bba623e2",
    "state": "576350d1e3fd0fe2",
}
LEVELS = (*available_levels(), REFERENCE)


def write_journal(path: Path) -> str:
    """Plays the story into a directory; the state that the server of it was left with."""
    shard, work = begun(path, SEED)
    chance = random.Random(SEED)
    play(shard, work, chance, STEPS // 2)
    fees = fees_pb2.FeeSchedule(seller_id=SELLERS[0], fee_schedule_id="home", currency="EUR")
    fees.referral_tiers.add(rate_basis_points=1_500)
    fees.fulfilment_bands.add(fee_minor=350)
    name = str(uuid.UUID(int=2, version=4))
    schedules = fees_pb2.BatchUpsertFeeSchedulesRequest(request_id=name, fee_schedules=[fees])
    apply(shard.engine, work.now_ms, (InputKind.FEE_SCHEDULES, schedules.SerializeToString()))
    play_fees(shard, work.now_ms)
    snapshot = pricing_pb2.OfferSnapshot(listing_id=1, event_ms=work.now_ms, currency="EUR")
    request = pricing_pb2.RepriceRequest(
        request_id=str(uuid.UUID(int=3, version=4)), snapshots=[snapshot]
    )
    (part,) = split(request.SerializeToString())
    apply(shard.engine, work.now_ms, (InputKind.REPRICE_PART, part))
    name = str(uuid.UUID(int=1, version=4))
    erase = catalog_pb2.EraseSellerRequest(request_id=name, seller_id=SELLERS[2])
    apply(shard.engine, work.now_ms, (InputKind.ERASE, erase.SerializeToString()))
    play(shard, work, chance, STEPS // 2)
    shard.engine.journal.commit()
    hashed = state_hash(shard.engine.state)
    shard.stop()
    return hashed


def play_fees(shard: Opened, now_ms: int) -> None:
    """An exchange rate, a listing with proposed bounds whose cost follows it, and a preview."""
    names = [str(uuid.UUID(int=each, version=4)) for each in (4, 5, 6)]
    rate = fees_pb2.ExchangeRate(seller_id=SELLERS[0], from_currency="USD", to_currency="EUR")
    rate.rate_billionths, rate.day = 917_400_000, "2026-11-25"
    rates = fees_pb2.BatchUpsertExchangeRatesRequest(request_id=names[0], exchange_rates=[rate])
    apply(shard.engine, now_ms, (InputKind.EXCHANGE_RATES, rates.SerializeToString()))
    key = types_pb2.ListingKey(seller_id=SELLERS[0], marketplace_id=MARKETPLACES[0], sku="FIRST")
    listing = catalog_pb2.Listing(key=key, currency="EUR", cost_currency="USD", cost_minor=400)
    listing.computed_bounds.fee_schedule_id, listing.propose_bounds = "home", True
    listings = catalog_pb2.BatchUpsertListingsRequest(request_id=names[1], listings=[listing])
    apply(shard.engine, now_ms, (InputKind.LISTINGS, listings.SerializeToString()))
    preview = fees_pb2.FeePreview(key=key, currency="EUR", price_minor=1_000)
    preview.referral_fee_minor = 180
    previews = fees_pb2.ReportFeePreviewsRequest(request_id=names[2], previews=[preview])
    apply(shard.engine, now_ms, (InputKind.FEE_PREVIEWS, previews.SerializeToString()))


def figures(frames: list[Frame], hashed: str) -> dict[str, object]:
    """What is compared: how many frames, digests of inputs and of answers, the state."""
    inputs, answers = hashlib.sha256(), hashlib.sha256()
    for each in frames:
        digest = answers if each.kind == FrameKind.OUTPUT else inputs
        digest.update(each.sequence.to_bytes(8, "little"))
        digest.update(bytes(each.payload))
    return {
        "rules_version": RULES_VERSION,
        "frames": len(frames),
        "inputs": inputs.hexdigest()[:16],
        "answers": answers.hexdigest()[:16],
        "state": hashed,
    }


def frames_of(path: Path) -> list[Frame]:
    """The whole journal."""
    return list(JournalReader(DirectoryStorage(path)).read_from(1))


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal as the level that this machine chooses by itself wrote it."""
    path = tmp_path_factory.mktemp("journal")
    write_journal(path)
    return path


def test_every_kind_of_input_is_in_the_journal(journal: Path) -> None:
    assert {each.kind for each in frames_of(journal)} == {*InputKind, FrameKind.OUTPUT}


@pytest.mark.parametrize("level", LEVELS)
def test_a_replay_reaches_the_same_state_and_answers(
    journal: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay compares every answer and ends at the first that differs."""
    monkeypatch.setenv(VARIABLE, level)
    storage = DirectoryStorage(journal)
    replayer, recovered = recover(storage, JournalReader(storage), WireCodec())
    assert replayer.engine.shard.evaluator.kernel.level == level
    assert recovered.snapshot == ""
    assert recovered.compared > STEPS
    assert figures(frames_of(journal), state_hash(replayer.engine.state)) == EXPECTED


@pytest.mark.parametrize("level", LEVELS)
def test_a_server_writes_the_same_journal(
    tmp_path: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, level)
    hashed = write_journal(tmp_path)
    assert figures(frames_of(tmp_path), hashed) == EXPECTED


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        left = write_journal(Path(folder))
        sys.stdout.write(f"{figures(frames_of(Path(folder)), left)}\n")
