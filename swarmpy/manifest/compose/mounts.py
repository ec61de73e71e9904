"""Volumes of a service: "data:/var/lib", "./site:/www:ro", or a mapping."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.reader import Reader, as_text
from swarmpy.manifest.tree import Fields, Place, Value
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_EPHEMERAL,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    Mount,
)

TYPES = {
    "volume": MOUNT_TYPE_VOLUME,
    "bind": MOUNT_TYPE_BIND,
    "tmpfs": MOUNT_TYPE_TMPFS,
    "ephemeral": MOUNT_TYPE_EPHEMERAL,
}
SHAPE = "[SOURCE:]TARGET[:ro|rw]"


def read_mounts(service: Reader, volumes: Mapping[str, str], context: Context) -> list[Mount]:
    """Return the mounts; `volumes` maps the file's volume names to the swarm's."""
    mounts = []
    for path, item in service.items("volumes"):
        if isinstance(item, Fields):
            mount: Mount | None = _long(Reader(item, path, service.problems))
        else:
            mount = _short(item, path, service)
        if mount is not None:
            _resolve(mount, item.place, path, volumes, context)
            mounts.append(mount)
    return mounts


def _short(item: Value, path: str, service: Reader) -> Mount | None:
    text = as_text(item, path, service.problems)
    if text is None:
        return None
    parts = text.split(":")
    options = parts.pop().split(",") if len(parts) == 3 else []
    if len(parts) > 2 or not all(parts) or not set(options) <= {"ro", "rw"}:
        service.problems.add(item.place, path, f"found {text!r}", SHAPE)
        return None
    source = parts[0] if len(parts) == 2 else ""
    return Mount(
        type=MOUNT_TYPE_BIND if source.startswith((".", "/", "~")) else MOUNT_TYPE_VOLUME,
        source=source,
        target=parts[-1],
        read_only="ro" in options,
    )


def _long(volume: Reader) -> Mount:
    mount = Mount(
        type=volume.choice("type", TYPES, MOUNT_TYPE_VOLUME),
        source=volume.text("source"),
        target=volume.text("target"),
        read_only=volume.boolean("read_only"),
    )
    tmpfs = volume.section("tmpfs")
    if tmpfs is not None:
        mount.tmpfs_bytes = tmpfs.size_bytes("size")
        mount.in_memory = mount.type == MOUNT_TYPE_EPHEMERAL
        tmpfs.done()
    volume.done()
    return mount


def _resolve(
    mount: Mount, place: Place, path: str, volumes: Mapping[str, str], context: Context
) -> None:
    """Put in the swarm's volume name or the absolute path, or record what is wrong."""
    add = context.problems.add
    if not mount.target.startswith("/"):
        add(place, path, f"target {mount.target!r}", "an absolute path in the container")
    if mount.type == MOUNT_TYPE_BIND:
        if not mount.source:
            add(place, path, "a bind needs a source", "a path on the node")
        mount.source = str(context.path(mount.source))
    elif mount.type == MOUNT_TYPE_VOLUME and mount.source:
        if mount.source in volumes:
            mount.source = volumes[mount.source]
        else:
            remedy = f"add it under the file's volumes: {mount.source}: {{}}"
            add(place, path, f"volume {mount.source!r} is not declared", remedy=remedy)
