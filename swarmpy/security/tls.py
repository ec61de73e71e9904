"""Says whether whoever answers a joining node is a manager of the swarm that its token names."""

from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from swarmpy.errors import InvalidInput, PermissionDenied, TokenRefused
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.security.certificates import digest_of, read_certificate, subject_of


def verify_offer(ca_pem: bytes, ca_digest: str, leaf_der: bytes, now_s: float) -> None:
    """Return when the other end of a handshake is a manager of the swarm that a token names.

    Args:
        ca_pem: the authority that the other end says it has.
        ca_digest: the one the token names.
        leaf_der: the certificate it showed in the handshake.
        now_s: this machine's time, in seconds since the Unix epoch.

    Raises:
        TokenRefused: it belongs to another swarm.
        PermissionDenied: it is no manager, or pretends to be one.
        InvalidInput: its certificate is not valid now, most likely for this machine's clock.
    """
    ca = read_certificate(ca_pem)
    if digest_of(ca_pem) != ca_digest:
        raise TokenRefused(
            "this token is for another swarm than the one that answers at this address",
            remedy="check the address, or make a token on one of that swarm's managers: "
            "swarmpy token create",
        )
    leaf = x509.load_der_x509_certificate(leaf_der)
    try:
        leaf.verify_directly_issued_by(ca)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise PermissionDenied(
            "whoever answers at this address shows the swarm's authority without being of it",
            remedy="join through another manager, and find out who answers there",
        ) from error
    if subject_of(leaf).role != NODE_ROLE_MANAGER:
        raise PermissionDenied(
            "a worker answers at this address", remedy="join through a manager's address"
        )
    _check_dates(leaf, now_s)


def _check_dates(leaf: x509.Certificate, now_s: float) -> None:
    now = dt.datetime.fromtimestamp(now_s, dt.UTC)
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise InvalidInput(
            f"the manager's certificate is valid from {leaf.not_valid_before_utc:%F %T} to "
            f"{leaf.not_valid_after_utc:%F %T} UTC, and here it is {now:%F %T}",
            remedy="set this machine's clock (timedatectl set-ntp true) and try again",
        )
