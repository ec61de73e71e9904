"""Checks what a spec says about a volume."""

from __future__ import annotations

from swarmpy.core.validate_faults import Faults
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeRetention, VolumeScope, VolumeSpec

OPTIONS_MAX_BYTES = 16 * 1024


def validate_volume(spec: VolumeSpec) -> None:
    """Raise InvalidInput, one line per fault, unless the volume can be made."""
    faults = Faults()
    check_volume(spec, faults)
    faults.raise_any()


def check_volume(spec: VolumeSpec, faults: Faults) -> None:
    """Note everything that is wrong with a volume's spec."""
    faults.check_name("name", spec.name)
    if spec.scope not in VolumeScope.values():
        faults.add("scope", f"is {spec.scope}", "node, pinned or slot", "correct it")
    if spec.driver:
        faults.check_name("driver", spec.driver.replace("/", "_").replace(":", "_"))
    for field in ("options", "labels"):
        pairs = getattr(spec, field)
        if "" in pairs:
            faults.add(field, "has an empty name", "names", "remove it")
        size = sum(len(key) + len(value) for key, value in pairs.items())
        if size > OPTIONS_MAX_BYTES:
            faults.add(field, f"has {size} bytes", f"at most {OPTIONS_MAX_BYTES}", "shorten it")
    for field in ("when_deleted", "when_scaled"):
        what = getattr(spec, field)
        if what not in VolumeRetention.values():
            faults.add(field, f"is {what}", "retain or delete", "correct it")
        elif what and spec.scope != VOLUME_SCOPE_SLOT:
            expected = "none: only volumes of scope slot go with their task"
            faults.add(field, "is delete", expected, "remove it, or change the scope")
