"""The loops that find a task its place: first what it must own, then the node it runs on."""

from __future__ import annotations

from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.loops.allocator import Allocator
from swarmpy.manager.loops.preempt import PreemptLoop
from swarmpy.manager.loops.scheduler import Scheduler

PLACEMENT_LOOPS: tuple[type[ControlLoop], ...] = (Allocator, Scheduler, PreemptLoop)
