"""What Compose has no words for of where tasks run, under a service's `x-swarmpy.placement`.

x-swarmpy:
  placement:
    strategy: binpack
    prefer:
      - {constraint: node.labels.disk == ssd, weight: 80}
    tolerations:
      - {key: dedicated, value: db, effect: no-schedule}
      - {key: maintenance, operator: exists, effect: no-execute, stay: 10m}
    affinity:
      - {service: cache, key: node.labels.zone, weight: 50}
    anti_affinity:
      - {labels: {tier: batch}}
    topology_spread:
      - {key: node.labels.zone, max_skew: 1, schedule_anyway: true}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmpy.core.schedule.attribute import HOSTNAME
from swarmpy.core.schedule.rank import STRATEGIES
from swarmpy.core.schedule.taint import EFFECTS
from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_UNSPECIFIED,
    TAINT_EFFECT_UNSPECIFIED,
    TOLERATION_OPERATOR_EQUAL,
    TOLERATION_OPERATOR_EXISTS,
    TaskAffinity,
    Toleration,
)

OPERATORS = {"equal": TOLERATION_OPERATOR_EQUAL, "exists": TOLERATION_OPERATOR_EXISTS}


def read_placement(extension: Reader, placement: Placement, services: Mapping[str, str]) -> None:
    """Add what the section `placement` asks for. `services`: names of the file -> the swarm's."""
    section = extension.section("placement")
    if section is None:
        return
    placement.strategy = section.choice("strategy", STRATEGIES, PLACEMENT_STRATEGY_UNSPECIFIED)
    for item in _readers(section, "prefer"):
        placement.preferences.add(constraint=item.text("constraint"), weight=item.integer("weight"))
    for item in _readers(section, "tolerations"):
        placement.tolerations.append(_toleration(item))
    for item in _readers(section, "affinity"):
        placement.affinity.append(_affinity(item, services))
    for item in _readers(section, "anti_affinity"):
        placement.anti_affinity.append(_affinity(item, services))
    for item in _readers(section, "topology_spread"):
        placement.topology_spread.add(
            topology_key=item.text("key"),
            max_skew=item.integer("max_skew", 1, least=1),
            schedule_anyway=item.boolean("schedule_anyway"),
        )
    section.done()


def _affinity(item: Reader, services: Mapping[str, str]) -> TaskAffinity:
    name, is_external = item.text("service"), item.boolean("external")
    if name and not is_external and name not in services:
        remedy = "write its name in the swarm and external: true, if it is another stack's"
        item.fault("service", f"{name!r} is not in this file", remedy=remedy)
    return TaskAffinity(
        service=name if is_external else services.get(name, ""),
        labels={key: value or "" for key, value in item.pairs("labels").items()},
        topology_key=item.text("key", HOSTNAME),
        weight=item.integer("weight"),
    )


def _readers(section: Reader, key: str) -> Iterator[Reader]:
    for path, item in section.items(key):
        reader = Reader(item, path, section.problems)
        yield reader
        reader.done()


def _toleration(item: Reader) -> Toleration:
    found = Toleration(
        key=item.text("key"),
        operator=item.choice("operator", OPERATORS, TOLERATION_OPERATOR_EQUAL),
        value=item.text("value"),
        effect=item.choice("effect", EFFECTS, TAINT_EFFECT_UNSPECIFIED),
    )
    if item.has("stay"):
        found.stay_s = item.duration_s("stay")
    return found
