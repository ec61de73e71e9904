"""What the flags of services and cron jobs make of a spec."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableSequence
from typing import Any, TypeVar

import typer

from swarmpy.cli.arguments import (
    attachment,
    budget,
    counts,
    duration_s,
    mount,
    nano_cpus,
    pairs,
    port,
    ratio,
    size_bytes,
)
from swarmpy.cli.file_flags import config_reference, environment_source, secret_reference
from swarmpy.cli.probe_arguments import hook, probe
from swarmpy.cli.service_flags import SpecFlags
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_NEVER,
    CONTAINER_RESTART_ON_FAILURE,
    ContainerSpec,
    EnvironmentSource,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    FAILURE_ACTION_CONTINUE,
    FAILURE_ACTION_PAUSE,
    FAILURE_ACTION_ROLLBACK,
    PULL_POLICY_ALWAYS,
    PULL_POLICY_IF_NOT_PRESENT,
    PULL_POLICY_NEVER,
    RESTART_CONDITION_ANY,
    RESTART_CONDITION_NONE,
    RESTART_CONDITION_ON_FAILURE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
)

T = TypeVar("T")

RESTARTS = {
    "any": RESTART_CONDITION_ANY,
    "on-failure": RESTART_CONDITION_ON_FAILURE,
    "none": RESTART_CONDITION_NONE,
}
CONTAINER_RESTARTS = {
    "always": CONTAINER_RESTART_ALWAYS,
    "on-failure": CONTAINER_RESTART_ON_FAILURE,
    "never": CONTAINER_RESTART_NEVER,
}
FAILURE_ACTIONS = {
    "pause": FAILURE_ACTION_PAUSE,
    "continue": FAILURE_ACTION_CONTINUE,
    "rollback": FAILURE_ACTION_ROLLBACK,
}
PULL_POLICIES = {
    "missing": PULL_POLICY_IF_NOT_PRESENT,
    "always": PULL_POLICY_ALWAYS,
    "never": PULL_POLICY_NEVER,
}
ORDERS = {"stop-first": UPDATE_ORDER_STOP_FIRST, "start-first": UPDATE_ORDER_START_FIRST}


def apply_flags(spec: ServiceSpec, flags: SpecFlags) -> None:
    """Change `spec` as the flags say. Raises typer.BadParameter."""
    if not spec.task.containers:
        spec.task.containers.add(name="main")
    spec.labels.update(pairs(flags.label))
    if flags.resolve_image:
        resolve = one_of({"once": True, "never": False}, flags.resolve_image, "--resolve-image")
        spec.no_resolve_image = not resolve
    _apply_to_container(spec.task.containers[0], flags)
    _apply_health(spec.task.containers[0], flags)
    _apply_care(spec.task, flags)
    _apply_resources(spec, flags)
    _apply_placement(spec, flags)
    _apply_restart(spec, flags)
    _apply_update(spec, flags)
    merge(
        spec.endpoint.ports, [port(one) for one in flags.publish], lambda p: (p.target, p.protocol)
    )
    merge(spec.task.networks, [attachment(one) for one in flags.network], lambda n: n.network)
    _apply_number(spec, flags)
    _apply_autoscale(spec, flags)
    _apply_job(spec, flags)
    _apply_importance(spec, flags)


def _apply_importance(spec: ServiceSpec, flags: SpecFlags) -> None:
    if flags.priority is not None:
        spec.task.priority = flags.priority
    if flags.disruption_max_unavailable:
        spec.disruption.max_unavailable.CopyFrom(budget(flags.disruption_max_unavailable))
    if flags.disruption_min_available:
        spec.disruption.min_available.CopyFrom(budget(flags.disruption_min_available))


def _apply_number(spec: ServiceSpec, flags: SpecFlags) -> None:
    mode = spec.WhichOneof("mode")
    if flags.replicas is not None:
        if mode == "replicated":
            spec.replicated.replicas = flags.replicas
        elif mode == "replicated_job":
            spec.replicated_job.completions = flags.replicas
        elif mode == "stateful":
            spec.stateful.replicas = flags.replicas
        else:
            raise typer.BadParameter(
                "--replicas is for replicated services, stateful ones and jobs"
            )
    _apply_stateful(spec, flags)
    if flags.max_concurrent is not None:
        if mode != "replicated_job":
            raise typer.BadParameter("--max-concurrent is for replicated jobs")
        spec.replicated_job.parallelism = flags.max_concurrent


def _apply_stateful(spec: ServiceSpec, flags: SpecFlags) -> None:
    given = (flags.parallel, flags.partition, flags.first_ordinal)
    if all(value is None for value in given):
        return
    if spec.WhichOneof("mode") != "stateful":
        raise typer.BadParameter("--parallel, --partition and --first-ordinal need --mode stateful")
    if flags.parallel is not None:
        spec.stateful.parallel = flags.parallel
    if flags.partition is not None:
        spec.stateful.partition = flags.partition
    if flags.first_ordinal is not None:
        spec.stateful.first_ordinal = flags.first_ordinal


def _apply_autoscale(spec: ServiceSpec, flags: SpecFlags) -> None:
    if flags.autoscale_max is not None:
        spec.autoscale.max_replicas = flags.autoscale_max
        spec.autoscale.min_replicas = spec.autoscale.min_replicas or 1
    if flags.autoscale_min is not None:
        spec.autoscale.min_replicas = flags.autoscale_min
    if flags.autoscale_cpu:
        spec.autoscale.cpu_ratio = ratio(flags.autoscale_cpu)
    if flags.autoscale_memory:
        spec.autoscale.memory_ratio = ratio(flags.autoscale_memory)


def _apply_job(spec: ServiceSpec, flags: SpecFlags) -> None:
    if flags.backoff_limit is not None:
        spec.job.backoff_limit = flags.backoff_limit
    if flags.active_deadline:
        spec.job.active_deadline_s = duration_s(flags.active_deadline)
    if flags.ttl_after_finish:
        spec.job.ttl_after_finish_s = duration_s(flags.ttl_after_finish)


def _apply_to_container(container: ContainerSpec, flags: SpecFlags) -> None:
    container.environment.update(pairs(flags.env))
    merge(container.mounts, [mount(one) for one in flags.mount], lambda m: m.target)
    merge(container.configs, [config_reference(one) for one in flags.config], lambda f: f.target)
    merge(container.secrets, [secret_reference(one) for one in flags.secret], lambda f: f.target)
    sources = [environment_source(one) for one in flags.env_from]
    merge(container.environment_from, sources, _same_source)
    if flags.pull:
        container.pull_policy = one_of(PULL_POLICIES, flags.pull, "--pull")
    container.user = flags.user or container.user
    container.working_dir = flags.workdir or container.working_dir
    container.hostname = flags.hostname or container.hostname
    if flags.stop_grace:
        container.stop_grace_s = duration_s(flags.stop_grace)


def _same_source(source: EnvironmentSource) -> tuple[str, str, str]:
    return source.variable, source.config.name, source.secret.name


def _apply_health(container: ContainerSpec, flags: SpecFlags) -> None:
    if flags.health_cmd:
        del container.health_check.test[:]
        container.health_check.test.extend(["CMD-SHELL", flags.health_cmd])
    if flags.health_interval:
        container.health_check.interval_s = duration_s(flags.health_interval)
    if flags.health_timeout:
        container.health_check.timeout_s = duration_s(flags.health_timeout)
    if flags.health_retries is not None:
        container.health_check.retries = flags.health_retries


def _apply_care(task: TaskSpec, flags: SpecFlags) -> None:
    container = task.containers[0]
    for field in ("startup_probe", "readiness_probe", "liveness_probe"):
        if text := getattr(flags, field):
            getattr(container, field).CopyFrom(probe(text))
    for field in ("post_start", "pre_stop"):
        if text := getattr(flags, field):
            getattr(container, field).CopyFrom(hook(text))
    if flags.container_restart:
        task.container_restart = one_of(
            CONTAINER_RESTARTS, flags.container_restart, "--container-restart"
        )


def _apply_resources(spec: ServiceSpec, flags: SpecFlags) -> None:
    if flags.reserve_cpu:
        spec.task.reservations.nano_cpus = nano_cpus(flags.reserve_cpu)
    if flags.reserve_memory:
        spec.task.reservations.memory_bytes = size_bytes(flags.reserve_memory)
    spec.task.reservations.generic.update(counts(flags.generic_resource))
    if flags.limit_cpu:
        spec.task.limits.nano_cpus = nano_cpus(flags.limit_cpu)
    if flags.limit_memory:
        spec.task.limits.memory_bytes = size_bytes(flags.limit_memory)


def _apply_placement(spec: ServiceSpec, flags: SpecFlags) -> None:
    placement = spec.task.placement
    merge(placement.constraints, flags.constraint, str)
    merge(placement.spread, flags.spread, str)
    if flags.max_per_node is not None:
        placement.max_replicas_per_node = flags.max_per_node


def _apply_restart(spec: ServiceSpec, flags: SpecFlags) -> None:
    restart = spec.task.restart
    if flags.restart:
        restart.condition = one_of(RESTARTS, flags.restart, "--restart")
    if flags.restart_delay:
        restart.delay_s = duration_s(flags.restart_delay)
    if flags.restart_attempts is not None:
        restart.max_attempts = flags.restart_attempts


def _apply_update(spec: ServiceSpec, flags: SpecFlags) -> None:
    if flags.update_parallelism is not None:
        spec.update.parallelism = flags.update_parallelism
    if flags.update_delay:
        spec.update.delay_s = duration_s(flags.update_delay)
    if flags.update_monitor:
        spec.update.monitor_s = duration_s(flags.update_monitor)
    if flags.update_on_failure:
        action = one_of(FAILURE_ACTIONS, flags.update_on_failure, "--update-on-failure")
        spec.update.failure_action = action
    if flags.update_max_surge:
        spec.update.max_surge.CopyFrom(budget(flags.update_max_surge))
    if flags.update_max_unavailable:
        spec.update.max_unavailable.CopyFrom(budget(flags.update_max_unavailable))
    if flags.update_progress_deadline:
        spec.update.progress_deadline_s = duration_s(flags.update_progress_deadline)
    if flags.update_order:
        spec.update.order = one_of(ORDERS, flags.update_order, "--update-order")


def one_of(choices: dict[str, T], text: str, option: str) -> T:
    """Return what `text` stands for. Raises typer.BadParameter naming the choices."""
    if text not in choices:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(choices)}", param_hint=option)
    return choices[text]


def merge(present: MutableSequence[T], given: Iterable[T], key: Callable[[T], Any]) -> None:
    """Add what is given to what is present; of two with one key the given one stays."""
    for item in given:
        kept = [one for one in present if key(one) != key(item)]
        del present[:]
        present.extend([*kept, item])
