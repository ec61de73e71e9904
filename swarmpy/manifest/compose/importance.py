"""What Compose has no words for of how important a service is, under its `x-swarmpy`.

x-swarmpy:
  priority: 100
  never_preempts: true
  disruption: {max_unavailable: 1}    # or {min_available: 80%}
"""

from __future__ import annotations

from swarmpy.core.validate_disruption import PRIORITY_MAX
from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import ServiceSpec


def read_importance(extension: Reader, spec: ServiceSpec) -> None:
    """Fill in who comes first, and how many tasks may be away for the sake of nodes."""
    if extension.has("priority"):
        spec.task.priority = extension.integer("priority", least=-PRIORITY_MAX)
    spec.task.never_preempts = extension.boolean("never_preempts")
    disruption = extension.section("disruption")
    if disruption is None:
        return
    if disruption.has("max_unavailable") == disruption.has("min_available"):
        disruption.fault("max_unavailable", "is one of two", "either it or min_available")
    for field in ("max_unavailable", "min_available"):
        if disruption.has(field):
            getattr(spec.disruption, field).CopyFrom(disruption.budget(field))
    disruption.done()
