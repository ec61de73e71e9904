"""What Compose has no words for of services that keep state, under their `x-swarmpy`.

x-swarmpy:
  stateful: {parallel: true, partition: 2, first_ordinal: 1}     # or {}
"""

from __future__ import annotations

from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import ServiceSpec


def read_stateful(extension: Reader, spec: ServiceSpec) -> None:
    """Fill in that its tasks have names, and how they come and go."""
    section = extension.section("stateful")
    if section is None:
        return
    spec.stateful.parallel = section.boolean("parallel")
    spec.stateful.partition = section.integer("partition")
    spec.stateful.first_ordinal = section.integer("first_ordinal")
    spec.stateful.SetInParent()
    if not spec.HasField("replicated"):
        section.problems.add(
            section.place,
            section.path,
            "is given, and the service is not replicated",
            remedy="set deploy.mode to replicated",
        )
    section.done()
