"""Connects a client that runs a command in a task with the agent that does it.

Exec call ──ExecRequest──> session of the node
  stdin ──> [16 frames] ──> AttachExec ──> agent
  client <── [16 frames] <── AttachExec <── output
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from swarmpy.core.pod import container_key
from swarmpy.errors import NotFound, TimedOut, Unavailable, WrongState
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.leash import Leash, until_first_ends
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.control_pb2 import ExecClientFrame
from swarmpy.pb.dispatcher_pb2 import ExecInput, ExecOutput, ExecRequest, ManagerMessage
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, TASK_STATE_STARTING
from swarmpy.rpc.peer import Peer

FRAMES_WAITING = 16
"""Each way; then the sender waits."""


@dataclass(eq=False, slots=True)
class _Exec:
    """One command between its two ends."""

    node_id: str
    stdin: asyncio.Queue[ExecInput] = field(default_factory=lambda: asyncio.Queue(FRAMES_WAITING))
    output: asyncio.Queue[ExecOutput] = field(default_factory=lambda: asyncio.Queue(FRAMES_WAITING))
    attached: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False
    """The frame that says how it ended has come from the agent."""
    client: Leash = field(default_factory=Leash)
    agent: Leash = field(default_factory=Leash)


class ExecBroker:
    """Connects Exec calls with AttachExec calls by request id."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._seat = seat
        self._roster = roster
        self._open: dict[str, _Exec] = {}

    async def run(
        self, task: Task, start: ExecRequest, frames: AsyncIterator[ExecClientFrame], send: Send
    ) -> None:
        """Run a command in a task, and send its output; the last frame says how it ended.

        Raises:
            WrongState: the task does not run.
            NotFound: it has no such container.
            TimedOut: its agent did not take the command up.
            Unavailable: its agent is not connected, or was lost meanwhile.
        """
        if not TASK_STATE_STARTING <= task.status.state <= TASK_STATE_RUNNING:
            raise WrongState(
                f"task {task.id} does not run",
                remedy="see swarmpy task ls; a command needs a running task",
            )
        container = container_key(task.spec, start.container)
        if container is None:
            raise NotFound.named("container", start.container)
        with self._opened(task.node_id) as (request_id, command):
            request = ExecRequest()
            request.CopyFrom(start)
            request.id, request.task_id = request_id, task.id
            request.container = container
            self._roster.ask(task.node_id, ManagerMessage(exec=request))
            async with command.client.held():
                await self._attachment(command)
                await until_first_ends(_send_output(command, send), _take_input(command, frames))

    async def attach(self, peer: Peer, frames: AsyncIterator[ExecOutput], send: Send) -> None:
        """Serve the agent's end of a command.

        Raises:
            NotFound: nobody waits for this command, or not any more.
        """
        async for first in frames:
            command = self._open.get(first.request_id)
            if command is None or command.node_id != peer.node_id or command.attached.is_set():
                break
            command.attached.set()
            async with command.agent.held():
                try:
                    await _put_output(command, first)
                    await until_first_ends(
                        _take_output(command, frames), _send_input(command, send)
                    )
                finally:
                    if not command.ended:
                        lost = f"node {peer.node_id} went away during the command"
                        command.client.pull(Unavailable(lost))
            return
        raise NotFound("nobody waits for this command")

    @contextmanager
    def _opened(self, node_id: str) -> Iterator[tuple[str, _Exec]]:
        request_id, command = self._seat.ids.new_id(), _Exec(node_id)
        self._open[request_id] = command
        try:
            yield request_id, command
        finally:
            del self._open[request_id]
            command.agent.pull(NotFound("nobody waits for this command any more"))

    async def _attachment(self, command: _Exec) -> None:
        silence_s = self._seat.settings.silence_s
        try:
            async with asyncio.timeout(silence_s):
                await command.attached.wait()
        except TimeoutError:
            raise TimedOut(
                f"node {command.node_id} did not take the command up within {silence_s:g} s",
                remedy="see swarmpy node ls, and try again",
            ) from None


async def _take_input(command: _Exec, frames: AsyncIterator[ExecClientFrame]) -> None:
    """Take the client's input to its end; then wait, because the output goes on."""
    async for frame in frames:
        await command.stdin.put(frame.input)
    await command.stdin.put(ExecInput(end=True))
    await asyncio.Event().wait()


async def _send_input(command: _Exec, send: Send) -> None:
    while True:
        await send(await command.stdin.get())


async def _take_output(command: _Exec, frames: AsyncIterator[ExecOutput]) -> None:
    async for frame in frames:
        await _put_output(command, frame)


async def _put_output(command: _Exec, frame: ExecOutput) -> None:
    command.ended = command.ended or frame.exited or bool(frame.error)
    await command.output.put(frame)


async def _send_output(command: _Exec, send: Send) -> None:
    """Send output up to the frame that says how the command ended."""
    while True:
        frame = await command.output.get()
        await send(frame)
        if frame.exited or frame.error:
            return
