"""Decides how many replicas a service shall have, from what its tasks use.

    wish = replicas x (average use / aim), rounded up; of several aims the highest wish

    tolerance   within 10 % of the aim nothing is wished for
    unknown     tasks whose use is not known are taken to use nothing when more replicas are wished
                for, and just the aim when fewer are: they never make a wish bolder
    window      down: the highest wish of the last five minutes; up: the lowest of its window, which
                is no time unless told. So a short calm takes nothing away
    pace        at most doubled, or four more, at once
    bounds      never outside min and max

Source: Kubernetes, HorizontalPodAutoscaler v2, algorithm details.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from swarmpy.core import tell
from swarmpy.core.actions import Decision, SetReplicas
from swarmpy.core.mode import REPLICATED, mode_of
from swarmpy.core.requests import reservations_of
from swarmpy.core.task_life import counts_for_service, keeps_slot
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import AutoscaleConfig

DEFAULT_TOLERANCE = 0.1
DEFAULT_DOWN_WINDOW_S = 300.0
AT_ONCE = 4
"""So many replicas may be added at once, however few there are."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a task used lately."""

    nano_cpus: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Wish:
    """How many replicas the use of a moment asks for."""

    at_ms: int
    replicas: int
    why: str = ""


def is_autoscaled(service: Service) -> bool:
    """Say whether its replicas are decided here."""
    is_scaled = service.spec.HasField("autoscale") and mode_of(service) == REPLICATED
    return is_scaled and not service.removing


def wish(service: Service, tasks: Iterable[Task], uses: Mapping[str, Use], now_ms: int) -> Wish:
    """Return what is asked for now; `uses` are by task id, where they are known."""
    config, present = service.spec.autoscale, service.spec.replicated.replicas
    holders = [task for task in tasks if keeps_slot(task)]
    wishes = [
        _wish_of(_Aim(name, ratio, field), config, holders, uses, present)
        for name, ratio, field in (
            ("cpu", config.cpu_ratio, "nano_cpus"),
            ("memory", config.memory_ratio, "memory_bytes"),
        )
        if ratio
    ]
    replicas, why = max(wishes, default=(present, ""))
    return Wish(now_ms, replicas, why)


def decide(service: Service, wishes: Iterable[Wish], now_ms: int) -> Decision:
    """Return the change of size that is due. `wishes` are those so far, the newest last."""
    config, present = service.spec.autoscale, service.spec.replicated.replicas
    every = list(wishes)
    wanted = _within_windows(config, every, present, now_ms)
    wanted = min(wanted, max(2 * present, present + AT_ONCE))
    wanted = max(config.min_replicas, min(wanted, config.max_replicas))
    if wanted == present:
        return Decision()
    why = next((one.why for one in reversed(every) if one.why), "its bounds ask for it")
    told = tell.of_service(service, "Scaled", f"from {present} to {wanted} replicas: {why}")
    return Decision((SetReplicas(service.id, wanted), told))


def window_ms(config: AutoscaleConfig) -> int:
    """Return for how long wishes are to be remembered."""
    return int(max(_down_window_s(config), config.scale_up_window_s) * 1000)


@dataclass(frozen=True, slots=True)
class _Aim:
    name: str
    ratio: float
    field: str
    """Of Resources, and of Use."""


def _wish_of(
    aim: _Aim,
    config: AutoscaleConfig,
    holders: list[Task],
    uses: Mapping[str, Use],
    present: int,
) -> tuple[int, str]:
    known = [task for task in holders if counts_for_service(task) and task.id in uses]
    reserved = sum(_reserved(task, aim.field) for task in known)
    if not reserved:
        return present, ""
    used = sum(getattr(uses[task.id], aim.field) for task in known)
    ratio = used / reserved / aim.ratio
    if len(known) < len(holders):
        of_all = sum(_reserved(task, aim.field) for task in holders)
        used += (of_all - reserved) * aim.ratio if ratio < 1 else 0
        reserved = of_all
        cautious = used / reserved / aim.ratio
        ratio = cautious if (cautious > 1) == (ratio > 1) else 1.0
    tolerance = config.tolerance if config.HasField("tolerance") else DEFAULT_TOLERANCE
    if abs(ratio - 1) <= tolerance:
        return present, ""
    shown = f"its tasks use {used / reserved:.0%} of their {aim.name}, the aim is {aim.ratio:.0%}"
    return ceil(ratio * len(holders) - 1e-9), shown


def _reserved(task: Task, field: str) -> int:
    of: int = getattr(reservations_of(task.spec), field) or getattr(task.spec.limits, field)
    return of


def _within_windows(config: AutoscaleConfig, wishes: list[Wish], present: int, now_ms: int) -> int:
    """Return the newest wish, held back by those of its window."""
    if not wishes:
        return present
    newest = wishes[-1].replicas
    down_ms = now_ms - int(_down_window_s(config) * 1000)
    up_ms = now_ms - int(config.scale_up_window_s * 1000)
    lowest = min((one.replicas for one in wishes if one.at_ms >= up_ms), default=newest)
    highest = max((one.replicas for one in wishes if one.at_ms >= down_ms), default=newest)
    if present < lowest:
        return lowest
    return min(present, highest)


def _down_window_s(config: AutoscaleConfig) -> float:
    has_own = config.HasField("scale_down_window_s")
    return config.scale_down_window_s if has_own else DEFAULT_DOWN_WINDOW_S
