"""One audit from seed to score: build, print, import, audit, add papers, audit again, compare."""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path

from bench.fba import product as audited
from bench.fba.damage import lags
from bench.fba.printing import Cut, Printed, Printer
from bench.fba.product import Answer
from bench.fba.records import Row
from bench.fba.score import Score, score
from bench.fba.story import Story
from bench.fba.truth import truths
from bench.fba.world import World
from bench.fba.year import YEAR_DAYS, build


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
                    "case_state": "in_progress",
                    "case_date": world.ago(2).isoformat(),
                }
                cases.append(Row(world.today, world.today, seller_id, "", dict(cells)))
            if claim.rule == "reimbursement_underpaid":
                keys = {"case_key": claim.claim_id, "document_kind": "invoice"}
                documents.append(Row(world.today, world.today, seller_id, "", dict(keys)))
        for report, rows in (("cases", cases), ("documents", documents)):
            if rows:
                path = printer.write(
                    seller_id, f"{seller_id}-{report}.csv", report, rows, world.today
                )
                day: date = world.today
                found.append(Printed(path, seller_id, report, day, day, day))
    return found


def judge(
    seed: int,
    damages: list[Cut],
    stories: list[Story] | None = None,
    orders_a_day: int = 2,
    days: int = YEAR_DAYS,
) -> dict[str, Score]:
    """Scores of a seed with all reports at hand and with each damage, by the damage's name.

    What no damage touches is imported once, into a store that each audit continues from a copy.
    """
    world = build(seed, orders_a_day, stories, days)
    folder = Path(tempfile.mkdtemp(prefix="claims-truth-"))
    try:
        (folder / "files").mkdir()
        printed = Printer(world, folder / "files", Cut(), lags(seed)).all()
        touched = {(cut.seller_id, cut.report) for cut in damages}
        audited.import_files(folder / "base", (f for f in printed if part(f) not in touched))
        return {
            str(cut): judge_variant(world, folder, cut, [f for f in printed if part(f) in touched])
            for cut in [Cut(), *damages]
        }
    finally:
        shutil.rmtree(folder)


def part(file: Printed) -> tuple[str, str]:
    """Account and report of a file."""
    return file.seller_id, file.report


def judge_variant(world: World, folder: Path, cut: Cut, rest: list[Printed]) -> Score:
    """One audit. `rest`: whole files of the reports that some damage touches."""
    store = Path(tempfile.mkdtemp(prefix="store-", dir=folder)) / "store"
    files = store.parent / "files"
    files.mkdir()
    shutil.copytree(folder / "base", store)
    audited.import_files(store, (f for f in rest if part(f) != (cut.seller_id, cut.report)))
    if cut.report and cut.how != "missing":
        cut_printer = Printer(world, files, cut, lags(world.seed))
        audited.import_files(store, cut_printer.report(cut.seller_id, cut.report))
    first = audited.run(store, world)
    added = papers(world, files, first)
    audited.import_files(store, added)
    if not cut.report:
        audited.import_again(store, rest)
    answer = audited.run(store, world) if added else first
    found = score(truths(world, cut, documented=True), answer.said, answer.named)
    found.wrong = [f"seed {world.seed} ({cut}): {each}" for each in found.wrong]
    found.unnamed = [f"seed {world.seed} ({cut}): {each}" for each in found.unnamed]
    shutil.rmtree(store.parent)
    return found
