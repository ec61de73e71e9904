"""What Compose has no words for: budgets, scaling, jobs, cron jobs, pods, placement, names.

    x-swarmpy:
      update: {max_surge: 25%, max_unavailable: 0, progress_deadline: 5m}
      autoscale: {min: 2, max: 10, cpu: 70%}
      job: {parallelism: 2, backoff_limit: 3, active_deadline: 1h, ttl_after_finish: 1d}
      stateful: {parallel: true, partition: 2, first_ordinal: 1}
      cron: {schedule: "30 3 * * *", time_zone: Europe/Berlin, concurrency: forbid}
      container_restart: on-failure        (and more of pods: pods.py)

It stands under a service.
"""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.core.cron.schedule import parse
from swarmpy.errors import InvalidInput
from swarmpy.manifest.compose.deploy import DEFAULT_PARALLELISM
from swarmpy.manifest.compose.importance import read_importance
from swarmpy.manifest.compose.placement import read_placement
from swarmpy.manifest.compose.pods import ReadContainer, read_pod
from swarmpy.manifest.compose.stateful import read_stateful
from swarmpy.manifest.reader import EXTENSION, Reader
from swarmpy.pb.specs_pb2 import (
    CONCURRENCY_POLICY_ALLOW,
    CONCURRENCY_POLICY_FORBID,
    CONCURRENCY_POLICY_REPLACE,
    CronJobSpec,
    ServiceSpec,
)
from swarmpy.pb.types_pb2 import AutoscaleConfig, UpdateConfig

POLICIES = {
    "allow": CONCURRENCY_POLICY_ALLOW,
    "forbid": CONCURRENCY_POLICY_FORBID,
    "replace": CONCURRENCY_POLICY_REPLACE,
}
RESOLVE = {"once": True, "never": False}
JOB_MODES = {"replicated_job", "global_job"}


def read_extension(
    service: Reader,
    spec: ServiceSpec,
    services: Mapping[str, str],
    read_container: ReadContainer,
) -> CronJobSpec | None:
    """Fill in what `x-swarmpy` says about a service; return the cron job that it is, if it is one.

    `services` are those of the file: their names -> the swarm's. `read_container` reads one
    more container that is written as a service is.

    `spec`, but for its name, is then what each run will be.
    """
    section = service.section(EXTENSION)
    if section is None:
        return None
    cron = section.section("cron")
    if cron:
        _make_job(service, spec)
    job = section.section("job")
    if job:
        _read_job(job, spec)
    update = section.section("update")
    if update:
        if not spec.HasField("update"):
            spec.update.parallelism = DEFAULT_PARALLELISM
        _read_update(update, spec.update)
    if section.has("stateful"):
        read_stateful(service, section, spec)
    autoscale = section.section("autoscale")
    if autoscale:
        _read_autoscale(autoscale, spec)
    if section.has("revisions_kept"):
        spec.revisions_kept = section.integer("revisions_kept")
    read_pod(section, spec.task, read_container)
    read_placement(section, spec.task.placement, services)
    read_importance(section, spec)
    spec.no_resolve_image = not section.choice("resolve_image", RESOLVE, default=True)
    section.value("environment_from")  # read with the container
    section.done()
    return _cron_job(service, cron, spec) if cron else None


def _read_update(update: Reader, config: UpdateConfig) -> None:
    if update.has("max_surge"):
        config.max_surge.CopyFrom(update.budget("max_surge"))
    if update.has("max_unavailable"):
        config.max_unavailable.CopyFrom(update.budget("max_unavailable"))
    config.progress_deadline_s = update.duration_s("progress_deadline")
    update.done()


def _read_autoscale(autoscale: Reader, spec: ServiceSpec) -> None:
    config = AutoscaleConfig(
        min_replicas=autoscale.integer("min", 1, least=1),
        max_replicas=autoscale.integer("max", least=1),
        cpu_ratio=autoscale.ratio("cpu"),
        memory_ratio=autoscale.ratio("memory"),
        scale_up_window_s=autoscale.duration_s("scale_up_window"),
    )
    if autoscale.has("tolerance"):
        config.tolerance = autoscale.ratio("tolerance")
    if autoscale.has("scale_down_window"):
        config.scale_down_window_s = autoscale.duration_s("scale_down_window")
    autoscale.done()
    spec.autoscale.CopyFrom(config)
    if spec.HasField("replicated"):
        spec.replicated.replicas = max(config.min_replicas, spec.replicated.replicas)


def _read_job(job: Reader, spec: ServiceSpec) -> None:
    if spec.WhichOneof("mode") not in JOB_MODES:
        remedy = "set deploy.mode to replicated-job or global-job"
        job.problems.add(job.place, job.path, "is given, and the service is no job", remedy=remedy)
    if job.has("parallelism"):
        if spec.WhichOneof("mode") == "global_job":
            job.fault("parallelism", "has no meaning in mode global-job", remedy="remove it")
        else:
            spec.replicated_job.parallelism = job.integer("parallelism")
    if job.has("backoff_limit"):
        spec.job.backoff_limit = job.integer("backoff_limit")
    spec.job.active_deadline_s = job.duration_s("active_deadline")
    if job.has("ttl_after_finish"):
        spec.job.ttl_after_finish_s = job.duration_s("ttl_after_finish")
    job.done()


def _cron_job(service: Reader, cron: Reader, spec: ServiceSpec) -> CronJobSpec:
    if service.has("ports"):
        service.fault("ports", "is given for a cron job", remedy="remove it: its runs publish none")
    cron_job = CronJobSpec(
        name=spec.name,
        labels=spec.labels,
        schedule=cron.text("schedule"),
        time_zone=cron.text("time_zone"),
        concurrency_policy=cron.choice("concurrency", POLICIES, CONCURRENCY_POLICY_ALLOW),
        suspend=cron.boolean("suspend"),
    )
    if cron.has("starting_deadline"):
        cron_job.starting_deadline_s = cron.duration_s("starting_deadline")
    if cron.has("successful_history"):
        cron_job.successful_history = cron.integer("successful_history")
    if cron.has("failed_history"):
        cron_job.failed_history = cron.integer("failed_history")
    _check_times(cron, "schedule", cron_job.schedule, "")
    _check_times(cron, "time_zone", "@daily", cron_job.time_zone)
    cron.done()
    cron_job.job.CopyFrom(spec)
    cron_job.job.ClearField("name")
    return cron_job


def _make_job(service: Reader, spec: ServiceSpec) -> None:
    """Make the spec one of a job, where the file does not say otherwise."""
    if spec.WhichOneof("mode") in JOB_MODES:
        return
    deploy = service.section("deploy")
    if deploy is not None and deploy.has("mode"):
        deploy.fault("mode", "is no job's, and this is a cron job", "replicated-job or global-job")
    spec.replicated_job.completions = spec.replicated.replicas


def _check_times(cron: Reader, key: str, schedule: str, zone: str) -> None:
    try:
        parse(schedule, zone)
    except InvalidInput as error:
        what, _, expected = error.message.partition(", expected ")
        cron.fault(key, what, expected, error.remedy)
