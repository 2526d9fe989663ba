"""ClaimsService: the audit of `engine.claims` over gRPC, on a store of this server.

Each call opens the store by itself; one call at a time may write to it.
"""

from __future__ import annotations

import json
import queue
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import grpc

from engine.claims import audit
from engine.claims.imports import ImportResult, import_paths
from engine.claims.letters import archive, as_csv
from engine.claims.lifecycle import KeptClaim, Ledger
from engine.claims.store import Store
from engine.errors import InputError, NotFoundError
from engine.scope import Scope, check_seller, inside
from repriced.v1 import claims_pb2
from server.services.calls import Core, Handlers
from server.services.pages import page_size, page_start, page_token
from server.wire.limits import parse

NAME = "repriced.v1.ClaimsService"
CHUNK_BYTES = 1 << 20
INCOMING = "incoming"
"""Folder of a store that holds reports while they arrive."""
MAX_REPORT_BYTES = 2 << 30
SHOWN_REJECTS = 1_000
PLAIN_FACTS = (
    "claim_id", "seller_id", "marketplace", "rule", "units", "currency", "value_grade",
    "event_date", "open_date", "ready_date", "close_date", "sku", "fnsku", "asin", "order_id",
    "policy_version",
)  # fmt: skip
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

    def import_reports(
        self, requests: Iterator[bytes], context: grpc.ServicerContext
    ) -> Iterator[bytes]:
        """Takes a file in pieces, then imports it."""
        scope = self._core.scope
        incoming = self._folder / INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        with (
            self._core.admission.stream(),
            tempfile.TemporaryDirectory(dir=incoming) as folder,
        ):
            head, path = self._received(requests, Path(folder))
            check_seller(scope, "head.seller_id", head.seller_id)
            as_of = day_of(head.as_of, "as_of") or today()
            first, last = day_of(head.first_day, "first_day"), day_of(head.last_day, "last_day")
            if (first is None) != (last is None):
                raise InputError(
                    "first_day and last_day go together", reason="COVERS", field="first_day"
                )
            covers = (first, last) if first and last else None

            def work(report: Report) -> ImportResult:
                return import_paths(
                    self._folder, head.seller_id, [path], as_of, covers=covers, progress=report
                )

            for _, done, total, result in steps_of(work):
                answer = claims_pb2.ImportReportsResponse(done=done, total=total)
                if result is not None:
                    fill_import(answer, result)
                yield answer.SerializeToString()

    def _received(self, requests: Iterator[bytes], folder: Path) -> tuple[Any, Path]:
        """The head of an import and its file. Raises InputError."""
        limits = self._core.codec.limits
        head = parse(claims_pb2.ImportReportsRequest, next(requests, b""), limits).head
        name = Path(head.file_name.replace("\\", "/")).name
        if not name:
            raise InputError(
                f"head.file_name is {head.file_name[:40]!r}; allowed: the name of a file, in the"
                " first message",
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
        return head, path

    def run_audit(self, payload: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Audits and says how far it is."""
        request = parse(claims_pb2.RunAuditRequest, payload, self._core.codec.limits)
        scope = self._core.scope
        check_seller(scope, "seller_id", request.seller_id or min(scope or ("",)))
        wanted = [request.seller_id] if request.seller_id else None
        sellers = wanted if wanted or scope is None else sorted(scope)

        def work(report: Report) -> audit.AuditResult:
            return audit.run(self._folder, today(), sellers=sellers, progress=report)

        with self._core.admission.stream():
            for step, done, total, result in steps_of(work):
                answer = claims_pb2.RunAuditResponse(step=step, done=done, total=total)
                if result is not None:
                    states = Counter(each.state.value for each in result.claims)
                    answer.claims_by_state.update(states)
                yield answer.SerializeToString()

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
            found = [each for each in every if seen(scope, each) and fits(each, request)]
        page = found[start : start + size]
        token = page_token(query, start + size) if len(found) > start + size else ""
        return claims_pb2.ListClaimsResponse(
            claims=[message(each) for each in page], next_page_token=token
        ).SerializeToString()

    def get_claim(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """One claim with its timeline."""
        request = parse(claims_pb2.GetClaimRequest, payload, self._core.codec.limits)
        with self._core.admission.read(), Store(self._folder) as store:
            ledger = Ledger(store)
            claim = self._claim(ledger, request.claim_id)
            events = [
                claims_pb2.ClaimEvent(day=each.day, state=each.state, note=each.note)
                for each in ledger.timeline(claim.claim_id)
            ]
        return claims_pb2.GetClaimResponse(
            claim=message(claim), timeline=events
        ).SerializeToString()

    def update_claim(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Notes what was done or answered."""
        with self._core.admitted(payload, 1, context):
            request = parse(claims_pb2.UpdateClaimRequest, payload, self._core.codec.limits)
            with Store(self._folder) as store, store.writing():
                ledger = Ledger(store)
                full = self._claim(ledger, request.claim_id).claim_id
                claim = ledger.update(
                    full, request.state, today(), case_id=request.case_id, note=request.note
                )
        return claims_pb2.UpdateClaimResponse(claim=message(claim)).SerializeToString()

    def attach_document(self, payload: bytes, context: grpc.ServicerContext) -> bytes:
        """Keeps a document with a claim."""
        with self._core.admitted(payload, 1, context):
            request = parse(claims_pb2.AttachDocumentRequest, payload, self._core.codec.limits)
            with Store(self._folder) as store, store.writing():
                ledger = Ledger(store)
                full = self._claim(ledger, request.claim_id).claim_id
                ledger.attach(full, request.kind, request.name, request.content, today())
                claim = ledger.get(full)
        return claims_pb2.AttachDocumentResponse(claim=message(claim)).SerializeToString()

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
    """Whether a claim passes the filters of a request."""
    wanted = request.search.casefold()
    return (
        (not request.states or claim.state in request.states)
        and (not request.rules or claim.facts["rule"] in request.rules)
        and (not wanted or wanted in json.dumps(claim.facts, ensure_ascii=False).casefold())
    )


def message(claim: KeptClaim) -> Any:
    """A claim as it is sent."""
    facts = claim.facts
    sent = claims_pb2.Claim(
        state=claim.state, case_id=claim.case_id, paid_minor=claim.paid_minor,
        next_action=claim.next_action, blocked_by=facts["blocked_by"],
        documents=facts["documents"], flags=facts["flags"], subject_key=facts["subject_key"],
        evidence={k: str(v) for k, v in facts["evidence"].items() if v is not None},
        **{name: facts[name] for name in PLAIN_FACTS},
    )  # fmt: skip
    if facts["amount_minor"] is not None:
        sent.amount_minor = facts["amount_minor"]
    return sent


def fill_import(answer: Any, result: ImportResult) -> None:
    """What became of an import, as it is sent."""
    for each in result.reports:
        answer.files.add(
            name=each.name, kind=each.kind, row_count=each.rows, rejected_count=each.rejected,
            replaced_count=each.replaced, first_day=each.first.isoformat(),
            last_day=each.last.isoformat(),
        )  # fmt: skip
    for refused in result.refused:
        answer.files.add(name=refused.name, reason=refused.reason, message=refused.message)
    for row in result.rejected[:SHOWN_REJECTS]:
        answer.rejected.add(
            file=row.file, line=row.line, column=row.column, reason=row.reason, message=row.message
        )
