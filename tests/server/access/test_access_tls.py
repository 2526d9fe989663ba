"""TLS on real sockets: what is encrypted, whom a certificate names, renewal, and bad files."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from access_server import Guarded, bearer, caller, reason_of
from certificates import Authority, Made, write

from engine.errors import ConfigError
from server.access.caller import UNLIMITED, Caller, Role
from server.access.tls import Certificates
from server.app import App
from server.config import TlsConfig, parse
from tests.server.conftest import MEMORY

LIST = "/repriced.v1.CatalogService/ListSellers"
READER = Caller("reader", frozenset({Role.READ}), None, {}, UNLIMITED)

Start = Callable[[str], Guarded]


def secure(guarded: Guarded, root: bytes, client: Made | None = None) -> grpc.Channel:
    """A new encrypted connection."""
    pair = (client.key, client.certificate) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(root, *pair)
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    guarded.channels.append(
        grpc.secure_channel(f"127.0.0.1:{guarded.app.port}", credentials, options)
    )
    return guarded.channels[-1]


def ask(channel: grpc.Channel, token: str = "") -> bytes:
    """A call that any reader may make."""
    metadata = bearer(token) if token else ()
    return bytes(channel.unary_unary(LIST)(b"", metadata=metadata, timeout=5))


def code_of(call: Callable[[], Any]) -> grpc.StatusCode:
    """The code of a call that must fail."""
    with pytest.raises(grpc.RpcError) as failed:
        call()
    error: Any = failed.value
    code: grpc.StatusCode = error.code()
    return code


def test_tokens_travel_encrypted(start: Start, tmp_path: Path) -> None:
    root = Authority()
    guarded = start(write(tmp_path, root.sign("server", address=True)))
    token = guarded.enter(READER)
    assert ask(secure(guarded, root.root), token) is not None
    assert code_of(lambda: ask(secure(guarded, root.root))) is grpc.StatusCode.UNAUTHENTICATED
    assert code_of(lambda: ask(guarded.open(), token)) is grpc.StatusCode.UNAVAILABLE
    stranger = Authority("somebody else's root")
    assert code_of(lambda: ask(secure(guarded, stranger.root), token)) is (
        grpc.StatusCode.UNAVAILABLE
    )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(start: Start, tmp_path: Path, version: ssl.TLSVersion) -> None:
    root = Authority()
    guarded = start(write(tmp_path, root.sign("server", address=True)))
    assert handshake(guarded, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        handshake(guarded, version)


def handshake(guarded: Guarded, version: ssl.TLSVersion) -> str | None:
    """The version that a client of just this version gets."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", guarded.app.port), 5) as plain,
        context.wrap_socket(plain) as wrapped,
    ):
        return wrapped.version()


def test_a_renewed_certificate_is_used_without_a_restart(start: Start, tmp_path: Path) -> None:
    first, second = Authority(), Authority()
    guarded = start(write(tmp_path, first.sign("server", address=True)))
    token = guarded.enter(READER)
    before = secure(guarded, first.root)
    ask(before, token)
    (tmp_path / "server.pem").write_bytes(b"half of a renewal")
    ask(secure(guarded, first.root), token)
    write(tmp_path, second.sign("server", address=True))
    ask(secure(guarded, second.root), token)
    assert code_of(lambda: ask(secure(guarded, first.root), token)) is grpc.StatusCode.UNAVAILABLE
    ask(before, token)


def mutual(start: Start, folder: Path) -> tuple[Guarded, Authority, Authority]:
    """A server that asks clients for certificates, its root and that of the clients."""
    root, clients = Authority(), Authority("clients")
    return start(write(folder, root.sign("server", address=True), clients.root)), root, clients


def test_a_certificate_names_a_caller(start: Start, tmp_path: Path) -> None:
    guarded, root, clients = mutual(start, tmp_path)
    guarded.store.create(READER, "test", certificate="backend.example")
    guarded.app.access._refresh()
    by_name = clients.sign("whatever", "other.example", "backend.example")
    ask(secure(guarded, root.root, by_name))
    ask(secure(guarded, root.root, clients.sign("backend.example")))
    hidden = clients.sign("backend.example", "other.example")
    for stranger in (clients.sign("nobody"), hidden, clients.sign("BACKEND.example")):
        channel = secure(guarded, root.root, stranger)
        assert code_of(lambda channel=channel: ask(channel)) is grpc.StatusCode.UNAUTHENTICATED
    forged = Authority("clients").sign("backend.example")
    assert code_of(lambda: ask(secure(guarded, root.root, forged))) is grpc.StatusCode.UNAVAILABLE
    assert code_of(lambda: ask(secure(guarded, root.root))) is grpc.StatusCode.UNAVAILABLE


def test_renewed_client_roots_are_used_without_a_restart(start: Start, tmp_path: Path) -> None:
    guarded, root, before = mutual(start, tmp_path)
    guarded.store.create(READER, "test", certificate="backend.example")
    guarded.app.access._refresh()
    ask(secure(guarded, root.root, before.sign("backend.example")))
    after = Authority("clients of tomorrow")
    write(tmp_path, root.sign("server", address=True), after.root)
    ask(secure(guarded, root.root, after.sign("backend.example")))
    old = secure(guarded, root.root, before.sign("backend.example"))
    assert code_of(lambda: ask(old)) is grpc.StatusCode.UNAVAILABLE


