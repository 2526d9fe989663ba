"""`repriced sellers export` and `erase`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_a_seller_is_exported_and_erased(repriced: Any, catalogue: Path, tmp_path: Path) -> None:
    repriced("listings", "import", catalogue)
    out = tmp_path / "seller.jsonl"
    assert repriced("sellers", "export", "A1SHOP", "--output", str(out)).exit_code == 0
    held = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert held[0] == {"seller": {"seller_id": "A1SHOP", "dry_run": False}}
    skus = {each["listing"]["listing"]["key"]["sku"] for each in held if "listing" in each}
    assert skus == {"MUG-01", "MUG-02", "MUG-03", "MUG-04"}
    erased = repriced("sellers", "erase", "A1SHOP", "--yes")
    assert (erased.exit_code, erased.output) == (0, "erased A1SHOP and 4 listings\n")
    for words, message in (
        (("export", "A1SHOP"), "seller 'A1SHOP' is not known"),
        (("erase", "A1SHOP", "--yes"), "no listings of seller 'A1SHOP' are known"),
    ):
        told = repriced("sellers", *words)
        assert told.exit_code == 1
        assert message in told.stderr


def test_erasing_asks_first(repriced: Any, catalogue: Path) -> None:
    repriced("listings", "import", catalogue)
    assert repriced("sellers", "erase", "A1SHOP").exit_code == 1
    assert repriced("sellers", "export", "A1SHOP").exit_code == 0
