"""Makes one manager a whole swarm again: out of a backup, or when most managers are lost.

Both end in one transaction: managers that are not here any more are forgotten, and their ids kept
in `removed_node_ids`. Their certificates are good for nothing then, so one that comes back with
its old log cannot mix two histories; it has to leave and to join anew. Workers stay as they are:
they find this manager if it is where they look for one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

from swarmpy.daemon.at_rest import ManagerAtRest, new_store
from swarmpy.daemon.bootstrap import Prepared
from swarmpy.daemon.claim import claimed
from swarmpy.daemon.clock import SystemClock
from swarmpy.daemon.data_key_file import KeyFiles
from swarmpy.daemon.key_choice import NO_WISH, KeyWish, chosen
from swarmpy.daemon.manager_part import raft_directory
from swarmpy.daemon.new_node import all_or_nothing, check_place, first_identity, new_keys
from swarmpy.daemon.settings import Settings, save
from swarmpy.errors import WrongState
from swarmpy.ids import IdSource
from swarmpy.manager.removal import remember_removed
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.objects_pb2 import ManagerStatus, Node, NodeStatus
from swarmpy.pb.specs_pb2 import NodeSpec
from swarmpy.pb.transaction_pb2 import Transaction
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    NODE_ROLE_MANAGER,
    NODE_STATE_UNKNOWN,
)
from swarmpy.raft.commands import Voter
from swarmpy.raft.disk import LocalDisk
from swarmpy.raft.offline import Offline
from swarmpy.raft.sealing import Sealing
from swarmpy.raft.snapshot_file import Snapshot
from swarmpy.security.certificates import Authority
from swarmpy.store.editor import Editor
from swarmpy.store.store import Store


def go_on_alone(manager: ManagerAtRest) -> list[str]:
    """`swarmpy init --force-new-cluster`: return the ids of the managers that are given up.

    Raises:
        WrongState: the daemon runs, or this node is no member of the quorum.
        StorageCorrupt: the log cannot be trusted.
        OSError: the disk fails.
    """
    with claimed(manager.settings.state_dir):
        return _go_on_alone(manager)


def _go_on_alone(manager: ManagerAtRest) -> list[str]:
    store, _, members = manager.read()
    node_id, address = manager.identity.node_id, manager.settings.raft_address
    if node_id not in members:
        raise WrongState(
            "this manager was no member of the quorum yet",
            remedy="force the new cluster on one that was",
        )
    lost = sorted(set(members) - {node_id})
    tx = Editor(store.view)
    _forget(tx, lost)
    entry = _transaction(tx).SerializeToString(deterministic=True)
    manager.offline.go_on_alone(node_id, address, entry)
    return lost


def prepare_restored(
    settings: Settings, content: BackupContent, wish: KeyWish = NO_WISH
) -> Prepared:
    """`swarmpy restore`: make this machine the only manager of the swarm in a backup.

    Raises:
        WrongState, EngineUnavailable, InvalidInput: as `bootstrap.prepare_first`.
    """
    settings = settings.checked()
    chosen(wish, "anybody", settings.state_dir)  # what cannot be granted leaves nothing behind
    disk = LocalDisk()
    check_place(settings, disk)
    rng, clock = random.SystemRandom(), SystemClock()
    store = new_store()
    store.restore([content.state])
    cluster = store.view.cluster
    authority = Authority(cluster.ca_certificate_pem, cluster.ca_key_pem)
    identity = first_identity(authority, cluster.id, IdSource(rng).new_id(), clock.now())
    source = chosen(wish, identity.node_id, settings.state_dir)
    snapshot = _begun_by(settings, identity.node_id, store, content)
    with all_or_nothing(settings, disk) as undo:
        made = new_keys(settings, disk, identity, source, undo)
        files = KeyFiles(disk, settings.state_dir, identity.node_id, cluster.id, rng)
        sealing = Sealing(cluster.id, files.create_raft(made.key).keys, rng)
        offline = Offline(disk, raft_directory(settings), clock, sealing)
        asyncio.run(offline.begin_with(snapshot))
        identity.save(disk, settings.state_dir)
        save(settings, disk)
    return Prepared(settings, made.to_keep)


def _begun_by(settings: Settings, node_id: str, store: Store, content: BackupContent) -> Snapshot:
    """Return the first snapshot of the new swarm: the old one's state, with this manager only."""
    tx = Editor(store.view)
    managers = [
        node.id
        for node in store.view.nodes
        if NODE_ROLE_MANAGER in {node.role, node.spec.role} or node.HasField("manager")
    ]
    _forget(tx, managers)
    for node in store.view.nodes:
        if node.id not in managers:
            with tx.nodes.edit(node.id) as kept:
                kept.status.state = NODE_STATE_UNKNOWN
                kept.status.message = "not heard of since the swarm was restored"
    tx.nodes.create(_this_node(settings, node_id))
    index = content.index + 1
    store.apply(index, _transaction(tx).SerializeToString(deterministic=True))
    members = {node_id: Voter(settings.raft_address)}
    return Snapshot(index, content.term + 1, members, store.as_bytes())


def _this_node(settings: Settings, node_id: str) -> Node:
    return Node(
        id=node_id,
        spec=NodeSpec(role=NODE_ROLE_MANAGER, availability=AVAILABILITY_ACTIVE),
        status=NodeStatus(
            state=NODE_STATE_UNKNOWN,
            message="its agent has not called yet",
            address=settings.advertise_address,
        ),
        role=NODE_ROLE_MANAGER,
        manager=ManagerStatus(raft_address=settings.raft_address, api_address=settings.api_address),
    )


def _forget(tx: Editor, node_ids: Iterable[str]) -> None:
    """Remove nodes, and remember that they were."""
    with tx.clusters.edit(tx.view.cluster.id) as cluster:
        for node_id in node_ids:
            if tx.nodes.find(node_id) is not None:
                tx.nodes.delete(node_id)
            remember_removed(cluster, node_id)


def _transaction(tx: Editor) -> Transaction:
    ids = IdSource(random.SystemRandom())
    return tx.transaction(ids.new_id(), int(SystemClock().now() * 1000))
