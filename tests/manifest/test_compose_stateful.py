"""A Compose file's services with lasting names, and the volumes it declares."""

from __future__ import annotations

import pytest

from swarmpy.errors import InvalidManifest
from tests.manifest.test_compose import Load, load

__all__ = ["load"]


def test_a_stateful_service_has_the_size_of_deploy_and_the_hostnames_of_its_own_name(
    load: Load,
) -> None:
    spec = load(
        "services: {db: {image: pg, deploy: {replicas: 3}, x-swarmpy: {stateful: "
        "{parallel: true, partition: 2, first_ordinal: 1}}}}"
    ).spec.services[0]
    mode = spec.stateful
    assert (mode.replicas, mode.parallel, mode.partition, mode.first_ordinal) == (3, True, 2, 1)
    assert mode.hostname == "db"


@pytest.mark.parametrize(
    ("service", "what"),
    [
        ("deploy: {mode: global}, x-swarmpy: {stateful: true}", "deploy.mode is global"),
        ("x-swarmpy: {stateful: maybe}", "true, false or a mapping"),
        ("x-swarmpy: {stateful: {partitions: 1}}", "partitions"),
    ],
    ids=["mode", "truth", "key"],
)
def test_what_makes_no_sense_for_a_stateful_service_is_refused(
    load: Load, service: str, what: str
) -> None:
    with pytest.raises(InvalidManifest, match=what):
        load(f"services: {{db: {{image: pg, {service}}}}}")
