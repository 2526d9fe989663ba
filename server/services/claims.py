"""ClaimsService: the audit of `engine.claims` over gRPC, on a store of this server.

Each call opens the store by itself; one call at a time may write to it.
"""

from __future__ import annotations

import hashlib
import json
import queue
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import grpc

from engine.claims import audit
from engine.claims.cases import update_case
from engine.claims.export import archive, as_csv
from engine.claims.imports import ImportResult, import_paths
from engine.claims.letters import Letter, letter_of
from engine.claims.lifecycle import KeptClaim, Ledger
from engine.claims.store import Store, make_private
from engine.claims.summary import Line, totals_of
from engine.errors import InputError, NotFoundError, StateError
from engine.scope import Scope, check_seller, inside
from repriced.v1 import claims_pb2
from server.services.calls import Core, Handlers
from server.services.once import Once
from server.services.pages import page_size, page_start, page_token
from server.wire.claims import (
    case_message,
    claim_message,
    fill_audit,
    fill_import,
    total_message,
)
from server.wire.limits import parse

NAME = "repriced.v1.ClaimsService"
CHUNK_BYTES = 1 << 20
INCOMING = "incoming"
"""Folder of a store that holds reports while they arrive."""
MAX_REPORT_BYTES = 2 << 30
LONGEST_FILE_NAME = 200
PATIENCE_MS = 20_000
Report = Callable[[str, int, int], None]


def handlers(core: Core) -> Handlers:
    """Method handlers by name."""
    service = Claims(core)
    return {
        "ImportReports": grpc.stream_stream_rpc_method_handler(service.import_reports),
        "RunAudit": grpc.unary_stream_rpc_method_handler(service.run_audit),
        "ListClaims": grpc.unary_unary_rpc_method_handler(service.list_claims),
        "GetClaim": grpc.unary_unary_rpc_method_handler(service.get_claim),
        "UpdateClaim": grpc.unary_unary_rpc_method_handler(service.update_claim),
        "AttachDocument": grpc.unary_unary_rpc_method_handler(service.attach_document),
        "ExportClaims": grpc.unary_stream_rpc_method_handler(service.export_claims),
    }


