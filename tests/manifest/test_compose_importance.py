from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.load import load_stack
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import Budget, DisruptionBudget


def web(tmp_path: Path, extension: str) -> ServiceSpec:
    path = tmp_path / "stack.yaml"
    path.write_text(f"services: {{web: {{image: hello:1, x-swarmpy: {extension}}}}}")
    return load_stack([path], name="shop", environment={}).spec.services[0]


@pytest.mark.parametrize(
    ("extension", "budget"),
    [
        ("{disruption: {max_unavailable: 1}}", DisruptionBudget(max_unavailable=Budget(count=1))),
        ("{disruption: {min_available: 80%}}", DisruptionBudget(min_available=Budget(ratio=0.8))),
    ],
    ids=["max_unavailable", "min_available"],
)
def test_a_disruption_budget_is_a_number_or_a_share(
    tmp_path: Path, extension: str, budget: DisruptionBudget
) -> None:
    assert web(tmp_path, extension).disruption == budget


def test_a_priority_may_be_below_that_of_others(tmp_path: Path) -> None:
    spec = web(tmp_path, "{priority: -5, never_preempts: true}")
    assert (spec.task.priority, spec.task.never_preempts) == (-5, True)


def test_a_budget_says_one_thing(tmp_path: Path) -> None:
    with pytest.raises(InvalidManifest, match="either it or min_available"):
        web(tmp_path, "{disruption: {max_unavailable: 1, min_available: 1}}")
