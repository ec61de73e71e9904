"""The flags that `init` and `join` share: what this node is, and where it listens."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from swarmpy.cli.arguments import counts
from swarmpy.cli.asked import ask_new_passphrase
from swarmpy.client.address import API_PORT
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.daemon.key_source import passphrase_of_file
from swarmpy.daemon.settings import (
    CLUSTER_PORT,
    GOSSIP_PORT,
    Settings,
    default_address,
    default_state_dir,
    socket_path_of,
)

StateDirOption = Annotated[
    Path | None, typer.Option(help="Where the node keeps its state.", show_default=False)
]


@dataclass(frozen=True, slots=True)
class NodeFlags:
    """Whatever is left out is found out."""

    advertise_addr: Annotated[
        str, typer.Option(help="Address that other nodes reach this one by.", show_default=False)
    ] = ""
    listen_addr: Annotated[str, typer.Option(help="Address to listen on.")] = "0.0.0.0"  # noqa: S104  every listener asks for a certificate
    cluster_port: Annotated[int, typer.Option(help="For managers and joining.")] = CLUSTER_PORT
    api_port: Annotated[int, typer.Option(help="For agents and clients.")] = API_PORT
    gossip_port: Annotated[int, typer.Option(help="Between all nodes, UDP and TCP.")] = GOSSIP_PORT
    runtime: Annotated[
        str, typer.Option(metavar="docker|process|auto", help="What runs containers.")
    ] = "auto"
    state_dir: StateDirOption = None
    published_addr: Annotated[
        str, typer.Option(help="Where published ports answer; default: everywhere.")
    ] = ""
    hostname: Annotated[str, typer.Option(help="What the node calls itself.")] = ""
    generic_resource: Annotated[
        list[str],
        typer.Option(
            metavar="KIND=NUMBER", help="What it has to reserve: gpu=2. Often, if needed."
        ),
    ] = field(default_factory=list)
    socket: Annotated[
        Path | None, typer.Option(help="Socket for clients of this machine.", show_default=False)
    ] = None
    key_source: Annotated[
        str,
        typer.Option(
            metavar="auto|systemd|keyring|file[:PATH]|passphrase",
            help="Where the key is that opens the node's files; see docs/keys.md.",
        ),
    ] = "auto"
    key_beside_data: Annotated[
        bool,
        typer.Option("--key-beside-data", help="The key's file may lie in the state directory."),
    ] = False
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Run the node here, instead of in a daemon.")
    ] = False

    def settings(self) -> Settings:
        """Return the node's settings. Raises InvalidInput."""
        state_dir = self.state_dir or default_state_dir()
        return Settings(
            state_dir=state_dir,
            advertise_address=self.advertise_addr or default_address(),
            listen_address=self.listen_addr,
            cluster_port=self.cluster_port,
            api_port=self.api_port,
            gossip_port=self.gossip_port,
            runtime=self.runtime,
            published_address=self.published_addr,
            hostname=self.hostname,
            generic_resources=counts(self.generic_resource),
            docker_host=os.environ.get("DOCKER_HOST"),
            socket_path=self.socket or socket_path_of(state_dir),
        ).checked()

    def key_wish(self) -> KeyWish:
        """Return where the node's key shall be; ask for a passphrase if it is made of one."""
        passphrase = ""
        if self.key_source == "passphrase" and passphrase_of_file() is None:
            passphrase = ask_new_passphrase("passphrase of this node")
        return KeyWish(self.key_source, self.key_beside_data, passphrase)


def settings_of(state_dir: Path | None) -> Settings:
    """Return the settings of the node that lives here, or those that a new one would get."""
    return NodeFlags(state_dir=state_dir).settings()
