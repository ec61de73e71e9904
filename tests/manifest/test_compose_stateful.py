"""A Compose file's services with lasting names, and the volumes it declares."""

from __future__ import annotations

import pytest

from swarmpy.errors import InvalidManifest
from swarmpy.pb.specs_pb2 import (
    VOLUME_RETENTION_DELETE,
    VOLUME_RETENTION_RETAIN,
    VOLUME_SCOPE_NODE,
    VOLUME_SCOPE_SLOT,
)
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


def test_volumes_are_declared_with_what_holds_their_data(load: Load) -> None:
    stack = load(
        "services: {db: {image: pg, volumes: ['data:/d', 'old:/o', 'nfs:/n']}}\n"
        "volumes:\n"
        "  data: {x-swarmpy: {scope: slot, retain: {when_scaled: delete}}, labels: {a: b}}\n"
        "  nfs: {driver: local, driver_opts: {type: nfs}, name: shared}\n"
        "  old: {external: true}\n"
    ).spec
    mounts = [mount.source for mount in stack.services[0].task.containers[0].mounts]
    assert mounts == ["shop_data", "old", "shared"]
    data, nfs = stack.volumes
    assert (data.name, data.scope, dict(data.labels)) == (
        "shop_data",
        VOLUME_SCOPE_SLOT,
        {"a": "b"},
    )
    assert (data.when_deleted, data.when_scaled) == (
        VOLUME_RETENTION_RETAIN,
        VOLUME_RETENTION_DELETE,
    )
    assert (nfs.name, nfs.scope, nfs.driver, dict(nfs.options)) == (
        "shared",
        VOLUME_SCOPE_NODE,
        "",
        {"type": "nfs"},
    )


def test_retain_false_lets_data_go_with_its_service_and_its_slot(load: Load) -> None:
    [data] = load(
        "services: {db: {image: pg}}\nvolumes: {data: {x-swarmpy: {scope: slot, retain: false}}}"
    ).spec.volumes
    assert data.when_deleted == data.when_scaled == VOLUME_RETENTION_DELETE


@pytest.mark.parametrize(
    ("volume", "what"),
    [
        ("x-swarmpy: {scope: everywhere}", "node, pinned, slot"),
        ("x-swarmpy: {retain: false}", "the scope is node"),
        ("x-swarmpy: {scope: slot, retain: perhaps}", "true, false or a mapping"),
        ("external: true, driver: nfs", "external"),
        ("size: 1g", "size"),
    ],
    ids=["scope", "retain", "truth", "external", "key"],
)
def test_what_makes_no_sense_for_a_volume_is_refused(load: Load, volume: str, what: str) -> None:
    with pytest.raises(InvalidManifest, match=what):
        load(f"services: {{db: {{image: pg}}}}\nvolumes: {{data: {{{volume}}}}}")
