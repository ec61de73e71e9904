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
    Toleration,
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
"""


def test_what_compose_has_no_words_for_is_said_under_x_swarmpy(tmp_path: Path) -> None:
    [web] = loaded(tmp_path, WHOLE).services
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
        ("{tolerate: []}", "unknown key 'tolerate', did you mean 'tolerations'?"),
    ],
)
def test_a_wrong_field_is_named_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidManifest) as caught:
        loaded(tmp_path, f"services: {{web: {{image: x, x-swarmpy: {{placement: {text}}}}}}}")
    assert fault in caught.value.message
    assert "stack.yaml:1:" in caught.value.message
