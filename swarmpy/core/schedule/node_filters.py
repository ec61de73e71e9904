"""Filters on what a node is. Their answer changes only when the node does."""

from __future__ import annotations

import shlex

from swarmpy.core.node_life import is_drained, is_ready, takes_new_tasks
from swarmpy.core.schedule.attribute import NODE_LABEL, find_value
from swarmpy.core.schedule.constraint import Constraint, matches, parse
from swarmpy.core.schedule.filter import Filter, Need, platform_key
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.core.schedule.taint import refusing, shown
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_PAUSE,
    NODE_STATE_DOWN,
)


class Ready(Filter):
    """The node's agent holds a session, and the node takes tasks."""

    name = "ready"

    def asked(self, need: Need) -> bool:
        return True

    def passes(self, need: Need, on: NodeTally) -> bool:
        return takes_new_tasks(on.node)

    def wish(self, need: Need) -> str:
        return "a node that is ready and active"

    def sentence(self, need: Need, on: NodeTally) -> str:
        node = on.node
        if node.status.state == NODE_STATE_DOWN:
            return f"is down: {node.status.message or 'its heartbeats have stopped'}"
        if not is_ready(node):
            return "has not been heard of since the present leader took over"
        if node.spec.availability == AVAILABILITY_PAUSE:
            return "is paused: it keeps its tasks and takes no new ones"
        if node.in_maintenance:
            return "is in maintenance: it gives its tasks away until that is over"
        if is_drained(node):
            return "is drained: it gives its tasks away"
        return "is ready and active"

    def help(self, need: Need, on: NodeTally) -> str:
        if not is_ready(on.node):
            return f"start {on.name} again"
        if on.node.in_maintenance:
            return f"swarmpy node maintenance --clear {on.name}"
        return f"swarmpy node update --availability active {on.name}"


class Kept(Filter):
    """No task of a higher priority waits for room on the node."""

    name = "priority"

    def asked(self, need: Need) -> bool:
        return True

    def passes(self, need: Need, on: NodeTally) -> bool:
        return not on.kept_for or not _before(need, on)

    def wish(self, need: Need) -> str:
        return "a node that is not kept for tasks of a higher priority"

    def sentence(self, need: Need, on: NodeTally) -> str:
        names = _before(need, on)
        if not names:
            return "is kept for nobody of a higher priority"
        return f"is kept for {' and '.join(names)}, of a higher priority than {need.priority}"

    def help(self, need: Need, on: NodeTally) -> str:
        return f"wait until {' and '.join(_before(need, on))} has its node, or raise the priority"


def _before(need: Need, on: NodeTally) -> list[str]:
    """Return the services that a node is kept for before others of this priority."""
    return sorted({name for priority, name in on.kept_for.values() if priority > need.priority})


class Constraints(Filter):
    """The node has the labels, role, name or platform that the service insists on."""

    name = "constraint"

    def asked(self, need: Need) -> bool:
        return bool(need.constraints)

    def passes(self, need: Need, on: NodeTally) -> bool:
        return matches(need.constraints, on.node)

    def wish(self, need: Need) -> str:
        return " and ".join(need.constraints)

    def sentence(self, need: Need, on: NodeTally) -> str:
        return "; ".join(
            f"needs {one}; {one.key} is {_shown(find_value(one.key, on.node))}"
            for one in map(parse, need.constraints)
        )

    def help(self, need: Need, on: NodeTally) -> str:
        unmet = [one for one in map(parse, need.constraints) if not one.holds(on.node)]
        edits = [edit for one in unmet if (edit := _label_edit(one))]
        steps = [f"drop the constraint {one}" for one in unmet if not _label_edit(one)]
        if edits:
            steps.insert(0, f"swarmpy node update {' '.join(edits)} {on.name}")
        return " and ".join(steps)


class Taints(Filter):
    """The task tolerates whatever keeps tasks off the node."""

    name = "taint"

    def asked(self, need: Need) -> bool:
        return True

    def passes(self, need: Need, on: NodeTally) -> bool:
        return not refusing(need.tolerated, on.node)

    def wish(self, need: Need) -> str:
        return "a node without taints that it does not tolerate"

    def sentence(self, need: Need, on: NodeTally) -> str:
        refuses = refusing(need.tolerated, on.node)
        if refuses:
            return f"does not tolerate {' and '.join(map(shown, refuses))}"
        taints = on.node.spec.taints
        return f"tolerates {' and '.join(map(shown, taints))}" if taints else "has no taints"

    def help(self, need: Need, on: NodeTally) -> str:
        taints = refusing(need.tolerated, on.node)
        flags = " ".join(f"--taint-rm {key}" for key in dict.fromkeys(one.key for one in taints))
        return f"swarmpy node update {flags} {on.name}, or let the service tolerate it"


class Platforms(Filter):
    """The node's system can run the image."""

    name = "platform"

    def asked(self, need: Need) -> bool:
        return bool(need.platforms)

    def passes(self, need: Need, on: NodeTally) -> bool:
        has = on.node.description.platform
        system, machine = platform_key(has.os, has.architecture)
        return any(
            wanted_os in {"", system} and wanted_machine in {"", machine}
            for wanted_os, wanted_machine in need.platforms
        )

    def wish(self, need: Need) -> str:
        return "platform " + " or ".join(
            sorted(f"{system or 'any'}/{machine or 'any'}" for system, machine in need.platforms)
        )

    def sentence(self, need: Need, on: NodeTally) -> str:
        has = on.node.description.platform
        return f"needs {self.wish(need)}; it is {'/'.join(platform_key(has.os, has.architecture))}"

    def help(self, need: Need, on: NodeTally) -> str:
        return f"add a node with {self.wish(need)}, or build the image for more platforms"


def _shown(value: str | None) -> str:
    return "not set" if value is None else value or "empty"


def _label_edit(constraint: Constraint) -> str:
    """Return the flag that makes a node meet it; "" where no label of the node's own would."""
    label = constraint.key.removeprefix(NODE_LABEL)
    if label == constraint.key:
        return ""
    match constraint.operator:
        case "==" | "in":
            return f"--label {shlex.quote(f'{label}={constraint.values[0]}')}"
        case ">" | "<":
            step = 1 if constraint.operator == ">" else -1
            return f"--label {label}={float(constraint.values[0]) + step:g}"
        case "exists":
            return f"--label {label}=yes"
        case "=~":
            return f"--label {label}=VALUE"
        case _:
            return f"--label-rm {label}"
