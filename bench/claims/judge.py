"""One audit from seed to score: build, print, import, audit, add papers, audit again, compare."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path

from bench.claims import product as audited
from bench.claims.damage import lags
from bench.claims.printing import Cut, Printed, Printer
from bench.claims.product import Answer
from bench.claims.records import Row
from bench.claims.score import Score, score
from bench.claims.story import Story
from bench.claims.truth import truths
from bench.claims.world import World
from bench.claims.year import build


def papers(world: World, folder: Path, answer: Answer) -> list[Printed]:
    """What the seller adds after the first audit: cases filed elsewhere, and invoices."""
    filed = {debt.product.fnsku for debt in world.books.debts if debt.filed}
    printer = Printer(world, folder)
    found = []
    for seller_id in world.accounts:
        cases, documents = [], []
        for claim, text in zip(answer.claims, answer.said, strict=True):
            if claim.seller_id != seller_id:
                continue
            if text.fnsku in filed:
                cells = {
                    "case": f"CASE{len(cases)}",
                    "subject_key": claim.claim_id,
                    "state": "in_progress",
                    "date": world.ago(2).isoformat(),
                }
                cases.append(Row(world.today, world.today, seller_id, "", dict(cells)))
            if claim.rule == "reimbursement_underpaid":
                keys = {"case_key": claim.claim_id, "kind": "invoice"}
                documents.append(Row(world.today, world.today, seller_id, "", dict(keys)))
        for report, rows in (("cases", cases), ("documents", documents)):
            if rows:
                path = printer.write(
                    seller_id, f"{seller_id}-{report}.csv", report, rows, world.today
                )
                day: date = world.today
                found.append(Printed(path, seller_id, report, day, day, day))
    return found


def judge(seed: int, cut: Cut, stories: list[Story] | None = None, orders_a_day: int = 2) -> Score:
    """The score of one audit of one seed."""
    world = build(seed, orders_a_day, stories)
    folder = Path(tempfile.mkdtemp(prefix="claims-truth-"))
    try:
        files = folder / "files"
        files.mkdir()
        printed = Printer(world, files, cut, lags(seed)).all()
        store = folder / "store"
        audited.import_files(store, printed)
        audited.import_again(store, printed)
        first = audited.run(store, world)
        added = papers(world, files, first)
        audited.import_files(store, added)
        answer = audited.run(store, world) if added else first
        found = score(truths(world, cut, documented=True), answer.said, answer.named)
    finally:
        shutil.rmtree(folder)
    found.wrong = [f"seed {seed} ({cut}): {each}" for each in found.wrong]
    found.unnamed = [f"seed {seed} ({cut}): {each}" for each in found.unnamed]
    return found
