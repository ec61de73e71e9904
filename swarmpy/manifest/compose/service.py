"""One service of a Compose file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.compose.deploy import read_deploy
from swarmpy.manifest.compose.extension import read_extension
from swarmpy.manifest.compose.files import Declared, read_references, read_sources
from swarmpy.manifest.compose.mounts import read_mounts
from swarmpy.manifest.compose.networks import read_attachments
from swarmpy.manifest.compose.ports import read_ports
from swarmpy.manifest.dotenv import read_dotenv
from swarmpy.manifest.reader import Reader, as_text
from swarmpy.manifest.tree import Fields, Items
from swarmpy.pb.specs_pb2 import (
    DEPENDENCY_CONDITION_COMPLETED,
    DEPENDENCY_CONDITION_HEALTHY,
    DEPENDENCY_CONDITION_STARTED,
    ContainerSpec,
    CronJobSpec,
    Dependency,
    EndpointSpec,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    PULL_POLICY_ALWAYS,
    PULL_POLICY_IF_NOT_PRESENT,
    PULL_POLICY_NEVER,
    HealthCheck,
)

REFUSED = {
    "build": "build the image first and name it under image",
    "links": "remove it: services of one network reach each other by name",
    "network_mode": "name a network with driver host instead",
    "privileged": "remove it, or ask for single capabilities with cap_add",
    "profiles": "keep such services in a file of their own",
    "scale": "say it under deploy.replicas",
    "cpus": "say it under deploy.resources.limits",
    "mem_limit": "say it under deploy.resources.limits",
}
IGNORED = {
    "container_name": "tasks are named after their service and slot",
    "expose": "containers of one network reach each other on every port",
}
PULL_POLICIES = {
    "always": PULL_POLICY_ALWAYS,
    "never": PULL_POLICY_NEVER,
    "missing": PULL_POLICY_IF_NOT_PRESENT,
    "if_not_present": PULL_POLICY_IF_NOT_PRESENT,
}
CONDITIONS = {
    "service_started": DEPENDENCY_CONDITION_STARTED,
    "service_healthy": DEPENDENCY_CONDITION_HEALTHY,
    "service_completed_successfully": DEPENDENCY_CONDITION_COMPLETED,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rest of the file declares: its names -> the swarm's."""

    services: Mapping[str, str]
    networks: Mapping[str, str]
    volumes: Mapping[str, str]
    configs: Mapping[str, Declared]
    secrets: Mapping[str, Declared]


def read_service(
    name: str, service: Reader, around: Surroundings, context: Context
) -> tuple[ServiceSpec, CronJobSpec | None]:
    """Return the service, and the cron job whose runs it describes, if it is one."""
    spec = ServiceSpec(
        name=context.stored_name(name),
        task=TaskSpec(
            containers=[_container(name, service, around, context)],
            networks=read_attachments(service, around.networks),
        ),
        endpoint=EndpointSpec(ports=read_ports(service)),
        depends_on=_depends_on(service, around, context),
    )
    read_deploy(service, spec)
    cron_job = read_extension(
        service, spec, around.services, lambda key, one: _container(key, one, around, context)
    )
    for key, why in IGNORED.items():
        if service.has(key):
            place, path = service.place_of(key), service.path_of(key)
            service.problems.warn(place, path, f"has no effect: {why}")
    service.done(REFUSED)
    return spec, cron_job


