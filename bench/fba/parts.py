"""Scores of seeds kept in files, so that a long run can be cut and taken up again.

A file is named after its seed, the number of damaged variants and a digest of the sources of the
audit and the simulator: what other sources scored is not taken for a score of these.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.fba.score import RuleScore, Score, Tally

__all__ = ["kept_or_new", "sources_digest"]

ROOT = Path(__file__).parents[2]
JUDGED = ("engine/claims", "bench/fba")
KINDS = {".py", ".sql", ".toml"}
TALLIES = ("ready", "ready_money", "found", "found_money")


def sources_digest() -> str:
    """A digest of everything that a score depends on."""
    digest = hashlib.blake2b(digest_size=6)
    for folder in JUDGED:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def kept_or_new(
    folder: Path, seed: int, damages: int, judge: Callable[[], dict[str, Score]]
) -> dict[str, Score]:
    """The scores of a seed by damage: those that the folder keeps, or new ones, which it then does.

    A file is complete or not there.
    """
    path = folder / f"{seed}-{damages}-{sources_digest()}.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: as_score(each) for name, each in kept.items()}
    scores = judge()
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    text = json.dumps({name: as_facts(each) for name, each in scores.items()}, indent=1)
    unfinished.write_text(text + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    return scores


def as_facts(score: Score) -> dict[str, Any]:
    """A score as JSON holds it."""
    rules = {rule: asdict(each) for rule, each in score.rules.items()}
    return {"rules": rules, "wrong": score.wrong, "unnamed": score.unnamed}


def as_score(kept: dict[str, Any]) -> Score:
    """A score as it was before it was written down."""
    score = Score(wrong=kept["wrong"], unnamed=kept["unnamed"])
    for rule, each in kept["rules"].items():
        tallies = {name: Tally(**each.pop(name)) for name in TALLIES}
        score.rules[rule] = RuleScore(**tallies, **each)
    return score
