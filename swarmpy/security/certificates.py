"""The swarm's own certificate authority, and the certificates that say who a node is.

A certificate's subject is the node: CN its id, OU its role, O its swarm. Names that TLS checks
are `<node id>.node.swarmpy`, and `manager.swarmpy` for managers only, so that a worker's
certificate cannot pass for a manager's.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from swarmpy.errors import InvalidInput, StorageCorrupt
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole
from swarmpy.seams import Disk
from swarmpy.security.keys import pem_of_key, read_key, requested_key

MANAGER_NAME: Final = "manager.swarmpy"
CA_LIFETIME_S: Final = 20 * 365 * 86400
CLOCK_SKEW_S: Final = 3600
"""Certificates are valid from an hour before they are made: clocks differ."""
IDENTITY_FILE: Final = "node.pem"

_UNIT_OF_ROLE: Final = {NODE_ROLE_MANAGER: "swarmpy-manager", NODE_ROLE_WORKER: "swarmpy-worker"}
_ROLE_OF_UNIT: Final = {unit: role for role, unit in _UNIT_OF_ROLE.items()}


def node_name(node_id: str) -> str:
    """Return the name that a node's certificate is checked for."""
    return f"{node_id}.node.swarmpy"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate speaks of."""

    node_id: str
    role: NodeRole.ValueType
    cluster_id: str


def subject_of(certificate: x509.Certificate) -> Subject:
    """Return the node that a certificate speaks of; says nothing about who signed it.

    Raises:
        InvalidInput: it is not a node's certificate.
    """

    def only(oid: x509.ObjectIdentifier) -> str:
        values = certificate.subject.get_attributes_for_oid(oid)
        if len(values) != 1:
            raise InvalidInput("this is not the certificate of a swarm's node")
        return str(values[0].value)

    unit = only(NameOID.ORGANIZATIONAL_UNIT_NAME)
    if unit not in _ROLE_OF_UNIT:
        raise InvalidInput(f"a certificate names the unknown role {unit!r}")
    return Subject(only(NameOID.COMMON_NAME), _ROLE_OF_UNIT[unit], only(NameOID.ORGANIZATION_NAME))


def digest_of(ca_certificate_pem: bytes) -> str:
    """Return the SHA-256 of a certificate's DER, in hex: what join tokens pin."""
    return read_certificate(ca_certificate_pem).fingerprint(hashes.SHA256()).hex()


def read_certificate(pem: bytes) -> x509.Certificate:
    """Parse one certificate. Raises InvalidInput when it is none."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise InvalidInput("a certificate cannot be read") from error


def new_key_and_csr() -> tuple[bytes, bytes]:
    """Return a new private key and a request to sign its public half, both PEM.

    The request names nobody: the authority decides whom the certificate speaks of.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    csr = request.sign(key, hashes.SHA256())
    return pem_of_key(key), csr.public_bytes(serialization.Encoding.PEM)


class Authority:
    """Signs the certificates of one swarm. Every manager holds its key."""

    def __init__(self, ca_certificate_pem: bytes, ca_key_pem: bytes) -> None:
        self.ca_certificate_pem: Final = ca_certificate_pem
        self.ca_key_pem: Final = ca_key_pem
        self._certificate = read_certificate(ca_certificate_pem)
        self._key = read_key(ca_key_pem)
        if self._key.public_key() != self._certificate.public_key():
            raise InvalidInput("the authority's key is not the one of its certificate")

    def __repr__(self) -> str:
        return f"Authority(digest={self.digest})"

    @classmethod
    def create(cls, cluster_id: str, now_s: float) -> Self:
        """Make a new authority, good for 20 years."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("swarmpy-ca", "swarmpy-ca", cluster_id)
        builder = (
            _builder(name, name, key.public_key(), now_s, CA_LIFETIME_S)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
        )
        return cls(_pem(builder.sign(key, hashes.SHA256())), pem_of_key(key))

    @property
    def digest(self) -> str:
        """SHA-256 of the certificate's DER, in hex."""
        return self._certificate.fingerprint(hashes.SHA256()).hex()

    def sign(
        self,
        csr_pem: bytes,
        *,
        node_id: str,
        role: NodeRole.ValueType,
        cluster_id: str,
        ttl_s: float,
        now_s: float,
    ) -> bytes:
        """Return a certificate (PEM) for the request's public key; all else in it is ignored.

        Raises:
            InvalidInput: the request cannot be read, or not signed with its own P-256 key.
        """
        assert node_id.isalnum(), f"{node_id!r} cannot be part of a DNS name"
        public_key = requested_key(csr_pem)
        names = [node_name(node_id), *([MANAGER_NAME] if role == NODE_ROLE_MANAGER else [])]
        subject = _name(node_id, _UNIT_OF_ROLE[role], cluster_id)
        ca_key = self._key.public_key()
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _builder(subject, self._certificate.subject, public_key, now_s, ttl_s)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key), critical=False
            )
        )
        return _pem(builder.sign(self._key, hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What a node shows to others: its key, its certificate, and the authority of both."""

    node_id: str
    cluster_id: str
    role: NodeRole.ValueType
    certificate_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)
    ca_certificate_pem: bytes = field(repr=False)

    @classmethod
    def read(cls, certificate_pem: bytes, key_pem: bytes, ca_certificate_pem: bytes) -> Self:
        """Make an identity of its three parts.

        Raises:
            InvalidInput: one cannot be read, or they do not belong together.
        """
        certificate = read_certificate(certificate_pem)
        if read_key(key_pem).public_key() != certificate.public_key():
            raise InvalidInput("the node's key is not the one of its certificate")
        try:
            certificate.verify_directly_issued_by(read_certificate(ca_certificate_pem))
        except (InvalidSignature, ValueError, TypeError) as error:
            raise InvalidInput("the node's certificate is of another swarm") from error
        subject = subject_of(certificate)
        return cls(
            subject.node_id,
            subject.cluster_id,
            subject.role,
            certificate_pem,
            key_pem,
            ca_certificate_pem,
        )

    @property
    def expires_at_s(self) -> float:
        """When the certificate ends, in seconds since the Unix epoch."""
        return read_certificate(self.certificate_pem).not_valid_after_utc.timestamp()

    def save(self, disk: Disk, directory: Path) -> None:
        """Write the identity, mode 0600. One file: its parts can never disagree."""
        disk.make_dir(directory)
        parts = (self.key_pem, self.certificate_pem, self.ca_certificate_pem)
        disk.replace(directory / IDENTITY_FILE, b"".join(parts))

    @classmethod
    def load(cls, disk: Disk, directory: Path) -> Self | None:
        """Return what was saved; None when nothing was.

        Raises:
            StorageCorrupt: the file is there and cannot be used.
        """
        path = directory / IDENTITY_FILE
        try:
            data = disk.read(path)
        except FileNotFoundError:
            return None
        try:
            certificate, ca = (_pem(item) for item in x509.load_pem_x509_certificates(data))
            return cls.read(certificate, pem_of_key(read_key(data)), ca)
        except (InvalidInput, ValueError) as error:
            raise StorageCorrupt(
                f"{path} is damaged: {error}",
                remedy="swarmpy leave --force, then join again with a new token",
            ) from error


def _name(common: str, unit: str, organization: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now_s: float,
    lifetime_s: float,
) -> x509.CertificateBuilder:
    now = dt.datetime.fromtimestamp(now_s, dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(seconds=CLOCK_SKEW_S))
        .not_valid_after(now + dt.timedelta(seconds=lifetime_s))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
