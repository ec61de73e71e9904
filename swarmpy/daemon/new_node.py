"""Makes a node's state directory: an empty place, an identity, keys; all of it or nothing."""

from __future__ import annotations

import contextlib
import errno
import random
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field

from swarmpy.daemon.data_key_file import KeyFiles
from swarmpy.daemon.engine import check_engine
from swarmpy.daemon.key_source import AnySource
from swarmpy.daemon.settings import Settings, is_member
from swarmpy.errors import StorageFull, WrongState
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from swarmpy.seams import Disk
from swarmpy.security.certificates import Authority, NodeIdentity, new_key_and_csr
from swarmpy.security.sealed import Seal

FIRST_CERTIFICATE_TTL_S = 90 * 86400.0


@dataclass(frozen=True, slots=True)
class NewKeys:
    """What a new node's files are closed with."""

    key: bytes = field(repr=False)
    seal: Seal
    to_keep: str = field(repr=False)


def check_place(settings: Settings, disk: Disk) -> None:
    """Return when nothing stands in the way of a new node; nothing is changed."""
    if is_member(settings.state_dir):
        raise WrongState(
            f"this machine is in a swarm already: {settings.state_dir}",
            remedy="swarmpy leave first, or give another --state-dir",
        )
    if disk.list_dir(settings.state_dir):
        raise WrongState(
            f"{settings.state_dir} is not empty, and a node that leaves removes its directory",
            remedy="give a --state-dir that is new or empty",
        )
    kinds = [(port, socket.SOCK_STREAM) for port in settings.tcp_ports]
    for port, kind in (*kinds, (settings.gossip_port, socket.SOCK_DGRAM)):
        family = socket.AF_INET6 if ":" in settings.listen_address else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.listen_address, port))
            except OSError as error:
                raise WrongState(
                    f"cannot listen on {settings.listen_address}:{port}: {error.strerror}",
                    remedy="stop what uses it, or choose others: --cluster-port, "
                    "--api-port, --gossip-port",
                ) from None
    check_engine(settings)


def first_identity(
    authority: Authority, cluster_id: str, node_id: str, now_s: float
) -> NodeIdentity:
    """Return a manager's identity that the swarm's own authority signed here."""
    key_pem, csr_pem = new_key_and_csr()
    certificate_pem = authority.sign(
        csr_pem,
        node_id=node_id,
        role=NODE_ROLE_MANAGER,
        cluster_id=cluster_id,
        ttl_s=FIRST_CERTIFICATE_TTL_S,
        now_s=now_s,
    )
    return NodeIdentity.read(certificate_pem, key_pem, authority.ca_certificate_pem)


def new_keys(
    settings: Settings,
    disk: Disk,
    identity: NodeIdentity,
    source: AnySource,
    undo: contextlib.ExitStack,
) -> NewKeys:
    """Make the node's key and its key file."""
    rng = random.SystemRandom()
    made = source.make(rng)
    undo.callback(source.forget)
    files = KeyFiles(disk, settings.state_dir, identity.node_id, identity.cluster_id, rng)
    seal = Seal(files.create(source, made), identity.node_id, rng)
    return NewKeys(made.key, seal, made.to_keep)


@contextlib.contextmanager
def all_or_nothing(settings: Settings, disk: Disk) -> Iterator[contextlib.ExitStack]:
    """Make the state directory for the block. When it fails, undo that, and what it adds to the
    stack.
    """
    with contextlib.ExitStack() as undo:
        undo.callback(shutil.rmtree, settings.state_dir, ignore_errors=True)
        with _writing(settings):
            disk.make_dir(settings.state_dir)
            yield undo
        undo.pop_all()


@contextlib.contextmanager
def _writing(settings: Settings) -> Iterator[None]:
    """Say in words that the state directory cannot be written. Raises WrongState, StorageFull."""
    try:
        yield
    except OSError as error:
        words = f"cannot write {settings.state_dir}: {error.strerror}"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(words, remedy="make room there, then repeat") from error
        raise WrongState(words, remedy="give another --state-dir, or run as root") from error
