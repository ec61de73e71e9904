"""Reads and writes ECDSA P-256 keys, the only kind SwarmPy uses."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from swarmpy.errors import InvalidInput


def requested_key(csr_pem: bytes) -> ec.EllipticCurvePublicKey:
    """Return the public key that a certificate request is for.

    Raises:
        InvalidInput: it cannot be read, or is not signed with its own P-256 key.
    """
    try:
        csr = x509.load_pem_x509_csr(csr_pem)
        key, signed = csr.public_key(), csr.is_signature_valid
    except ValueError as error:
        raise InvalidInput("a certificate request cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInput("a certificate request needs an ECDSA P-256 key")
    if not signed:
        raise InvalidInput("a certificate request is not signed with its own key")
    return key


def read_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Parse a private key. Raises InvalidInput when it is none of ours."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise InvalidInput("a private key cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput("a private key is not an ECDSA key")
    return key


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as it is stored: PKCS 8, not encrypted; the file's mode protects it."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
