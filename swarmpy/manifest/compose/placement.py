"""What Compose has no words for of where tasks run, under a service's `x-swarmpy.placement`.

x-swarmpy:
  placement:
    strategy: binpack
    prefer:
      - {constraint: node.labels.disk == ssd, weight: 80}
    tolerations:
      - {key: dedicated, value: db, effect: no-schedule}
      - {key: maintenance, operator: exists, effect: no-execute, stay: 10m}
"""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.core.schedule.rank import STRATEGIES
from swarmpy.core.schedule.taint import EFFECTS
from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_UNSPECIFIED,
    TAINT_EFFECT_UNSPECIFIED,
    TOLERATION_OPERATOR_EQUAL,
    TOLERATION_OPERATOR_EXISTS,
    Toleration,
)

OPERATORS = {"equal": TOLERATION_OPERATOR_EQUAL, "exists": TOLERATION_OPERATOR_EXISTS}


def read_placement(extension: Reader, placement: Placement) -> None:
    """Add what the section `placement` asks for."""
    section = extension.section("placement")
    if section is None:
        return
    placement.strategy = section.choice("strategy", STRATEGIES, PLACEMENT_STRATEGY_UNSPECIFIED)
    for item in _readers(section, "prefer"):
        placement.preferences.add(constraint=item.text("constraint"), weight=item.integer("weight"))
    for item in _readers(section, "tolerations"):
        placement.tolerations.append(_toleration(item))
    section.done()


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
