"""The one place where the simulator meets the product: reports in, claims out."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from bench.fba.printing import Printed
from bench.fba.score import Said
from bench.fba.world import World
from engine.claims import audit, imports


@dataclass(slots=True)
class Answer:
    """What the product said. `named`: (account, rule) called blocked."""

    said: list[Said] = field(default_factory=list)
    claims: list[Any] = field(default_factory=list)
    named: set[tuple[str, str]] = field(default_factory=set)


def import_files(store: Path, files: Iterable[Printed]) -> None:
    """Imports printed files, those of equal range together; a refusal is an error here."""
    together: dict[tuple[str, date, date | None, date | None], list[Path]] = defaultdict(list)
    for file in files:
        covers = (None, None) if file.report == "settlement" else (file.start, file.end)
        together[file.seller_id, file.as_of, *covers].append(file.path)
    for (seller_id, as_of, start, end), paths in together.items():
        covers_range = (start, end) if start and end else None
        result = imports.import_paths(store, seller_id, paths, as_of, covers=covers_range)
        if result.refused or result.rejected:
            raise ValueError(f"refused: {result.refused[:3]}, rejected: {result.rejected[:3]}")


def import_again(store: Path, files: Iterable[Printed]) -> None:
    """Imports files a second time: the same rows replace themselves, repeats included."""
    import_files(store, files)


def ids_of(world: World) -> dict[str, str]:
    """Product (FNSKU) of each id that reports hold."""
    found: dict[str, str] = {}
    for product in world.products:
        found |= {product.fnsku: product.fnsku, product.sku: product.fnsku}
    for debt in world.books.debts:
        found |= dict.fromkeys(debt.ids, debt.product.fnsku)
    for rows in world.rows.values():
        for row in rows:
            cells = row.cells
            own = found.get(str(cells.get("sku") or cells.get("FNSKU") or cells.get("fnsku")))
            for name in ("order_id", "Reference_ID", "reimbursement_id", "tracking_number"):
                identity = str(cells.get(name, ""))
                if own and len(identity) > 6:
                    found.setdefault(identity, own)
    return found


def run(store: Path, world: World) -> Answer:
    """Audits a store on the world's day."""
    result = audit.run(store, world.today)
    products = ids_of(world)
    answer = Answer()
    for claim in result.claims:
        if claim.state == "blocked":
            answer.named.add((claim.seller_id, claim.rule))
        if not claim.review or claim.state == "ready":
            answer.claims.append(claim)
            answer.said.append(said(claim, products, world))
    for each in result.blind:
        answer.named.add((each.seller_id, each.rule))
    return answer


def said(claim: Any, products: dict[str, str], world: World) -> Said:
    """A claim of the product, put to a product of the world by the ids it names."""
    fields = {"subject": claim.subject_key, "evidence": claim.evidence}
    words = [claim.fnsku, claim.sku, claim.order_id]
    words += re.findall(r"[\w.-]+", f"{fields['subject']} {fields['evidence']}")
    fnsku = next((products[word] for word in words if word in products), "")
    story = next((each.story for each in world.products if each.fnsku == fnsku), "")
    text = (
        f"{claim.state} {claim.units} units {claim.amount_minor} {claim.subject_key}"
        f" event {claim.event_date} window {claim.open_date}..{claim.close_date}"
        f" {claim.flags} {claim.blocked_by} {claim.documents} {claim.evidence}"
    )
    return Said(
        str(claim.rule),
        claim.seller_id,
        claim.marketplace,
        fnsku,
        claim.event_date,
        claim.units,
        claim.amount_minor,
        str(claim.value_grade),
        str(claim.state),
        text[:700],
        story,
    )
