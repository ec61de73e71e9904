"""Says why a task is where it is, or nowhere: every filter on every node, and what would help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from swarmpy.core.closed_ports import closed_ports
from swarmpy.core.dependencies import unmet
from swarmpy.core.mode import is_stateful, size_of
from swarmpy.core.schedule.bound import bound_reason
from swarmpy.core.schedule.domains import Domains
from swarmpy.core.schedule.filter import Filter, Need
from swarmpy.core.schedule.filters import FILTERS, NODE_FILTERS, asked, pass_all
from swarmpy.core.schedule.node_tally import NodeTally, tally
from swarmpy.core.schedule.place import is_pending, pending_reason
from swarmpy.core.schedule.state_in_words import state_in_words
from swarmpy.core.task_life import counts_for_service, keeps_slot
from swarmpy.core.tell import task_name
from swarmpy.pb.control_pb2 import Explanation, FilterVerdict, NodeVerdict, TaskExplanation
from swarmpy.pb.objects_pb2 import Node, Service, Task

TASKS_EXPLAINED = 20
"""Of one service; those that do not run come first."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that the reasons may lie in."""

    nodes: Sequence[Node]
    services: Sequence[Service]
    tasks: Sequence[Task]
    now_ms: int


def explain_task(task: Task, situation: Situation) -> Explanation:
    """Return why one task is in its state."""
    explained = _explain(task, _Board(situation))
    return Explanation(summary=f"{task_name(task)} {explained.summary}", tasks=[explained])


def explain_service(service: Service, situation: Situation) -> Explanation:
    """Return why the tasks of a service are in their states, or why it has none."""
    own = [task for task in situation.tasks if task.service_id == service.id]
    kept = sorted((task for task in own if keeps_slot(task)), key=counts_for_service)
    board = _Board(situation)
    tasks = [_explain(task, board) for task in kept[:TASKS_EXPLAINED]]
    return Explanation(summary=_summary(service, kept, tasks, situation), tasks=tasks)


def _summary(
    service: Service,
    kept: Sequence[Task],
    explained: Sequence[TaskExplanation],
    situation: Situation,
) -> str:
    name = service.spec.name
    if service.removing:
        return f"{name} is being removed; its tasks end first"
    if service.allocation_error:
        return f"{name} waits for its ports: {service.allocation_error}"
    if not kept:
        return f"{name} has no tasks: {_why_none(service, situation)}"
    running = sum(counts_for_service(task) for task in kept)
    if is_stateful(service) and running == len(kept) < service.spec.stateful.replicas:
        wanted = service.spec.stateful.replicas
        return f"{name} runs {running} of {wanted} tasks; the next is made when these are ready"
    if running == len(kept):
        closed = "".join(f"; {words}" for words in closed_ports(service, situation.nodes))
        return f"{name} runs: {running} of {len(kept)} tasks are up{closed}"
    first = explained[0]
    return f"{name} runs {running} of {len(kept)} tasks; {task_name(first.task)} {first.summary}"


def _why_none(service: Service, situation: Situation) -> str:
    named = {row.spec.name: row for row in situation.services}
    waits_for = unmet(
        service,
        named.get,
        lambda other: [task for task in situation.tasks if task.service_id == other.id],
    )
    if waits_for:
        return f"it waits until {', '.join(waits_for)} runs"
    mode = service.spec.WhichOneof("mode")
    if size_of(service) == 0:
        return "it is scaled to 0"
    if mode in {"global", "global_job"}:
        return "no node is ready, active, meets its constraints and has only taints it tolerates"
    return "they are made as soon as its ports are allocated"


class _Board:
    """What is used, and who is where, as all explanations of one answer see it."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.tallies = tally(situation.nodes, situation.tasks, situation.now_ms)
        services = {service.id: service for service in situation.services}
        self._domains = Domains(self.tallies.values(), services)

    def need_of(self, task: Task) -> Need:
        need = Need.of(task)
        filters = asked(NODE_FILTERS, need)
        suited = (on for on in self.tallies.values() if pass_all(filters, need, on))
        return need.among(self._domains, suited)


def _explain(task: Task, board: _Board) -> TaskExplanation:
    situation = board.situation
    if not is_pending(task):
        words = state_in_words(task, board.tallies, situation.tasks, situation.now_ms)
        return TaskExplanation(task=task, summary=words)
    need = board.need_of(task)
    filters = asked(FILTERS, need)
    nodes = [on for on in board.tallies.values() if task.node_id in {"", on.node.id}]
    verdicts = [_verdict(filters, need, on) for on in nodes]
    if task.bound_by and not any(verdict.eligible for verdict in verdicts):
        summary = f"has no node: {bound_reason(need, task, board.tallies.get(task.node_id))}"
    elif task.node_id and not nodes:
        summary = f"has no node: {task.node_id}, the one it is made for, is not in the swarm"
    elif any(verdict.eligible for verdict in verdicts):
        summary = "is about to get a node"
    else:
        summary = f"has no node: {pending_reason(need, nodes)}"
    return TaskExplanation(
        task=task, summary=summary, nodes=verdicts, nearest_miss=_nearest_miss(filters, need, nodes)
    )


def _verdict(filters: Iterable[Filter], need: Need, on: NodeTally) -> NodeVerdict:
    verdicts = [
        FilterVerdict(filter=one.name, passed=one.passes(need, on), reason=one.sentence(need, on))
        for one in filters
    ]
    return NodeVerdict(
        node_id=on.node.id,
        hostname=on.node.description.hostname,
        filters=verdicts,
        eligible=all(verdict.passed for verdict in verdicts),
    )


def _nearest_miss(filters: Sequence[Filter], need: Need, nodes: Iterable[NodeTally]) -> str:
    """Return which node fails the fewest filters, and what would help; "" when one takes it."""
    misses = [(on, [one for one in filters if not one.passes(need, on)]) for on in nodes]
    if not misses:
        return ""
    on, failed = min(misses, key=lambda miss: (len(miss[1]), miss[0].name, miss[0].node.id))
    return f"{on.name}: " + "; ".join(one.help(need, on) for one in failed) if failed else ""
