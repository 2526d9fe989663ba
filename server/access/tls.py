"""TLS for the gRPC port, with certificates that are read again when their files change.

gRPC asks for the certificates at each handshake. What it cannot change without a restart: whether
clients must bring a certificate, and the address. Open connections keep what they were made with.
TLS 1.2 is the lowest version that gRPC speaks; its Python API cannot raise that.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc

from engine.errors import ConfigError
from server.config import TlsConfig
from server.logs import logger

Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Files:
    """The files' contents, and what tells that one of them changed."""

    stamp: Stamp
    certificate: bytes
    key: bytes
    client_ca: bytes | None

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        """The same for gRPC."""
        pair = (self.key, self.certificate)
        return grpc.ssl_server_certificate_configuration([pair], self.client_ca)


class Certificates:
    """Reads the files at start, and at a handshake where one of them changed. Any thread."""

    def __init__(self, tls: TlsConfig) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._refused: Stamp = ()
        self.files = read_files(tls)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What gRPC uses from this handshake on; None: what it has.

        Files that cannot be used are logged once and the old ones stay: half of a renewal may be
        on the disk.
        """
        with self._lock:
            try:
                stamp = stamp_of(self._tls)
                if stamp in (self.files.stamp, self._refused):
                    return None
                self._refused = stamp
                files = read_files(self._tls)
            except (ConfigError, OSError) as error:
                logger().error("certificates_unusable", error=str(error))
                return None
            self.files = files
            logger().info("certificates_read", file=self._tls.certificate_file)
            return files.configuration()


def server_credentials(tls: TlsConfig) -> grpc.ServerCredentials | None:
    """Credentials of the port; None where no certificate is configured. Raises ConfigError."""
    if not tls.certificate_file:
        return None
    certificates = Certificates(tls)
    return grpc.dynamic_ssl_server_credentials(
        certificates.files.configuration(),
        cast("Callable[[], grpc.ServerCertificateConfiguration]", certificates.changed),
        bool(tls.client_ca_file),
    )


def paths_of(tls: TlsConfig) -> dict[str, Path]:
    """The files by the name of their setting."""
    named = {"certificate_file": tls.certificate_file, "key_file": tls.key_file}
    if tls.client_ca_file:
        named["client_ca_file"] = tls.client_ca_file
    return {name: Path(path) for name, path in named.items()}


def stamp_of(tls: TlsConfig) -> Stamp:
    """Time, size and inode of each file. Raises OSError."""
    facts = [path.stat() for path in paths_of(tls).values()]
    return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in facts)


def read_files(tls: TlsConfig) -> Files:
    """The files as they are. Raises ConfigError naming the one that cannot be used.

    The stamp is taken first: a file that changes while it is read has another one afterwards.
    """
    try:
        stamp = stamp_of(tls)
    except OSError:
        stamp = ()
    contents = {name: read_pem(f"tls.{name}", path) for name, path in paths_of(tls).items()}
    try:
        check_pair(tls)
    except OSError as error:
        raise ConfigError(
            f"tls.certificate_file and tls.key_file cannot be used together: {error}",
            reason="TLS_FILES",
            field="tls.certificate_file",
        ) from error
    return Files(
        stamp, contents["certificate_file"], contents["key_file"], contents.get("client_ca_file")
    )


def read_pem(key: str, path: Path) -> bytes:
    """A PEM file. Raises ConfigError; the error never holds a part of the file."""
    try:
        text = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise unusable(key, path, error.strerror or "it cannot be read") from error
    if b"-----BEGIN " not in text:
        raise unusable(key, path, "it is not a file that holds PEM")
    return text


def check_pair(tls: TlsConfig) -> None:
    """Raises OSError (ssl.SSLError) for a key that is not the certificate's, or for bad roots.

    gRPC would find out at the first handshake only.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate_file, tls.key_file, password=no_password)
    if tls.client_ca_file:
        context.load_verify_locations(tls.client_ca_file)


def no_password() -> str:
    """An encrypted key is refused instead of asking on the terminal."""
    raise OSError("the key is encrypted; allowed: a key without a password, readable by the server")


def unusable(key: str, path: Path, why: str) -> ConfigError:
    """Error about a certificate file."""
    return ConfigError(f"{key} is {os.fspath(path)!r}: {why}", reason="TLS_FILES", field=key)
