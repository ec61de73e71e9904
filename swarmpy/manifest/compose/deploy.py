"""The deploy section: mode, replicas, resources, restarts, updates, placement."""

from __future__ import annotations

from swarmpy.manifest.reader import Reader
from swarmpy.pb.specs_pb2 import (
    GlobalJobMode,
    GlobalMode,
    Placement,
    ReplicatedJobMode,
    ReplicatedMode,
    ServiceSpec,
)
from swarmpy.pb.types_pb2 import (
    FAILURE_ACTION_CONTINUE,
    FAILURE_ACTION_PAUSE,
    FAILURE_ACTION_ROLLBACK,
    RESTART_CONDITION_ANY,
    RESTART_CONDITION_NONE,
    RESTART_CONDITION_ON_FAILURE,
    UPDATE_ORDER_START_FIRST,
    UPDATE_ORDER_STOP_FIRST,
    Resources,
    RestartPolicy,
    UpdateConfig,
)

MODES = {name: name for name in ("replicated", "global", "replicated-job", "global-job")}
CONDITIONS = {
    "any": RESTART_CONDITION_ANY,
    "on-failure": RESTART_CONDITION_ON_FAILURE,
    "none": RESTART_CONDITION_NONE,
}
RESTARTS = {
    "no": RESTART_CONDITION_NONE,
    "always": RESTART_CONDITION_ANY,
    "unless-stopped": RESTART_CONDITION_ANY,
    "on-failure": RESTART_CONDITION_ON_FAILURE,
}
ACTIONS = {
    "pause": FAILURE_ACTION_PAUSE,
    "continue": FAILURE_ACTION_CONTINUE,
    "rollback": FAILURE_ACTION_ROLLBACK,
}
ORDERS = {"stop-first": UPDATE_ORDER_STOP_FIRST, "start-first": UPDATE_ORDER_START_FIRST}
DEFAULT_PARALLELISM = 1


def read_deploy(service: Reader, spec: ServiceSpec) -> None:
    """Fill in everything of `spec` that the deploy section and `restart` say."""
    restart = read_restart(service)
    deploy = service.section("deploy")
    if deploy is None:
        spec.replicated.CopyFrom(ReplicatedMode(replicas=1))
        spec.task.restart.CopyFrom(restart)
        return
    _read_mode(deploy, spec)
    for key, value in deploy.pairs("labels").items():
        spec.labels[key] = value or ""
    policy = deploy.section("restart_policy")
    spec.task.restart.CopyFrom(_restart_policy(policy) if policy else restart)
    _read_resources(deploy, spec)
    _read_placement(deploy, spec.task.placement)
    update, rollback = deploy.section("update_config"), deploy.section("rollback_config")
    if update:
        spec.update.CopyFrom(_update_config(update))
    if rollback:
        spec.rollback.CopyFrom(_update_config(rollback))
    if deploy.text("endpoint_mode", "vip") != "vip":
        deploy.fault("endpoint_mode", "is not supported", "vip")
    deploy.done()


def _read_mode(deploy: Reader, spec: ServiceSpec) -> None:
    replicas = deploy.integer("replicas", 1)
    mode = deploy.choice("mode", MODES, "replicated")
    if deploy.has("replicas") and mode.startswith("global"):
        deploy.fault("replicas", f"has no meaning in mode {mode}", remedy="remove one of them")
    match mode:
        case "replicated":
            spec.replicated.CopyFrom(ReplicatedMode(replicas=replicas))
        case "replicated-job":
            spec.replicated_job.CopyFrom(ReplicatedJobMode(completions=replicas))
        case "global":
            getattr(spec, "global").CopyFrom(GlobalMode())  # `global` is a word of Python's
        case _:
            spec.global_job.CopyFrom(GlobalJobMode())


def read_restart(service: Reader) -> RestartPolicy:
    """Return what the service's short `restart` says: no, always, on-failure[:N]."""
    text = service.text("restart", "always")
    name, colon, attempts = text.partition(":")
    if name not in RESTARTS or (colon and (name != "on-failure" or not attempts.isdecimal())):
        service.fault("restart", f"found {text!r}", "no, always, unless-stopped or on-failure[:N]")
        return RestartPolicy()
    return RestartPolicy(condition=RESTARTS[name], max_attempts=int(attempts or 0))


def _restart_policy(policy: Reader) -> RestartPolicy:
    found = RestartPolicy(
        condition=policy.choice("condition", CONDITIONS, RESTART_CONDITION_ANY),
        delay_s=policy.duration_s("delay"),
        max_attempts=policy.integer("max_attempts"),
        window_s=policy.duration_s("window"),
    )
    policy.done()
    return found


def _read_resources(deploy: Reader, spec: ServiceSpec) -> None:
    resources = deploy.section("resources")
    if resources is None:
        return
    for key, target in (("limits", spec.task.limits), ("reservations", spec.task.reservations)):
        section = resources.section(key)
        if section is None:
            continue
        target.CopyFrom(
            Resources(
                nano_cpus=round(section.number("cpus") * 1e9),
                memory_bytes=section.size_bytes("memory"),
                pids=section.integer("pids") if key == "limits" else 0,
            )
        )
        refused = {"devices": "no node offers devices yet"}
        if key == "reservations":
            _read_generic(section, target)
        else:
            refused["generic_resources"] = "say it under reservations"
        section.done(refused)
    resources.done()


def _read_generic(reservations: Reader, target: Resources) -> None:
    for path, item in reservations.items("generic_resources"):
        entry = Reader(item, path, reservations.problems)
        spec = entry.section("discrete_resource_spec")
        entry.done({"named_resource_spec": "no node has named resources yet"})
        if spec is None:
            entry.fault("discrete_resource_spec", "is missing", "a kind and a value")
            continue
        kind = spec.text("kind")
        if kind in target.generic:
            spec.fault("kind", f"{kind!r} is there twice", "each kind once")
        target.generic[kind] = spec.integer("value", 1, least=1)
        spec.done()


def _read_placement(deploy: Reader, placement: Placement) -> None:
    section = deploy.section("placement")
    if section is None:
        return
    placement.constraints.extend(section.texts("constraints"))
    for path, item in section.items("preferences"):
        preference = Reader(item, path, section.problems)
        placement.spread.append(preference.text("spread"))
        preference.done()
    placement.max_replicas_per_node = section.integer("max_replicas_per_node")
    section.done()


def _update_config(section: Reader) -> UpdateConfig:
    ratio = section.number("max_failure_ratio")
    if ratio > 1:
        section.fault("max_failure_ratio", f"found {ratio:g}", "a number from 0 to 1")
    found = UpdateConfig(
        parallelism=section.integer("parallelism", DEFAULT_PARALLELISM),
        delay_s=section.duration_s("delay"),
        monitor_s=section.duration_s("monitor"),
        max_failure_ratio=ratio,
        failure_action=section.choice("failure_action", ACTIONS, FAILURE_ACTION_PAUSE),
        order=section.choice("order", ORDERS, UPDATE_ORDER_STOP_FIRST),
    )
    section.done()
    return found
