"""A seller leaves the store of claims: every row that names it, every file, every document."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.claims.lifecycle import Ledger
from engine.claims.specs import REPORTS
from engine.claims.store import DATABASE, Store, is_seller
from engine.claims.warehouse import connect, show_reports
from engine.databases import forget_deleted

__all__ = ["documents_held", "erasing_claims", "rows_held"]

BATCH_ROWS = 500
TABLES = ("imports", "files", "coverage", "codes", "claims")
"""Tables that name the seller in their column `seller`."""
CLAIMS_OF = "(SELECT claim_id FROM claims WHERE seller = ?1)"
ROWS = {
    "imports": "SELECT json_object('id', id, 'as_of', as_of, 'rejected', rejected)"
    " FROM imports WHERE seller = ?1",
    "coverage": "SELECT json_object('report', report, 'scope', scope, 'first', first,"
    " 'last', last, 'as_of', as_of, 'import', import) FROM coverage WHERE seller = ?1",
    "codes": "SELECT json_object('report', report, 'code', code, 'rows', rows, 'import', import)"
    " FROM codes WHERE seller = ?1",
    "claims": "SELECT json_object('claim_id', claim_id, 'state', state, 'case_id', case_id,"
    " 'paid_minor', paid_minor, 'facts', json(body)) FROM claims WHERE seller = ?1",
    "timeline": "SELECT json_object('claim_id', claim_id, 'day', day, 'state', state,"
    f" 'note', note) FROM timeline WHERE claim_id IN {CLAIMS_OF} ORDER BY number",
}


@contextmanager
def erasing_claims(store_path: Path, seller: str) -> Iterator[int]:
    """Erases a seller from a store; gives how many rows it had there, 0 for one that is unknown.

    It is done when the block ends well; an error inside leaves the store as it was. Rows go in one
    transaction, then files, then the bytes of what was deleted: after a crash the same can be done
    again. Raises ConflictError while another one writes to the store.
    """
    if not (store_path / DATABASE).exists() or not is_seller(seller):
        yield 0
        return
    with Store(store_path) as store:
        with store.writing():
            Ledger(store)
            imports = store.db.execute("SELECT id FROM imports WHERE seller = ?", (seller,))
            rejects = [store.rejects_of(int(str(row[0]))) for row in imports.fetchall()]
            yield delete_rows(store, seller)
            store.clear_leftovers()
            for folder in (store.path / "spill", store.folder_of(seller)):
                shutil.rmtree(folder, ignore_errors=True)
            for path in rejects:
                path.unlink(missing_ok=True)
        forget_deleted(store.db)


def delete_rows(store: Store, seller: str) -> int:
    """Deletes the rows that are a seller's; how many there were."""
    before = store.db.total_changes()
    for each in ("timeline", "attachments"):
        store.db.execute(f"DELETE FROM {each} WHERE claim_id IN {CLAIMS_OF}", (seller,))
    files = "SELECT path FROM files WHERE seller = ?"
    store.db.execute(f"DELETE FROM keys WHERE path IN ({files})", (seller,))
    for each in TABLES:
        store.db.execute(f"DELETE FROM {each} WHERE seller = ?", (seller,))
    return store.db.total_changes() - before


def rows_held(store_path: Path, seller: str, spill: Path) -> Iterator[tuple[str, list[str]]]:
    """Everything that a store holds of a seller but documents: a table's name and some of its rows.

    Rows are JSON objects. The tables are those of the store, then one of each kind of report and
    the rows that were refused.
    """
    if not (store_path / DATABASE).exists() or not is_seller(seller):
        return
    with Store(store_path) as store:
        Ledger(store)
        for name, sql in ROWS.items():
            rows = store.db.execute(sql, (seller,)).fetchall()
            yield from in_parts(name, [str(row[0]) for row in rows])
        with connect(spill) as database:
            show_reports(database, store, seller)
            for kind in REPORTS:
                found = database.execute(f"SELECT to_json(row) FROM {kind} AS row")
                while some := found.fetchmany(BATCH_ROWS):
                    yield kind, [str(row[0]) for row in some]
        imports = store.db.execute("SELECT id FROM imports WHERE seller = ?", (seller,)).fetchall()
        for (import_id,) in imports:
            path = store.rejects_of(int(str(import_id)))
            if path.exists():
                lines = path.read_text(encoding="utf-8").splitlines()
                yield from in_parts("rejects", [json.dumps({"csv": line}) for line in lines])


def in_parts(name: str, rows: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Rows of a table, some at a time."""
    for at in range(0, len(rows), BATCH_ROWS):
        yield name, rows[at : at + BATCH_ROWS]


def documents_held(store_path: Path, seller: str) -> Iterator[tuple[str, str, str, bytes]]:
    """Claim, kind, name and content of each document of a seller."""
    if not (store_path / DATABASE).exists():
        return
    with Store(store_path) as store:
        ledger = Ledger(store)
        for claim in list(ledger.all(seller)):
            for kind, name, content in ledger.documents(claim.claim_id):
                yield claim.claim_id, kind, name, content
