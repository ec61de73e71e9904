"""The joining node's half of a join: know the swarm first, then show the secret.

joining node                                        manager
| ---- TLS, nobody checked, "swarmpy-join/1" -------> |
| <--- JoinOffer: the authority's certificate ------- |
its digest is the token's? the other end's
certificate is signed by it, for a manager?
| ---- JoinRequest: the secret, the key to sign ----> |
| <--- JoinResponse: the node's certificate --------- |
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from swarmpy.errors import (
    InvalidInput,
    PermissionDenied,
    TokenRefused,
    Unavailable,
    error_classes,
)
from swarmpy.pb.join_pb2 import JoinOffer, JoinRequest, JoinResponse
from swarmpy.rpc.cluster_port import JOIN_PROTOCOL
from swarmpy.rpc.dial import hang_up, open_tls
from swarmpy.rpc.frames import read_frame, write_frame
from swarmpy.rpc.stream_pair import streams_of
from swarmpy.security.certificates import read_certificate
from swarmpy.security.tls import verify_offer
from swarmpy.security.tls_context import join_context
from swarmpy.security.tokens import Token, parse

JOIN_TIMEOUT_S: Final = 30.0
"""A manager that has to reach the leader, and commit, takes a second or two."""


async def join(address: str, token_text: str, csr_pem: bytes, now_ms: int) -> JoinResponse:
    """Ask the manager whose cluster port is at `address` for a certificate.

    `now_ms` is this machine's time; managers refuse clocks that are far from theirs.

    Returns: a response without error, with the authority's certificate filled in.

    Raises:
        TokenRefused: no token, another swarm's, unknown, expired or used up.
        InvalidInput: the address or this machine's clock is wrong.
        PermissionDenied: a worker, or an impostor, answers there.
        Unavailable: nobody answers in time, or there is no leader now.
    """
    token = parse(token_text)
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            reader, writer, leaf_der = await dial_join(address)
            try:
                return await _converse(reader, writer, leaf_der, token, csr_pem, now_ms)
            finally:
                await hang_up(writer)
    except TimeoutError as error:
        raise _broken_off(address, f"no answer within {JOIN_TIMEOUT_S:g} s") from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise _broken_off(address, "the manager hung up") from error


async def dial_join(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """Connect to whoever answers; return its certificate (DER) too, for `verify_offer`.

    Raises:
        Unavailable: nobody answers, or not in the joining protocol.
    """
    transport = await open_tls(address, join_context(JOIN_PROTOCOL), JOIN_PROTOCOL, None)
    tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
    leaf_der = tls.getpeercert(binary_form=True)
    assert leaf_der, "a TLS server always shows a certificate"
    return *streams_of(transport), leaf_der


async def _converse(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    leaf_der: bytes,
    token: Token,
    csr_pem: bytes,
    now_ms: int,
) -> JoinResponse:
    offer = await read_frame(reader, JoinOffer)
    verify_offer(offer.ca_certificate_pem, token.ca_digest, leaf_der, now_ms / 1000)
    request = JoinRequest(
        token_id=token.token_id, secret=token.secret, csr_pem=csr_pem, now_ms=now_ms
    )
    await write_frame(writer, request)
    response = await read_frame(reader, JoinResponse)
    if response.error:
        raised = error_classes().get(response.error_class, TokenRefused)
        raise raised(response.error, remedy=response.remedy)
    _check_issued(response.certificate_pem, csr_pem, offer.ca_certificate_pem)
    response.ca_certificate_pem = offer.ca_certificate_pem
    return response


def _check_issued(certificate_pem: bytes, csr_pem: bytes, ca_pem: bytes) -> None:
    certificate = read_certificate(certificate_pem)
    try:
        certificate.verify_directly_issued_by(read_certificate(ca_pem))
    except (InvalidSignature, ValueError, TypeError) as error:
        raise PermissionDenied("the manager gave a certificate of another authority") from error
    if certificate.public_key() != x509.load_pem_x509_csr(csr_pem).public_key():
        raise InvalidInput("the manager gave a certificate for another key than this node's")


def _broken_off(address: str, why: str) -> Unavailable:
    return Unavailable(
        f"joining through {address} was broken off: {why}",
        remedy="try again; if the token was used up by this, make another on a manager: "
        "swarmpy token create",
    )
