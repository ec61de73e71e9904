"""A whole Compose file becomes a stack."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.compose.files import Declared, read_declared
from swarmpy.manifest.compose.networks import DEFAULT, read_networks
from swarmpy.manifest.compose.service import Surroundings, read_service
from swarmpy.manifest.compose.volumes import read_volumes
from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec, ServiceSpec, StackSpec

S = TypeVar("S", ConfigSpec, SecretSpec)

REFUSED = {"include": "give every file with -c", "models": "remove it"}


def read_stack(file: Reader, context: Context) -> StackSpec:
    """Return the stack; what is wrong is recorded in the context's problems."""
    file.text("name")
    if file.has("version"):
        file.problems.warn(file.place_of("version"), "version", "has no meaning any more")
    network_names, networks = read_networks(file, context)
    volume_names, volumes = read_volumes(file, context)
    sections = dict(file.sections("services"))
    around = Surroundings(
        services={name: context.stored_name(name) for name in sections},
        networks=network_names,
        volumes=volume_names,
        configs=read_declared(file, "configs", context),
        secrets=read_declared(file, "secrets", context),
    )
    read = [read_service(name, item, around, context) for name, item in sections.items()]
    specs = [spec for spec, _ in read]
    cron_jobs = [cron_job for _, cron_job in read if cron_job is not None]
    if not specs:
        file.fault("services", "is empty", "at least one service")
    at_times = {cron_job.name for cron_job in cron_jobs}
    _check_depends_on(specs, at_times, sections, context)
    file.done(REFUSED)
    return StackSpec(
        name=context.stack,
        services=[spec for spec in specs if spec.name not in at_times],
        cron_jobs=cron_jobs,
        networks=_used(networks, network_names[DEFAULT], specs),
        volumes=volumes,
        configs=_own(ConfigSpec, around.configs),
        secrets=_own(SecretSpec, around.secrets),
    )


def _own(kind: type[S], declared: Mapping[str, Declared]) -> list[S]:
    """Return the specs of what the file declares with its content."""
    return [
        kind(
            name=one.name,
            labels=one.labels,
            data=one.data,
            entries=one.entries,
            template=one.template,
        )
        for one in declared.values()
        if one.data is not None
    ]


def _used(
    networks: list[NetworkSpec], default: str, services: list[ServiceSpec]
) -> list[NetworkSpec]:
    """Leave out the default network when no service is in it."""
    joined = {network.network for spec in services for network in spec.task.networks}
    return [spec for spec in networks if spec.name != default or default in joined]


def _check_depends_on(
    services: list[ServiceSpec],
    at_times: Collection[str],
    sections: dict[str, Reader],
    context: Context,
) -> None:
    """Record services that wait for nobody's service, or for themselves in the end."""
    waits = {spec.name: {wait.service for wait in spec.depends_on} for spec in services}
    for name, section in sections.items():
        own = context.stored_name(name)
        for other in sorted(waits[own] - set(waits)):
            shown = other.removeprefix(f"{context.stack}_")
            section.fault("depends_on", f"service {shown!r} is not in this file")
        for other in sorted(waits[own] & set(at_times)):
            shown = other.removeprefix(f"{context.stack}_")
            section.fault("depends_on", f"{shown!r} is a cron job, which nothing can wait for")
        if own in _reached(own, waits):
            section.fault("depends_on", f"{name} waits for itself in the end", "no circle")


def _reached(start: str, waits: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    todo = list(waits[start])
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo.extend(waits.get(name, ()))
    return reached