class Claims:
    """The calls. Bytes in, bytes out; errors are those of the engine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._folder = core.claims_folder
        self._once = Once(lambda: Store(core.claims_folder))

    def import_reports(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Takes a file in pieces, then imports it."""
        incoming = self._folder / INCOMING
        make_private(self._folder)
        incoming.mkdir(exist_ok=True)
        with (
            self._core.admission.stream(),
            tempfile.TemporaryDirectory(dir=incoming) as folder,
        ):
            head, path, digest = self._received(requests, Path(folder))
            as_of = day_of(head.as_of, "as_of") or today()
            covers = covers_of(head)

            def work(report: Report) -> ImportResult:
                return import_paths(
                    self._folder, head.seller_id, [path], as_of, covers=covers, progress=report
                )

            def said(_: str, done: int, total: int, result: ImportResult | None) -> bytes:
                answer = claims_pb2.ImportReportsResponse(done=done, total=total)
                if result is not None:
                    fill_import(answer, result)
                return answer.SerializeToString()

            yield from self._steps(
                "ImportReports", head.request_id, digest, head.seller_id, work, said
            )

    def _steps(
        self, method: str, request_id: str, body: bytes, seller: str,
        work: Callable[[Report], Any], said: Callable[[str, int, int, Any], bytes],
    ) -> Iterator[bytes]:  # fmt: skip
        """Long work and its steps; a repeat gets the last message of the first time."""
        with self._once.turn(self._core.caller.name, method, request_id, body) as turn:
            if turn.answer is not None:
                yield turn.answer
                return
            for step, done, total, result in steps_of(work):
                message = said(step, done, total, result)
                if result is not None:
                    with Store(self._folder) as store, store.writing():
                        turn.keep(store, message, seller)
                yield message

    def _received(self, requests: Iterator[bytes], folder: Path) -> tuple[Any, Path, bytes]:
        """The head of an import, its file, and a digest of both. Raises InputError."""
        limits = self._core.codec.limits
        first = next(requests, b"")
        head = parse(claims_pb2.ImportReportsRequest, first, limits).head
        check_seller(self._core.scope, "head.seller_id", head.seller_id)
        digest = hashlib.blake2b(first)
        name = Path(head.file_name.replace("\\", "/")).name
        if name in ("", "..") or "\0" in name or len(name.encode()) > LONGEST_FILE_NAME:
            raise InputError(
                f"head.file_name is {head.file_name[:40]!r}; allowed: the name of a file, up to"
                f" {LONGEST_FILE_NAME} bytes, in the first message",
                reason="FILE_NAME", field="head.file_name",
            )  # fmt: skip
        path = folder / name
        size = 0
        with path.open("wb") as file:
            for payload in requests:
                piece = parse(claims_pb2.ImportReportsRequest, payload, limits).content
                size += len(piece)
                if size > MAX_REPORT_BYTES:
                    raise InputError(
                        f"content has more than {MAX_REPORT_BYTES} bytes; allowed: up to that;"
                        " import a larger report on the server with: repriced claims import",
                        reason="REPORT_TOO_LARGE",
                        field="content",
                    )
                file.write(piece)
                digest.update(piece)
        return head, path, digest.digest()

    def run_audit(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Audits and says how far it is."""
        request = parse(claims_pb2.RunAuditRequest, payload, self._core.codec.limits)
        scope = self._core.scope
        check_seller(scope, "seller_id", request.seller_id or min(scope or ("",)))
        wanted = [request.seller_id] if request.seller_id else None
        sellers = wanted if wanted or scope is None else sorted(scope)

        def work(report: Report) -> audit.AuditResult:
            return audit.run(self._folder, today(), sellers=sellers, progress=report)

        def said(step: str, done: int, total: int, result: audit.AuditResult | None) -> bytes:
            answer = claims_pb2.RunAuditResponse(step=step, done=done, total=total)
            if result is not None:
                fill_audit(answer, result, self._totals(sellers))
            return answer.SerializeToString()

        with self._core.admission.stream():
            yield from self._steps(
                "RunAudit", request.request_id, payload, request.seller_id, work, said
            )

    def _totals(self, sellers: list[str] | None) -> list[Line]:
        """All claims of sellers by state."""
        with Store(self._folder) as store:
            every = Ledger(store).all()
            return totals_of(
                each for each in every if sellers is None or each.facts["seller_id"] in sellers
            )

    def list_claims(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """A page of claims that pass every filter, those that close first first."""
        request = parse(claims_pb2.ListClaimsRequest, payload, self._core.codec.limits)
        size = page_size(request.page_size)
        query = f"claims {request.seller_id} {list(request.states)} {list(request.rules)}"
        query += f" {request.search}"
        start = page_start(query, request.page_token, 0)
        scope = self._core.scope
        with self._core.admission.read(), Store(self._folder) as store:
            every = Ledger(store).all(request.seller_id)
            every_state = [each for each in every if seen(scope, each) and fits(each, request)]
        wanted = set(request.states)
        found = [each for each in every_state if not wanted or each.state in wanted]
        page = found[start : start + size]
        token = page_token(query, start + size) if len(found) > start + size else ""
        return claims_pb2.ListClaimsResponse(
            claims=[claim_message(each) for each in page],
            next_page_token=token,
            totals=map(total_message, totals_of(every_state)),
        ).SerializeToString()

    def get_claim(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """One claim with its timeline and, where something may be asked for today, its case."""
        request = parse(claims_pb2.GetClaimRequest, payload, self._core.codec.limits)
        with self._core.admission.read(), Store(self._folder) as store:
            ledger = Ledger(store)
            claim = self._claim(ledger, request.claim_id)
            events = [
                claims_pb2.ClaimEvent(day=each.day, state=each.state, note=each.note)
                for each in ledger.timeline(claim.claim_id)
            ]
            letter = case_of_today(ledger, claim, wanted=request.case_wanted)
        return claims_pb2.GetClaimResponse(
            claim=claim_message(claim),
            timeline=events,
            case=None if letter is None else case_message(letter),
        ).SerializeToString()

    def update_claim(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Notes what was done or answered."""

        def change(ledger: Ledger, request: Any) -> Any:
            claim, *others = update_case(
                ledger, self._claim(ledger, request.claim_id), request.state, today(),
                case_id=request.case_id, note=request.note,
            )  # fmt: skip
            return claims_pb2.UpdateClaimResponse(
                claim=claim_message(claim), others=map(claim_message, others)
            )

        return self._change("UpdateClaim", claims_pb2.UpdateClaimRequest, payload, context, change)

    def attach_document(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Keeps a document with a claim."""

        def change(ledger: Ledger, request: Any) -> Any:
            full = self._claim(ledger, request.claim_id).claim_id
            ledger.attach(full, request.kind, request.name, request.content, today())
            return claims_pb2.AttachDocumentResponse(claim=claim_message(ledger.get(full)))

        kind = claims_pb2.AttachDocumentRequest
        return self._change("AttachDocument", kind, payload, context, change)

    def _change(
        self, method: str, request_type: type[Any], payload: bytes, context: grpc.ServicerContext,
        change: Callable[[Ledger, Any], Any],
    ) -> bytes:  # fmt: skip
        """A change and its answer in one transaction, once."""
        with self._core.admitted(payload, 1, context):
            request = parse(request_type, payload, self._core.codec.limits)
            name = self._core.caller.name
            with self._once.turn(name, method, request.request_id, payload) as turn:
                if turn.answer is not None:
                    return turn.answer
                with Store(self._folder) as store, store.writing(patience_ms(context)):
                    answered = change(Ledger(store), request)
                    answer: bytes = answered.SerializeToString()
                    turn.keep(store, answer, answered.claim.seller_id)
        return answer

    def export_claims(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """A table or an archive in pieces."""
        request = parse(claims_pb2.ExportClaimsRequest, payload, self._core.codec.limits)
        scope = self._core.scope
        with self._core.admission.stream(), Store(self._folder) as store:
            ledger = Ledger(store)
            found = [each for each in ledger.all(request.seller_id) if seen(scope, each)]
            whole = archive(ledger, found, today()) if request.archive else as_csv(found).encode()
        for at in range(0, len(whole), CHUNK_BYTES):
            piece = whole[at : at + CHUNK_BYTES]
            yield claims_pb2.ExportClaimsResponse(content=piece).SerializeToString()

    def _claim(self, ledger: Ledger, claim_id: str) -> KeptClaim:
        """A claim that this call may see. Raises NotFoundError."""
        claim = ledger.get(claim_id)
        if not seen(self._core.scope, claim):
            raise NotFoundError(
                f"claim {claim_id[:40]!r} is not known, or names more than one",
                reason="CLAIM_UNKNOWN",
                field="claim_id",
            )
        return claim


def clear_incoming(folder: Path) -> None:
    """Deletes the reports that were arriving in a store when the server was killed."""
    shutil.rmtree(folder / INCOMING, ignore_errors=True)


def seen(scope: Scope, claim: KeptClaim) -> bool:
    """Whether a caller may see a claim."""
    return inside(scope, claim.facts["seller_id"])


def today() -> date:
    """Today, UTC."""
    return datetime.now(UTC).date()


def day_of(text: str, field: str) -> date | None:
    """A day of a request; None for an empty one. Raises InputError."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InputError(
            f"{field} is {text[:40]!r}; allowed: a day as YYYY-MM-DD", reason="DATE", field=field
        ) from error


def covers_of(head: Any) -> tuple[date, date] | None:
    """Days that a report was requested for. Raises InputError."""
    first, last = day_of(head.first_day, "first_day"), day_of(head.last_day, "last_day")
    if (first is None) != (last is None):
        raise InputError("first_day and last_day go together", reason="COVERS", field="first_day")
    return (first, last) if first and last else None


def case_of_today(ledger: Ledger, claim: KeptClaim, *, wanted: bool) -> Letter | None:
    """The text of a claim's case; where there is none today, None or, if wanted, StateError."""
    try:
        return letter_of(ledger, claim, today())
    except StateError:
        if wanted:
            raise
        return None


def patience_ms(context: grpc.ServicerContext) -> int:
    """How long a change waits for an import or audit that is writing, within its deadline."""
    left = context.time_remaining()
    return PATIENCE_MS if left is None else max(0, min(PATIENCE_MS, int(left * 500)))


def steps_of(work: Callable[[Report], Any]) -> Iterator[tuple[str, int, int, Any]]:
    """Runs `work` in a thread and yields its steps; the last one carries its result."""
    steps: queue.Queue[tuple[str, int, int, Any, Exception | None]] = queue.Queue()

    def run() -> None:
        last = (0, 0)

        def report(step: str, done: int, total: int) -> None:
            nonlocal last
            last = (done, total)
            steps.put((step, done, total, None, None))

        try:
            result = work(report)
        except Exception as error:
            steps.put(("", *last, None, error))
            return
        steps.put(("", *last, result, None))

    thread = threading.Thread(target=run, name="claims")
    thread.start()
    try:
        while True:
            step, done, total, result, error = steps.get()
            if error is not None:
                raise error
            yield step, done, total, result
            if result is not None:
                return
    finally:
        thread.join()


def fits(claim: KeptClaim, request: Any) -> bool:
    """Whether a claim passes the filters of a request, that of its state aside."""
    wanted = request.search.casefold()
    return (not request.rules or claim.facts["rule"] in request.rules) and (
        not wanted or wanted in json.dumps(claim.facts, ensure_ascii=False).casefold()
    )
