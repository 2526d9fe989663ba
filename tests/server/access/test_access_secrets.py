"""No secret in a log, an error or /metrics; and who changed what is written down."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import apsw
import grpc
import pytest
from access_server import Guarded, bearer, caller
from click.testing import CliRunner

from engine.errors import ConfigError, InputError, NotFoundError
from engine.scope import pack_scope, parse_scope
from repriced.v1 import catalog_pb2, pricing_pb2
from server.access.access import LONGEST_STALE_S, Book
from server.access.caller import NO_LIMITS, Caller, Power, Rates, Role, current_caller
from server.access.store import Store, caller_of, rights_of
from server.access.tokens import PREFIX, TOKEN, digest_of, new_token
from server.cli import main
from tests.server.conftest import listing, request_id, rival, snapshot


def test_the_token_is_nowhere(
    guarded: Guarded, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """One good token and bad ones, used in every way; then everything the server ever said."""
    canary = guarded.enter(caller("canary"))
    said: list[str] = []
    server = guarded.calling(canary)
    server.upsert(listing("A"))
    server.reprice(snapshot("A", rival(1000)))
    for metadata in (
        bearer(canary + "x"),
        bearer(canary[:-1]),
        (("authorization", canary),),
        (("authorization", f"Basic {canary}"),),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            guarded.open().unary_unary("/repriced.v1.CatalogService/ListSellers")(
                b"", metadata=metadata, timeout=5
            )
        said.append(str(refused.value))
    guarded.store.revoke("canary", "test")
    time.sleep(0.6)
    with pytest.raises(grpc.RpcError) as refused:
        server.upsert(listing("B"))
    said.append(str(refused.value))
    with urlopen(f"http://127.0.0.1:{guarded.app.metrics_port}/metrics", timeout=10) as answer:
        said.append(answer.read().decode())
    out, err = capfd.readouterr()
    said += [out, err]
    assert "access_read" in out + err, "the log was read"
    said += [json.dumps(str(each)) for each in guarded.store.audit(100)]
    said += [repr(each) for each in guarded.store.tokens()]
    secret = canary.removeprefix(PREFIX)
    assert not [each for each in said if secret[:-1] in each]
    for file in filter(Path.is_file, tmp_path.rglob("*")):
        assert secret.encode() not in file.read_bytes(), "the access file holds hashes only"


def test_tokens_have_256_bits_and_a_prefix() -> None:
    made = {new_token() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(TOKEN.fullmatch(each) for each in made)
    assert len(digest_of(made.pop())) == 32


def test_changes_are_written_down_with_their_caller(guarded: Guarded) -> None:
    server = guarded.as_caller(caller("changer"))
    made = server.upsert(listing("A", floor_minor=800), listing("B", floor_minor=0))
    ref = catalog_pb2.ListingRef(listing_id=made.upserted[0].listing_id)
    server.pricing.PauseRepricing(
        pricing_pb2.PauseRepricingRequest(request_id=request_id(), listings=[ref])
    )
    server.reprice(snapshot("A", rival(1000)))
    lines = until(lambda: [each for each in guarded.store.audit(10) if each.caller == "changer"], 2)
    define, pause = (json.loads(each.detail) for each in lines)
    assert [each.action for each in lines] == ["define listings", "pause"]
    assert (define["rows"], define["refused"]) == (2, 1)
    assert define["first"][0]["floor_minor"] == 800
    assert define["first"][0]["listing"][2] == "A"
    assert pause["first"] == [made.upserted[0].listing_id]
    assert pause["sequence"] > define["sequence"]


def until(look: Callable[[], list[Any]], count: int) -> list[Any]:
    """What `look` finds once there is so much of it."""
    end = time.monotonic() + 10
    while len(look()) < count:
        assert time.monotonic() < end, "it was not written in time"
        time.sleep(0.01)
    return look()


def test_the_audit_log_only_grows(tmp_path: Path) -> None:
    store = Store(tmp_path / "access")
    store.create(caller("one"), "test")
    with sqlite3.connect(tmp_path / "access") as beside:
        for statement in ("DELETE FROM audit", "UPDATE audit SET caller = 'nobody'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                beside.execute(statement)
    assert len(store.audit(10)) == 1
    store.close()


def test_a_stop_writes_what_is_left(start: Callable[[], Guarded]) -> None:
    guarded = start()
    server = guarded.as_caller(caller("last"))
    for sku in "ABCDE":
        server.upsert(listing(sku))
    guarded.app.audit.stop()
    assert len([each for each in guarded.store.audit(100) if each.caller == "last"]) == 5


def run(*words: str | Path) -> Any:
    """A command of `repriced`."""
    return CliRunner().invoke(main, [str(each) for each in words])


def test_the_commands_end_to_end(guarded: Guarded, tmp_path: Path) -> None:
    file = ("--file", tmp_path / "access.sqlite3")
    made = run("tokens", "create", "shop-a", "--role", "read", "--seller", "A1", *file)
    token = made.stdout.strip()
    assert TOKEN.fullmatch(token), made.output
    time.sleep(0.6)
    guarded.calling(token).catalog.ListSellers(catalog_pb2.ListSellersRequest(), timeout=5)
    listed = run("tokens", "list", "--json", *file)
    assert token not in listed.output
    (line,) = map(json.loads, listed.stdout.splitlines())
    assert (line["caller"], line["sellers"], line["state"]) == ("shop-a", ["A1"], "works")
    assert TOKEN.fullmatch(run("tokens", "rotate", "shop-a", *file).stdout.strip())
    assert run("tokens", "revoke", "shop-a", "--token", "1", *file).exit_code == 0
    states = [json.loads(each)["state"]
              for each in run("tokens", "list", "--json", *file).stdout.splitlines()]  # fmt: skip
    assert states == ["revoked", "works"]
    assert run("tokens", "revoke", "shop-a", *file).exit_code == 0
    told = [json.loads(each) for each in run("audit", "--json", *file).stdout.splitlines()]
    assert [each["action"] for each in told] == [
        "create caller", "rotate token", "revoke", "revoke",
    ]  # fmt: skip
    assert "create caller" in run("audit", *file).stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "shop-a", "--role", "read"), "say which sellers"),
        (("create", "shop-a", "--role", "read", "--all-sellers", "--seller", "A"), "say which"),
        (("create", "shop-a", "--role", "root", "--all-sellers"), "'root' is not one of"),
        (("create", "anonymous", "--role", "read", "--all-sellers"), "not 'anonymous'"),
        (("create", "../x", "--role", "read", "--all-sellers"), "caller is '../x'"),
        (("create", "Shop", "--role", "read", "--all-sellers"), "caller is 'Shop'"),
        (("create", "a", "--role", "read", "--seller", ""), "seller is ''"),
        (("create", "a", "--role", "read", "--seller", "A\x00B"), "seller is 'A\\x00B'"),
        (("create", "a", "--role", "read", "--seller", " A"), "seller is ' A'"),
        (("create", "a", "--role", "read", "--seller", "A" * 101), "1 to 100 printable"),
        (("create", "a", "--role", "read", "--all-sellers", "--limit", "fly=1"), "limit is"),
        (("create", "a", "--role", "read", "--all-sellers", "--limit", "pause=-1"), "limit is"),
        (("rotate", "nobody"), "caller 'nobody' is not known"),
        (("revoke", "nobody"), "caller 'nobody' is not known"),
    ],
)
def test_bad_words_are_refused_clearly(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    answer = run("tokens", *words, "--file", tmp_path / "access")
    assert answer.exit_code == 2
    assert told in answer.stderr


def test_without_a_file_the_commands_say_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    for words in (("tokens", "list"), ("audit", "--config", tmp_path / "config.toml")):
        answer = run(*words)
        assert answer.exit_code == 2
        assert "no access file is named" in answer.stderr


def test_a_name_is_taken_until_its_caller_is_revoked(tmp_path: Path) -> None:
    store = Store(tmp_path / "access")
    old = store.create(caller("one"), "test", certificate="one.example")
    assert old == ""
    with pytest.raises(InputError, match="caller 'one' is taken"):
        store.create(caller("one"), "test")
    with pytest.raises(InputError, match=r"certificate 'one\.example' is taken"):
        store.create(caller("two"), "test", certificate="one.example")
    store.revoke("one", "test")
    store.create(caller("two"), "test", certificate="one.example")
    token = store.create(caller("one", "A"), "test")
    book = Book.of(store)
    assert book.by_digest(digest_of(token), 0) == caller("one", "A")
    assert [name for name, _ in store.certificates()] == ["one.example"]
    with pytest.raises(NotFoundError, match="token 99"):
        store.revoke("one", "test", 99)
    store.close()


def test_revoked_tokens_stay_revoked_when_the_name_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path / "access")
    first = store.create(caller("one"), "test")
    store.revoke("one", "test")
    store.create(caller("one"), "test")
    assert Book.of(store).by_digest(digest_of(first), 0) is None
    store.close()


def test_an_expired_token_is_nobodys(tmp_path: Path) -> None:
    store = Store(tmp_path / "access")
    token = store.create(caller("one"), "test", expires_ms=1_000)
    book = Book.of(store)
    assert book.by_digest(digest_of(token), 999) is not None
    assert book.by_digest(digest_of(token), 1_000) is None
    store.close()


def test_a_hash_that_only_begins_alike_is_nobodys(tmp_path: Path) -> None:
    store = Store(tmp_path / "access")
    digest = digest_of(store.create(caller("one"), "test"))
    book = Book.of(store)
    assert book.by_digest(digest, 0) is not None
    assert book.by_digest(digest[:31] + bytes([digest[31] ^ 1]), 0) is None
    store.close()


def test_a_replaced_or_lost_access_file(guarded: Guarded, tmp_path: Path) -> None:
    """Another file in its place counts at once; none lets nobody in for long."""
    token = guarded.enter(caller("one"))
    digest, access = digest_of(token), guarded.app.access
    other = Store(tmp_path / "other")
    newer = other.create(caller("two"), "test")
    other.close()
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"access.sqlite3{suffix}").unlink(missing_ok=True)
    (tmp_path / "other").rename(tmp_path / "access.sqlite3")
    until(lambda: [access.by_digest(digest_of(newer))] if access.by_digest(digest_of(newer)) else
          [], 1)  # fmt: skip
    assert access.by_digest(digest) is None
    (tmp_path / "access.sqlite3").chmod(0o644)
    access._good_at -= LONGEST_STALE_S
    until(lambda: [] if access.by_digest(digest_of(newer)) else [True], 1)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "access").close()
    beside = apsw.Connection(str(tmp_path / "access"))
    beside.pragma("user_version", 7)
    beside.close()
    with pytest.raises(ConfigError, match="has version 7"):
        Store(tmp_path / "access")


# Scopes


@pytest.mark.parametrize("sellers", [{"A"}, {"B", "A"}, {"Ä", "A B", "日本"}])
def test_a_scope_reads_back_as_itself(sellers: set[str]) -> None:
    packed = pack_scope(sellers)
    assert parse_scope(packed) == sellers
    assert packed == pack_scope(sorted(sellers, reverse=True))


def test_all_sellers_are_no_bytes() -> None:
    assert pack_scope(None) == b""
    assert parse_scope(b"") is None


@pytest.mark.parametrize("sellers", [set(), {""}, {"A\0B"}, {"A", ""}, {"\0"}])
def test_a_scope_that_would_read_back_as_another_is_refused(sellers: set[str]) -> None:
    with pytest.raises(ValueError, match="seller"):
        pack_scope(sellers)


def test_a_seller_id_with_the_separator_is_in_nobodys_scope(guarded: Guarded) -> None:
    """A request may name such a seller; it is neither of the two that it joins."""
    server = guarded.as_caller(caller("two", "A", "B"))
    named = listing("X")
    named.key.seller_id = "A\0B"
    assert [each.reason for each in server.upsert(named).errors] == ["UNKNOWN_SELLER"]


def test_rights_come_back_as_they_were() -> None:
    who = Caller("x", frozenset({Role.READ, Role.ADMIN}), frozenset({"A", "Ö"}),
                 {Power.RELEASE: 0}, Rates(1, 2, 3))  # fmt: skip
    assert caller_of("x", rights_of(who)) == who
    for rights in ("{}", "[]", rights_of(who).replace("read", "root"), "\ud800"):
        with pytest.raises((InputError, UnicodeError)):
            caller_of("x", rights)


def test_no_sellers_are_never_all_of_them() -> None:
    who = Caller("x", frozenset({Role.READ}), frozenset(), NO_LIMITS)
    with pytest.raises(InputError, match="sellers is empty"):
        caller_of("x", rights_of(who))
    with pytest.raises(ValueError, match="read back as all sellers"):
        assert who.scope


@pytest.mark.parametrize(("count", "may"), [(0, True), (5, True), (6, False)])
def test_powers(count: int, may: bool) -> None:
    who = caller("x", powers={Power.RELEASE: 5})
    assert who.may(Power.RELEASE, count) is may
    assert who.may(Power.RESTORE, 10**9)
    assert not caller("x", powers={Power.RELEASE: 0}).may(Power.RELEASE)


def test_there_is_no_caller_outside_a_call() -> None:
    with pytest.raises(LookupError):
        current_caller()
