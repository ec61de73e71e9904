"""`swarmpy init`: a swarm of one."""

from __future__ import annotations

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.flags import with_flags
from swarmpy.cli.node_flags import NodeFlags
from swarmpy.cli.noun import verb
from swarmpy.daemon.settings import Settings
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER

app = verb()


@app.command()
@with_flags
def init(flags: NodeFlags) -> None:
    """Start a swarm on this machine: it becomes the first manager."""
    from swarmpy.daemon import bootstrap  # noqa: PLC0415  --help needs no engines

    settings = flags.settings()
    if flags.foreground:
        bootstrap.run_foreground(bootstrap.prepare_first(settings))
        return
    bootstrap.start_first(settings)
    render.say(f"✔ this machine is the first manager of a new swarm ({settings.raft_address})")
    _say_how_to_go_on(settings)


def _say_how_to_go_on(settings: Settings) -> None:
    with SyncClient.connect(f"unix://{settings.socket_path}") as client:
        token = client.create_token(NODE_ROLE_WORKER)
    address = next(iter(token.join_addresses), settings.raft_address)
    render.say("\nOn another machine, within the hour, add one worker:\n")
    render.say(f"    swarmpy join {address} --token {token.secret}\n")
    render.say("More: swarmpy token create --role manager|worker; then: swarmpy stack deploy")
