"""Says why a task waits whose volumes keep it on one node: nothing else will do, so what helps is
to mend that node, or to begin with new data.
"""

from __future__ import annotations

from swarmpy.core.schedule.filter import Need
from swarmpy.core.schedule.filters import FILTERS, asked
from swarmpy.core.schedule.node_filters import Ready
from swarmpy.core.schedule.node_tally import NodeTally
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import AVAILABILITY_DRAIN, AVAILABILITY_PAUSE, NODE_STATE_DOWN

_READY = Ready()


def bound_reason(need: Need, task: Task, on: NodeTally | None) -> str:
    """Return in one line where the task's volumes are and what that node lacks."""
    names = task.bound_by.split(", ")
    volumes = f"volume {names[0]} is" if len(names) == 1 else f"volumes {task.bound_by} are"
    anew = f"`swarmpy volume rm --force {' '.join(names)}` to begin with new data"
    if on is None:
        return f"{volumes} on node {task.node_id}, which is not in the swarm any more; {anew}"
    where = f"{volumes} on node {on.name}"
    if not _READY.passes(need, on):
        return f"{where}, which {_state(on)}, or {anew}"
    lacking = [one.wish(need) for one in asked(FILTERS, need) if not one.passes(need, on)]
    return f"{where}, which takes no more; needs {', '.join(lacking) or 'a moment'}"


def _state(on: NodeTally) -> str:
    node = on.node
    if node.status.state == NODE_STATE_DOWN:
        return "is down; bring it back"
    activate = f"swarmpy node update --availability active {on.name}"
    if node.spec.availability == AVAILABILITY_DRAIN:
        return f"is drained; `{activate}`"
    if node.spec.availability == AVAILABILITY_PAUSE:
        return f"is paused; `{activate}`"
    return "has not been heard of since the present leader took over; wait for it"
