"""`x-swarmpy.stateful`: tasks with lasting names, as many as `deploy.replicas` says.

x-swarmpy:
  stateful: {parallel: true, partition: 2, first_ordinal: 1}     # or just: stateful: true
"""

from __future__ import annotations

from swarmpy.manifest.reader import Reader
from swarmpy.manifest.scalars import as_boolean
from swarmpy.manifest.tree import Scalar
from swarmpy.pb.specs_pb2 import ServiceSpec, StatefulMode


def read_stateful(service: Reader, extension: Reader, spec: ServiceSpec) -> None:
    """Make a replicated service a stateful one; hostnames begin with its name in the file."""
    value = extension.value("stateful")
    if isinstance(value, Scalar):
        if as_boolean(value.text) is None:
            extension.fault("stateful", f"found {value.text!r}", "true, false or a mapping")
        if not as_boolean(value.text):
            return
    if not spec.HasField("replicated"):
        other = (spec.WhichOneof("mode") or "").replace("_", "-")
        remedy = "remove deploy.mode, or x-swarmpy.stateful"
        extension.fault("stateful", f"is given, and deploy.mode is {other}", remedy=remedy)
        return
    mode = StatefulMode(replicas=spec.replicated.replicas, hostname=service.path.rpartition(".")[2])
    section = None if isinstance(value, Scalar) else extension.section("stateful")
    if section is not None:
        mode.parallel = section.boolean("parallel")
        mode.partition = section.integer("partition")
        mode.first_ordinal = section.integer("first_ordinal")
        section.done()
    spec.stateful.CopyFrom(mode)
