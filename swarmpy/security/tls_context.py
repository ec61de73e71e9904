"""TLS 1.3 between nodes: one context for those who listen, two for those who dial.

Asks for nothing but the three PEMs of a node, so that a small process need not load what else
there is to know of certificates.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from typing import Protocol


class Papers(Protocol):
    """What a node shows of itself, as PEM, and whom it trusts."""

    @property
    def certificate_pem(self) -> bytes: ...

    @property
    def key_pem(self) -> bytes: ...

    @property
    def ca_certificate_pem(self) -> bytes: ...


def server_context(identity: Papers, protocols: Iterable[str]) -> ssl.SSLContext:
    """Return a context that shows `identity` and checks a client's certificate if it has one.

    Whether a protocol needs a certificate is for the listener to say: the handshake agrees
    on both at the same time.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, protocols)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0  # links live for days: resuming them saves nothing
    _trust_and_show(context, identity)
    return context


def client_context(identity: Papers, protocol: str) -> ssl.SSLContext:
    """Return a context for dialling a node of the swarm.

    The caller names whom it expects: `server_hostname=node_name(node_id)`.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, [protocol])
    _trust_and_show(context, identity)
    return context


def join_context(protocol: str) -> ssl.SSLContext:
    """Return a context that trusts anybody, for a node that knows no authority yet.

    Nothing may be sent before `verify_offer` has accepted the other end.
    """
    context = _context(ssl.PROTOCOL_TLS_CLIENT, [protocol])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _context(side: int, protocols: Iterable[str]) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(list(protocols))
    return context


def _trust_and_show(context: ssl.SSLContext, identity: Papers) -> None:
    context.load_verify_locations(cadata=identity.ca_certificate_pem.decode())
    # The ssl module reads keys from files only: this one exists in memory, for a moment.
    file = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        with open(file, "wb", closefd=False) as pem:
            pem.write(identity.key_pem + identity.certificate_pem)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
