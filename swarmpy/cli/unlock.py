"""`swarmpy unlock`: opens a node that waits for its key."""

from __future__ import annotations

from swarmpy.cli import render
from swarmpy.cli.lock_words import ask_for
from swarmpy.cli.node_flags import StateDirOption
from swarmpy.cli.noun import verb
from swarmpy.cli.socket_here import socket_here
from swarmpy.client.local import LocalClient
from swarmpy.errors import WrongState
from swarmpy.pb.local_pb2 import LOCK_KIND_NONE

app = verb()


@app.command()
def unlock(state_dir: StateDirOption = None) -> None:
    """Open this machine's locked node. The key is typed, or comes on stdin: a line for each."""
    local = LocalClient(socket_here(state_dir))
    kind = local.lock()
    if kind == LOCK_KIND_NONE:
        raise WrongState("this node is not locked", remedy="swarmpy node ls shows how it is")
    while kind != LOCK_KIND_NONE:
        local.unlock(ask_for(kind))
        kind = local.next_lock(kind)
    render.say("✔ this node is unlocked")
