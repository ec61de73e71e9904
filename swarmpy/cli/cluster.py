"""`swarmpy cluster`: the swarm itself."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, unlock_key
from swarmpy.cli.noun import noun
from swarmpy.cli.options import GOSSIP_PROFILES, Format, FormatOption
from swarmpy.core.schedule.rank import STRATEGIES
from swarmpy.errors import InvalidInput
from swarmpy.pb.types_pb2 import RebalancePolicy

app = noun("The swarm itself: its id and its settings.")


@app.command("inspect")
def inspect(output: FormatOption = Format.TABLE) -> None:
    """Print the swarm, whole; its keys never come out."""
    with SyncClient.connect() as client:
        render.inspect(client.cluster(), output)


@app.command("update")
def update(
    autolock: Annotated[
        bool | None,
        typer.Option(
            "--autolock/--no-autolock",
            help="Whether managers that start again wait for swarmpy unlock.",
            show_default=False,
        ),
    ] = None,
    gossip_profile: Annotated[
        str, typer.Option(metavar=GOSSIP_PROFILES, help="How soon nodes miss each other.")
    ] = "",
    strategy: Annotated[
        str,
        typer.Option(
            metavar="spread|binpack",
            help="Of nodes that suit a task equally well: the emptiest, or the fullest.",
        ),
    ] = "",
    rebalance: Annotated[
        bool | None,
        typer.Option(
            "--rebalance/--no-rebalance",
            help="Whether tasks move by themselves to be spread better.",
            show_default=False,
        ),
    ] = None,
    rebalance_moves: Annotated[
        int, typer.Option(min=1, help="So many of them at once, in the whole swarm.")
    ] = 1,
) -> None:
    """Change a setting of the swarm."""
    if strategy and strategy not in STRATEGIES:
        raise typer.BadParameter(f"{strategy!r} is none of {', '.join(STRATEGIES)}")
    if autolock is None and rebalance is None and not strategy and not gossip_profile:
        remedy = "give --autolock, --gossip-profile, --strategy or --rebalance"
        raise InvalidInput("nothing to change", remedy=remedy)
    with SyncClient.connect() as client:
        if strategy:
            client.update_cluster(strategy=STRATEGIES[strategy])
            render.say(f"✔ services that do not say otherwise are placed by {strategy}")
        if gossip_profile:
            client.update_cluster(gossip_profile=gossip_profile)
            render.say(f"✔ nodes gossip at the pace {gossip_profile} as soon as they hear of it")
        if rebalance is not None:
            policy = RebalancePolicy(automatic=rebalance, moves_at_once=rebalance_moves)
            client.update_cluster(rebalance=policy)
            render.say(f"✔ tasks {'move' if rebalance else 'do not move'} to be spread better")
        if autolock is not None:
            _set_autolock(client, autolock=autolock)


def _set_autolock(client: SyncClient, *, autolock: bool) -> None:
    key = client.unlock_key()
    if not autolock:
        client.update_cluster(autolock=False)
        render.say("✔ autolock is off: managers start again by themselves")
        return
    if key:
        render.say("autolock was on already")
    else:
        with unlock_key.new_key() as key:
            client.update_cluster(autolock=True, unlock_key=key)
        render.say("✔ autolock is on")
    unlock_key.show(key)
