"""Certificates for tests, made on the spot and good for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Made:
    """A certificate with its key, in PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """A root that signs."""

    def __init__(self, name: str = "test root") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = subject(name)
        built = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.root = pem(built.sign(self._key, hashes.SHA256()))

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=self._name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - HOUR,
            not_valid_after=now + HOUR,
        )

    def sign(self, common_name: str, *names: str, address: bool = False) -> Made:
        """A certificate with a common name and further DNS names; `address` adds 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        others: list[x509.GeneralName] = [x509.DNSName(each) for each in names]
        if address:
            others.append(x509.IPAddress(ip_address("127.0.0.1")))
        built = self._builder(subject(common_name), key)
        if others:
            built = built.add_extension(x509.SubjectAlternativeName(others), critical=False)
        plain = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return Made(pem(built.sign(self._key, hashes.SHA256())), plain)


def subject(name: str) -> x509.Name:
    """A name that is only a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def write(folder: Path, made: Made, client_ca: bytes = b"") -> str:
    """The [tls] settings of files that are written into a folder."""
    (folder / "server.pem").write_bytes(made.certificate)
    (folder / "server.key").write_bytes(made.key)
    lines = [
        "[tls]",
        f'certificate_file = "{folder}/server.pem"',
        f'key_file = "{folder}/server.key"',
    ]
    if client_ca:
        (folder / "clients.pem").write_bytes(client_ca)
        lines.append(f'client_ca_file = "{folder}/clients.pem"')
    return "\n".join(lines) + "\n"
