"""`swarmpy init`: a swarm of one."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import forced, render, unlock_key
from swarmpy.cli.flags import with_flags
from swarmpy.cli.node_flags import NodeFlags
from swarmpy.cli.noun import verb
from swarmpy.cli.options import GOSSIP_PROFILES
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER

app = verb()


@app.command()
@with_flags
def init(
    flags: NodeFlags,
    autolock: Annotated[
        bool,
        typer.Option("--autolock", help="Managers that start again wait for swarmpy unlock."),
    ] = False,
    gossip_profile: Annotated[
        str,
        typer.Option(
            metavar=GOSSIP_PROFILES,
            help="How soon nodes miss each other, here and on all that join.",
        ),
    ] = "default",
    force_new_cluster: Annotated[
        bool,
        typer.Option(
            "--force-new-cluster",
            help="On a manager that is left when most are lost for good: go on without them.",
        ),
    ] = False,
) -> None:
    """Start a swarm on this machine: it becomes the first manager."""
    from swarmpy.cli.started import become_node, start_node  # noqa: PLC0415  --help needs no engines
    from swarmpy.daemon import bootstrap  # noqa: PLC0415

    settings = flags.settings()
    if force_new_cluster:
        forced.go_on_alone(settings, foreground=flags.foreground)
        return
    wish = flags.key_wish()
    prepared = bootstrap.prepare_first(
        settings, wish, autolock=autolock, gossip_profile=gossip_profile
    )
    if flags.foreground:
        become_node(prepared)
        return
    start_node(prepared, wish)
    render.say(f"✔ this machine is the first manager of a new swarm ({settings.raft_address})")
    with SyncClient.connect(f"unix://{settings.socket_path}") as client:
        if autolock:
            unlock_key.show(client.unlock_key())
        token = client.create_token(NODE_ROLE_WORKER)
    address = next(iter(token.join_addresses), settings.raft_address)
    render.say("\nOn another machine, within the hour, add one worker:\n")
    render.say(f"    swarmpy join {address} --token {token.secret}\n")
    render.say("More: swarmpy token create --role manager|worker; then: swarmpy stack deploy")
