"""Brings the log lines of a service or task from the agents that have them to who asked.

    Logs call ──LogRequest──> session of each node        (nothing is stored on the way)
        ^                         the agent dials back
        └──lines, warnings── PublishLogs <──┘

A node that does not answer costs a warning, not the answer. An agent answers every request,
if only with one empty chunk that names it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager

from swarmpy.errors import NotFound, Unavailable
from swarmpy.manager.dispatcher.roster import Roster
from swarmpy.manager.events import name_of
from swarmpy.manager.leash import until_first_ends
from swarmpy.manager.log_answer import Answer, LogTarget, Part
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import Send
from swarmpy.pb.dispatcher_pb2 import (
    LogChunk,
    LogOptions,
    LogRequest,
    ManagerMessage,
    PublishLogsResponse,
)
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TASK_STATE_ACCEPTED
from swarmpy.rpc.peer import Peer


class LogBroker:
    """Connects Logs calls with PublishLogs calls by request id."""

    def __init__(self, seat: Seat, roster: Roster) -> None:
        self._seat = seat
        self._roster = roster
        self._open: dict[str, tuple[Answer, Part]] = {}

    async def logs(self, target: LogTarget, options: LogOptions, send: Send) -> None:
        """Send the target's lines until every node is through and, when they are followed,
        the target cannot grow any more.
        """
        with self._answer() as answer:
            self._ask(answer, target, options)
            works = [
                self._pass_on(answer, target, options, send),
                self._watch_silence(answer, options),
            ]
            if options.follow:
                works.append(self._follow(answer, target, options))
            await until_first_ends(*works)

    async def publish(self, peer: Peer, chunks: AsyncIterator[LogChunk]) -> PublishLogsResponse:
        """Take the lines of one LogRequest from the node that it was sent to.

        Raises:
            NotFound: nobody listens, or not any more.
        """
        async for first in chunks:
            answer, part = self._listener(peer, first.request_id)
            part.attached = True
            async with part.leash.held():
                try:
                    await answer.add(part, first.lines)
                    async for chunk in chunks:
                        await answer.add(part, chunk.lines)
                    answer.end(part)
                finally:
                    if not part.ended:
                        answer.warn(f"the lines of {part.node_name} broke off")
                        answer.end(part)
        return PublishLogsResponse()

    # --- the client's side

    @contextmanager
    def _answer(self) -> Iterator[Answer]:
        answer = Answer(self._seat.clock)
        try:
            yield answer
        finally:
            for part in answer.parts:
                del self._open[part.request_id]
                part.ended = True
                part.leash.pull(NotFound("nobody listens to these logs any more"))

    def _ask(self, answer: Answer, target: LogTarget, options: LogOptions) -> None:
        """Ask the nodes of all tasks that were not asked for yet."""
        by_node: dict[str, list[Task]] = {}
        for task in target.tasks(self._seat.store.view):
            has_begun = task.node_id and task.status.state >= TASK_STATE_ACCEPTED
            if has_begun and task.id not in answer.asked_for:
                answer.asked_for.add(task.id)
                by_node.setdefault(task.node_id, []).append(task)
        for node_id, tasks in sorted(by_node.items()):
            self._ask_node(answer, node_id, [task.id for task in tasks], options)

    def _ask_node(
        self, answer: Answer, node_id: str, task_ids: Iterable[str], options: LogOptions
    ) -> None:
        node = self._seat.store.view.nodes.find(node_id)
        part = Part(
            request_id=self._seat.ids.new_id(),
            node_id=node_id,
            node_name=node_id if node is None else name_of(node),
            task_ids=frozenset(task_ids),
            heard_at=self._seat.clock.monotonic(),
        )
        request = LogRequest(id=part.request_id, task_ids=sorted(part.task_ids), options=options)
        try:
            self._roster.ask(node_id, ManagerMessage(logs=request))
        except Unavailable as error:
            answer.warn(f"no lines of {part.node_name}: {error.message}")
            return
        answer.parts.append(part)
        self._open[part.request_id] = (answer, part)

    async def _pass_on(
        self, answer: Answer, target: LogTarget, options: LogOptions, send: Send
    ) -> None:
        """Send what arrives; return when nothing more can."""
        while True:
            for response in answer.take():
                await send(response)
            grows = options.follow and target.may_grow(self._seat.store.view)
            if answer.complete and not grows:
                return
            await answer.changed()

    async def _watch_silence(self, answer: Answer, options: LogOptions) -> None:
        """Stop waiting for nodes that say nothing. One that is followed may be silent, but
        must have taken up the request.
        """
        silence_s = self._seat.settings.silence_s
        while True:
            await self._seat.clock.sleep(silence_s / 5)
            now = self._seat.clock.monotonic()
            for part in answer.parts:
                may_be_silent = part.ended or (options.follow and part.attached)
                if not may_be_silent and now - part.heard_at >= silence_s:
                    answer.warn(f"no lines of {part.node_name}: it was silent for {silence_s:g} s")
                    answer.end(part)
                    part.leash.pull(NotFound("these logs are not waited for any more"))

    async def _follow(self, answer: Answer, target: LogTarget, options: LogOptions) -> None:
        """Ask for tasks that appear meanwhile."""
        async for _ in self._seat.store.watch(("tasks", "services")):
            self._ask(answer, target, options)
            answer.nudge()

    # --- the agents' side

    def _listener(self, peer: Peer, request_id: str) -> tuple[Answer, Part]:
        found = self._open.get(request_id)
        if found is None or found[1].node_id != peer.node_id or found[1].ended:
            raise NotFound("nobody listens to these logs")
        return found
