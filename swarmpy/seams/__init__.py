"""The places where SwarmPy touches the world. Everything else is ours.

Only `daemon/` and `testing/` know who implements them; each has one conformance suite in
tests/conformance, which the fake must pass too.
"""

from swarmpy.seams.disk import AppendFile, Disk
from swarmpy.seams.gossip import GossipPicture, Neighbour, Neighbours, ProbeResult
from swarmpy.seams.runtime import Dependencies, Runtime, Usage
from swarmpy.seams.world import (
    Clock,
    Consensus,
    DataPlane,
    Leadership,
    PeerNetwork,
    Propose,
    RpcServer,
    StateMachine,
    Transport,
)

__all__ = [
    "AppendFile",
    "Clock",
    "Consensus",
    "DataPlane",
    "Dependencies",
    "Disk",
    "GossipPicture",
    "Leadership",
    "Neighbour",
    "Neighbours",
    "PeerNetwork",
    "ProbeResult",
    "Propose",
    "RpcServer",
    "Runtime",
    "StateMachine",
    "Transport",
    "Usage",
]
