"""The volumes of one node on its engine: made with their container, removed only when asked to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import APIClient
from docker.errors import NotFound

from swarmpy.errors import WrongState
from swarmpy.pb.objects_pb2 import Volume
from swarmpy.runtime.container_config import NODE_LABEL, TASK_LABEL, Json
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.volume_name import volume_name

VOLUME_LABEL = "swarmpy.volume"
LOCAL = "local"
STOPPED = ("created", "exited", "dead")


def with_volumes(body: Json, volumes: Mapping[str, Volume], node_id: str) -> Json:
    """Return the body of POST /containers/create with its mounts led to the swarm's volumes.

    The engine makes those that it has not, with the driver, the options and the labels given here.
    """
    mounts = [
        _led(mount, volumes[mount["Source"]], node_id)
        if mount["Type"] == "volume" and mount.get("Source") in volumes
        else mount
        for mount in body["HostConfig"]["Mounts"]
    ]
    return {**body, "HostConfig": {**body["HostConfig"], "Mounts": mounts}}


def _led(mount: Json, volume: Volume, node_id: str) -> Json:
    labels = {**volume.spec.labels, VOLUME_LABEL: volume.id, NODE_LABEL: node_id}
    driver = {"Name": volume.spec.driver or LOCAL, "Options": dict(volume.spec.options)}
    options = {"Labels": labels, "DriverConfig": driver}
    return {**mount, "Source": volume_name(volume), "VolumeOptions": options}


async def ended_with(engine: Engine, volume: Volume, node_id: str) -> list[str]:
    """Return the ids of this node's tasks whose containers hold a volume and do not run.

    Raises:
        WrongState: a container runs with it.
    """
    filters = {"volume": volume_name(volume)}
    found: list[Any] = await engine.ask(
        "see who uses a volume", lambda client: client.containers(all=True, filters=filters)
    )
    running = [one["Names"][0].lstrip("/") for one in found if one["State"] not in STOPPED]
    if running:
        raise WrongState(
            f"volume {volume.spec.name} is used by container {running[0]}",
            remedy="it is removed when that has ended",
        )
    mine = [one["Labels"] for one in found if one["Labels"].get(NODE_LABEL) == node_id]
    return [labels[TASK_LABEL] for labels in mine if TASK_LABEL in labels]


async def remove_volume(engine: Engine, volume: Volume) -> None:
    """Remove a volume unless it is gone; one without a node's label was made by hand, and stays."""
    name = volume_name(volume)

    def remove(client: APIClient) -> None:
        try:
            found: Json = client.inspect_volume(name)
            if VOLUME_LABEL in (found["Labels"] or {}):
                client.remove_volume(name)
        except NotFound:
            return

    await engine.ask(f"remove volume {volume.spec.name}", remove)
