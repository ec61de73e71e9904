from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.load import load_stack
from swarmpy.pb.specs_pb2 import Placement, StackSpec
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_BINPACK,
    TAINT_EFFECT_NO_EXECUTE,
    TAINT_EFFECT_NO_SCHEDULE,
    TOLERATION_OPERATOR_EXISTS,
    NodePreference,
    TaskAffinity,
    Toleration,
    TopologySpread,
)


def loaded(tmp_path: Path, text: str) -> StackSpec:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    return load_stack([path], name="shop", environment={}).spec


WHOLE = """
services:
  web:
    image: hello:1
    x-swarmpy:
      placement:
        strategy: binpack
        prefer: [{constraint: node.labels.disk == ssd, weight: 80}]
        tolerations:
          - {key: use, value: db, effect: no-schedule}
          - {key: repair, operator: exists, effect: no-execute, stay: 10m}
        affinity:
          - {service: db, key: node.labels.zone, weight: 50}
          - {service: other_db, external: true}
        anti_affinity: [{labels: {tier: batch}}]
        topology_spread:
          - {key: node.labels.zone}
          - {key: node.hostname, max_skew: 2, schedule_anyway: true}
  db: {image: db:1}
"""


def test_what_compose_has_no_words_for_is_said_under_x_swarmpy(tmp_path: Path) -> None:
    web, _ = loaded(tmp_path, WHOLE).services
    assert web.task.placement == Placement(
        strategy=PLACEMENT_STRATEGY_BINPACK,
        preferences=[NodePreference(constraint="node.labels.disk == ssd", weight=80)],
        tolerations=[
            Toleration(key="use", value="db", effect=TAINT_EFFECT_NO_SCHEDULE),
            Toleration(
                key="repair",
                operator=TOLERATION_OPERATOR_EXISTS,
                effect=TAINT_EFFECT_NO_EXECUTE,
                stay_s=600,
            ),
        ],
        affinity=[
            TaskAffinity(service="shop_db", topology_key="node.labels.zone", weight=50),
            TaskAffinity(service="other_db", topology_key="node.hostname"),
        ],
        anti_affinity=[TaskAffinity(labels={"tier": "batch"}, topology_key="node.hostname")],
        topology_spread=[
            TopologySpread(topology_key="node.labels.zone", max_skew=1),
            TopologySpread(topology_key="node.hostname", max_skew=2, schedule_anyway=True),
        ],
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{tolerations: [{kye: x}]}", "unknown key 'kye', did you mean 'key'?"),
        (
            "{tolerations: [{key: x, effect: never}]}",
            "tolerations[0].effect: found 'never', expected one of no-schedule",
        ),
        ("{tolerations: [{key: x, stay: 5}]}", "tolerations[0].stay: found '5'"),
        ("{strategy: pile}", "strategy: found 'pile', expected one of spread, binpack"),
        ("{prefer: [{constraint: x, weight: much}]}", "prefer[0].weight: found 'much'"),
        (
            "{affinity: [{service: db}]}",
            "affinity[0].service: 'db' is not in this file, write its name in the swarm",
        ),
        ("{topology_spread: [{key: x, max_skew: 0}]}", "max_skew: 0 is too small"),
        ("{tolerate: []}", "unknown key 'tolerate', did you mean 'tolerations'?"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        loaded(tmp_path, f"services: {{web: {{image: x, x-swarmpy: {{placement: {text}}}}}}}")
    assert fault in caught.value.message
    assert "stack.yaml:1:" in caught.value.message


GENERIC = "generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]"


def test_generic_resources_are_reserved(tmp_path: Path) -> None:
    text = (
        f"services: {{web: {{image: x, deploy: {{resources: {{reservations: {{{GENERIC}}}}}}}}}}}"
    )
    [web] = loaded(tmp_path, text).services
    assert dict(web.task.reservations.generic) == {"gpu": 2}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"limits: {{{GENERIC}}}", "'generic_resources' is not supported, say it under"),
        ("reservations: {generic_resources: [{}]}", "discrete_resource_spec: is missing"),
        (
            "reservations: {generic_resources: [{named_resource_spec: {kind: gpu, value: a}}]}",
            "'named_resource_spec' is not supported, no node has named resources yet",
        ),
        (
            f"reservations: {{{GENERIC.replace('2', 'two')}}}",
            "discrete_resource_spec.value: found 'two'",
        ),
    ],
)
def test_generic_resources_that_cannot_be_reserved_are_named(
    tmp_path: Path, text: str, fault: str
) -> None:
    with pytest.raises(InvalidManifest) as caught:
        loaded(tmp_path, f"services: {{web: {{image: x, deploy: {{resources: {{{text}}}}}}}}}")
    assert fault in caught.value.message