def _container(name: str, service: Reader, around: Surroundings, context: Context) -> ContainerSpec:
    container = ContainerSpec(
        name=name,
        image=service.text("image"),
        command=_argv(service, "entrypoint"),
        args=_argv(service, "command"),
        environment=_environment(service, context),
        working_dir=service.text("working_dir"),
        user=service.text("user"),
        hostname=service.text("hostname"),
        labels={key: value or "" for key, value in service.pairs("labels").items()},
        mounts=read_mounts(service, around.volumes, context),
        configs=read_references(service, "configs", around.configs),
        secrets=read_references(service, "secrets", around.secrets),
        pull_policy=service.choice("pull_policy", PULL_POLICIES, PULL_POLICY_IF_NOT_PRESENT),
        environment_from=read_sources(service, around.configs, around.secrets),
        stop_signal=service.text("stop_signal"),
        stop_grace_s=service.duration_s("stop_grace_period"),
        read_only=service.boolean("read_only"),
        init=service.boolean("init"),
        tty=service.boolean("tty"),
        cap_add=service.texts("cap_add"),
        cap_drop=service.texts("cap_drop"),
        extra_hosts=service.texts("extra_hosts"),
    )
    health = service.section("healthcheck")
    if health is not None:
        container.health_check.CopyFrom(_health_check(health))
    if not container.image and not service.has("build"):
        service.fault("image", "is missing", "the name of an image", "add image: NAME:TAG")
    return container


def _argv(service: Reader, key: str) -> list[str]:
    value = service.value(key)
    if isinstance(value, Items):
        return service.texts(key)
    text = service.text(key)
    try:
        return shlex.split(text)
    except ValueError as error:
        service.fault(key, f"{str(error).lower()} in {text!r}", "words as a shell splits them")
        return []


def _environment(service: Reader, context: Context) -> dict[str, str]:
    """Return env_file's variables, then environment's; a bare NAME is taken from outside."""
    found: dict[str, str | None] = {}
    for path, required in _env_files(service):
        try:
            text = context.path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            if required or not isinstance(error, FileNotFoundError):
                service.fault("env_file", f"{path}: {getattr(error, 'strerror', error)}")
            continue
        try:
            found.update(read_dotenv(text, path))
        except InvalidManifest as error:
            service.fault("env_file", error.message)
    found.update(service.pairs("environment"))
    outside = context.environment
    return {
        key: outside.get(key, "") if value is None else value
        for key, value in found.items()
        if value is not None or key in outside
    }


def _env_files(service: Reader) -> list[tuple[str, bool]]:
    value = service.value("env_file")
    if not isinstance(value, Items):
        return [(service.text("env_file"), True)] if value is not None else []
    files: list[tuple[str, bool]] = []
    for path, item in service.items("env_file"):
        if isinstance(item, Fields):
            section = Reader(item, path, service.problems)
            files.append((section.text("path"), section.boolean("required", default=True)))
            section.done()
        elif text := as_text(item, path, service.problems):
            files.append((text, True))
    return files


def _depends_on(service: Reader, around: Surroundings, context: Context) -> list[Dependency]:
    if isinstance(service.value("depends_on"), Items):
        names = [context.stored_name(name) for name in service.texts("depends_on")]
        return [Dependency(service=name) for name in names]
    found = []
    for name, section in service.sections("depends_on"):
        condition = section.choice("condition", CONDITIONS, DEPENDENCY_CONDITION_STARTED)
        is_required = section.boolean("required", default=True)
        if section.boolean("restart"):
            place, path = section.place_of("restart"), section.path_of("restart")
            section.problems.warn(place, path, "has no effect: only the beginning waits")
        section.done()
        if is_required or name in around.services:
            found.append(Dependency(service=context.stored_name(name), condition=condition))
    return found


def _health_check(health: Reader) -> HealthCheck:
    value = health.value("test")
    test = health.texts("test") if isinstance(value, Items) else []
    if not isinstance(value, Items) and (line := health.text("test")):
        test = ["CMD-SHELL", line]
    if health.boolean("disable"):
        test = ["NONE"]
    elif not test or test[0] not in {"CMD", "CMD-SHELL", "NONE"}:
        health.fault("test", "begins with neither CMD nor CMD-SHELL", "[CMD, word, ...] or a line")
    check = HealthCheck(
        test=test,
        interval_s=health.duration_s("interval"),
        timeout_s=health.duration_s("timeout"),
        retries=health.integer("retries"),
        start_period_s=health.duration_s("start_period"),
        start_interval_s=health.duration_s("start_interval"),
    )
    health.done()
    return check
