"""The file's volumes: what holds their data, and where it is.

    volumes:
      data:
        driver: local
        driver_opts: {type: nfs, device: ":/data", o: "addr=10.0.0.5"}
        labels: {backup: daily}
        x-swarmpy: {scope: slot, retain: {when_deleted: delete, when_scaled: retain}}

`retain: true` and `retain: false` say the same of both.
"""

from __future__ import annotations

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.reader import EXTENSION, Reader
from swarmpy.manifest.scalars import as_boolean
from swarmpy.manifest.tree import Scalar
from swarmpy.pb.specs_pb2 import (
    VOLUME_RETENTION_DELETE,
    VOLUME_RETENTION_RETAIN,
    VOLUME_SCOPE_NODE,
    VOLUME_SCOPE_PINNED,
    VOLUME_SCOPE_SLOT,
    VolumeSpec,
)

SCOPES = {
    "node": VOLUME_SCOPE_NODE,
    "pinned": VOLUME_SCOPE_PINNED,
    "slot": VOLUME_SCOPE_SLOT,
}
RETENTIONS = {"retain": VOLUME_RETENTION_RETAIN, "delete": VOLUME_RETENTION_DELETE}


def read_volumes(file: Reader, context: Context) -> tuple[dict[str, str], list[VolumeSpec]]:
    """Return the file's volume names -> the names in the swarm, and those that the stack has."""
    names: dict[str, str] = {}
    specs: list[VolumeSpec] = []
    for name, volume in file.sections("volumes"):
        is_external = volume.boolean("external")
        stored = volume.text("name") or (name if is_external else context.stored_name(name))
        names[name] = stored
        if is_external:
            _refuse_settings(volume)
        else:
            specs.append(_read_volume(volume, stored))
        volume.done()
    return names, specs


def _read_volume(volume: Reader, stored: str) -> VolumeSpec:
    driver = volume.text("driver", "local")
    spec = VolumeSpec(
        name=stored,
        driver="" if driver == "local" else driver,
        options={key: value or "" for key, value in volume.pairs("driver_opts").items()},
        labels={key: value or "" for key, value in volume.pairs("labels").items()},
    )
    extension = volume.section(EXTENSION)
    if extension is not None:
        spec.scope = extension.choice("scope", SCOPES, VOLUME_SCOPE_NODE)
        _read_retention(extension, spec)
        extension.done()
    return spec


def _read_retention(extension: Reader, spec: VolumeSpec) -> None:
    value = extension.value("retain")
    if value is None:
        return
    if spec.scope != VOLUME_SCOPE_SLOT:
        remedy = "remove it: only volumes of scope slot go with their task"
        extension.fault("retain", f"is given, and the scope is {_word(spec)}", remedy=remedy)
    if isinstance(value, Scalar):
        keeps = as_boolean(value.text)
        if keeps is None:
            extension.fault("retain", f"found {value.text!r}", "true, false or a mapping")
        elif not keeps:
            spec.when_deleted = spec.when_scaled = VOLUME_RETENTION_DELETE
        return
    section = extension.section("retain")
    if section is not None:
        spec.when_deleted = section.choice("when_deleted", RETENTIONS, VOLUME_RETENTION_RETAIN)
        spec.when_scaled = section.choice("when_scaled", RETENTIONS, VOLUME_RETENTION_RETAIN)
        section.done()


def _word(spec: VolumeSpec) -> str:
    return next(word for word, scope in SCOPES.items() if scope == spec.scope)


def _refuse_settings(volume: Reader) -> None:
    """Record what an external volume cannot be given here: it is as it was made."""
    for key in ("driver", "driver_opts", "labels", EXTENSION):
        if volume.has(key):
            volume.fault(key, "is given for an external volume", remedy="remove it")