def test_a_certificate_of_several_callers_is_nobodys(start: Start, tmp_path: Path) -> None:
    guarded, root, clients = mutual(start, tmp_path)
    for name in ("one", "two"):
        guarded.store.create(caller(name), "test", certificate=f"{name}.example")
    guarded.app.access._refresh()
    both = secure(guarded, root.root, clients.sign("x", "one.example", "two.example"))
    assert code_of(lambda: ask(both)) is grpc.StatusCode.UNAUTHENTICATED


def test_a_certificate_does_not_mend_a_bad_token(start: Start, tmp_path: Path) -> None:
    guarded, root, clients = mutual(start, tmp_path)
    guarded.store.create(READER, "test", certificate="backend.example")
    token = guarded.enter(caller("other"))
    channel = secure(guarded, root.root, clients.sign("backend.example"))
    with pytest.raises(grpc.RpcError) as refused:
        ask(channel, token[:-1])
    assert reason_of(refused.value) == "UNAUTHENTICATED"
    ask(channel, token)


def test_a_certificates_role_is_checked_too(start: Start, tmp_path: Path) -> None:
    guarded, root, clients = mutual(start, tmp_path)
    guarded.store.create(READER, "test", certificate="backend.example")
    guarded.app.access._refresh()
    channel = secure(guarded, root.root, clients.sign("backend.example"))
    upsert = channel.unary_unary("/repriced.v1.CatalogService/BatchUpsertSellers")
    assert code_of(lambda: upsert(b"", timeout=5)) is grpc.StatusCode.PERMISSION_DENIED
    guarded.store.revoke("reader", "test")
    guarded.app.access._refresh()
    assert code_of(lambda: ask(channel)) is grpc.StatusCode.UNAUTHENTICATED


def test_files_that_cannot_be_used_are_named_and_their_text_is_not(tmp_path: Path) -> None:
    root = Authority()
    write(tmp_path, root.sign("server"))
    good, key = str(tmp_path / "server.pem"), str(tmp_path / "server.key")
    canary = "SECRET-CANARY"
    (tmp_path / "text").write_text(canary)
    (tmp_path / "other.key").write_bytes(root.sign("other").key)
    for setting, files in {
        "tls.certificate_file": (str(tmp_path / "absent"), key),
        "tls.key_file": (good, str(tmp_path / "text")),
        "tls.certificate_file and": (good, str(tmp_path / "other.key")),
        "tls.certificate_file is": (str(tmp_path), key),
    }.items():
        with pytest.raises(ConfigError) as refused:
            Certificates(TlsConfig(*files))
        assert setting in refused.value.message
        assert canary not in refused.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[tls]\ncertificate_file = "a"', "tls.key_file is ''; allowed: certificate and key, both"),
        ('[tls]\nkey_file = "a"', "tls.certificate_file is ''"),
        ('[tls]\nclient_ca_file = "a"', "where tls.key_file is set too"),
        (
            '[tls]\ncertificate_file = "a"\nkey_file = "b"\nclient_ca_file = "c"',
            "where access.file is set too",
        ),
        ('[server]\nlisten = "0.0.0.0:1"\n[tls]\ncertificate_file = "a"\nkey_file = "b"',
         "access.file, or everybody may do everything"),
        ('[server]\nlisten = "0.0.0.0:1"\n[access]\nfile = "f"', "allow_plaintext_remote"),
        ('[server]\nlisten = "0.0.0.0:1"\nallow_plaintext_remote = true', "access.file"),
        ('[access]\nfile = "a\\u0000b"', "printable"),
    ],
)  # fmt: skip
def test_settings_that_would_expose_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert words in refused.value.message


def test_tls_allows_listening_elsewhere() -> None:
    text = (
        '[server]\nlisten = "0.0.0.0:1"\n[access]\nfile = "f"\n'
        '[tls]\ncertificate_file = "a"\nkey_file = "b"'
    )
    assert parse(text).tls.certificate_file == "a"


@pytest.mark.parametrize("trick", ["folder", "fifo", "open", "link to nothing", "not ours"])
def test_an_access_file_is_a_private_file_of_ours(tmp_path: Path, trick: str) -> None:
    path = tmp_path / "access.sqlite3"
    if trick == "folder":
        path.mkdir()
    elif trick == "fifo":
        os.mkfifo(path, 0o600)
    elif trick == "open":
        path.touch(0o644)
        path.chmod(0o644)
    elif trick == "link to nothing":
        path.symlink_to(tmp_path / "absent" / "file")
    else:
        path.write_text("no database, but private")
        path.chmod(0o600)
    with pytest.raises(ConfigError) as refused:
        App(parse(f'{MEMORY}[access]\nfile = "{path}"')).start()
    assert "access.file" in refused.value.message
