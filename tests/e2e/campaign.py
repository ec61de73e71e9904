"""Managers in processes that are killed and frozen while clients write; then everything is counted.

clients ── key ──> a manager that may lead ── applied ──> acknowledgement log
   └── no answer, or no: the same key again, at another one, as another row
faults ── kill -9 one, a minority, all; SIGSTOP the leader or a follower ──> managers

A key is a transaction's id and each try asks for a row of its own, so a key that was applied
twice shows as two rows.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.child import Answer, Child, Gone
from tests.e2e.raft_member import found
from tests.raft.ports import free_addresses

MODULE = "tests.e2e.campaign_manager"
CLIENTS = 8
PAUSE_S = 0.015
ANSWER_S = 1.0
RECOVERY_S = 30.0
"""How long writes may take to go on once every manager runs."""
STEADY_ACKS = 20


class Managers:
    """The processes, by name."""

    def __init__(self, directory: Path, count: int) -> None:
        self.names = list("abcdefg"[:count])
        self._directory = directory
        self._members = dict(zip(self.names, free_addresses(count), strict=True))
        self._running: dict[str, Child] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have all of them run at the start of a block, and none after it."""
        found(self._directory, self.names)
        try:
            await self.start(self.names)
            yield
        finally:
            await self.kill(list(self._running))

    async def start(self, names: list[str]) -> None:
        for name in names:
            config = {"directory": str(self._directory / name), "members": self._members}
            log = self._directory / f"{name}.log"
            self._running[name] = await Child.start(MODULE, config, log)

    async def kill(self, names: list[str]) -> None:
        """kill -9, all of them before the first is waited for."""
        for name in names:
            self._running[name].signal(signal.SIGKILL)
        for name in names:
            await self._running.pop(name).kill()

    async def freeze(self, name: str, seconds: float) -> None:
        self._running[name].signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._running[name].signal(signal.SIGCONT)

    async def ask(self, name: str, order: str, timeout_s: float = 10.0, **values: str) -> Answer:
        """Raises Gone when it does not run, TimeoutError when it does not answer."""
        child = self._running.get(name)
        if child is None:
            raise Gone
        return await child.ask(order, timeout_s, **values)

    async def agree(self) -> None:
        """Return once one leads and all have applied the same."""
        async with asyncio.timeout(RECOVERY_S):
            while True:
                places = [await self.ask(name, "where", RECOVERY_S) for name in self.names]
                leads = sum(place["leads"] for place in places)
                if leads == 1 and len({place["index"] for place in places}) == 1:
                    return
                await asyncio.sleep(0.1)


class Clients:
    """They write keys, each again and again until it is acknowledged."""

    def __init__(self, managers: Managers, acknowledged: Path) -> None:
        self.acks = 0
        self.leader = managers.names[0]
        """Who is believed to lead."""
        self._managers = managers
        self._acknowledged = acknowledged
        self._ending = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write for the length of a block; every key that was begun is finished."""
        with self._acknowledged.open("a", buffering=1) as log:
            async with asyncio.TaskGroup() as tasks:
                for client in range(CLIENTS):
                    tasks.create_task(self._write_on(client, lambda key: log.write(key + "\n")))
                yield
                self._ending = True

    async def _write_on(self, client: int, acknowledge: Callable[[str], object]) -> None:
        sequence = 0
        while not self._ending:
            sequence += 1
            key = f"key-{client}-{sequence}"
            await self._write(key)
            acknowledge(key)
            self.acks += 1
            await asyncio.sleep(PAUSE_S)

    async def _write(self, key: str) -> None:
        tries = 0
        while True:
            tries += 1
            asked = self.leader
            try:
                answer = await self._managers.ask(
                    asked, "write", ANSWER_S, key=key, row=f"{key}.{tries}"
                )
            except (Gone, TimeoutError):
                answer = {"applied": False, "leader": None}
            if answer["applied"]:
                return
            if self.leader == asked:
                self.leader = answer["leader"] or self._after(asked)
            await asyncio.sleep(PAUSE_S)

    def _after(self, name: str) -> str:
        names = self._managers.names
        return names[(names.index(name) + 1) % len(names)]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was left after a campaign."""

    managers: int
    faults: int
    acknowledged: int
    lost: int
    """Acknowledged keys that are missing on some manager."""
    duplicated: int
    """Keys that are there twice on some manager."""
    states_equal: bool
    """Byte for byte."""

    @property
    def holds(self) -> bool:
        return self.states_equal and not self.lost and not self.duplicated


class Campaign:
    def __init__(self, directory: Path, count: int, seed: int) -> None:
        self._rng = random.Random(seed)
        self._acknowledged = directory / "acknowledged"
        self._managers = Managers(directory, count)
        self._clients = Clients(self._managers, self._acknowledged)

    async def run(self, faults: int) -> Verdict:
        """Let `faults` things happen, and judge what is left.

        Raises:
            TimeoutError: writes do not go on, though all managers run.
        """
        async with self._managers.running():
            async with AsyncExitStack() as writing:
                await writing.enter_async_context(self._clients.running())
                for _ in range(faults):
                    await self._meanwhile()
                    await self._fault()
                await self._writes_go_on()
            await self._managers.agree()
            return await self._judge(faults)

    async def _meanwhile(self) -> None:
        """Mostly wait until writes go on; the next fault may come before, too."""
        if self._rng.random() < 0.7:
            await self._writes_go_on()
        await asyncio.sleep(self._rng.uniform(0, 0.5))

    async def _writes_go_on(self) -> None:
        wanted = self._clients.acks + STEADY_ACKS
        async with asyncio.timeout(RECOVERY_S):
            while self._clients.acks < wanted:
                await asyncio.sleep(0.02)

    async def _fault(self) -> None:
        names, leader = self._managers.names, self._clients.leader
        followers = [name for name in names if name != leader]
        minority = (len(names) - 1) // 2
        match self._rng.choice(["leader", "one", "minority", "all", "freeze", "freeze leader"]):
            case "leader":
                await self._kill([leader])
            case "one":
                await self._kill(self._rng.sample(names, 1))
            case "minority":
                await self._kill(self._rng.sample(names, minority))
            case "all":
                await self._kill(names)
            case "freeze":
                await self._freeze(self._rng.choice(followers))
            case _:
                await self._freeze(leader)

    async def _kill(self, names: list[str]) -> None:
        await self._managers.kill(names)
        await asyncio.sleep(self._rng.uniform(0, 1.0))
        await self._managers.start(names)

    async def _freeze(self, name: str) -> None:
        await self._managers.freeze(name, self._rng.uniform(0.5, 3.0))

    async def _judge(self, faults: int) -> Verdict:
        acknowledged = self._acknowledged.read_text().split()
        lost: set[str] = set()
        duplicated: set[str] = set()
        states: set[str] = set()
        for name in self._managers.names:
            held = await self._managers.ask(name, "state", RECOVERY_S)
            times: Counter[str] = Counter(held["keys"])
            lost.update(key for key in acknowledged if not times[key])
            duplicated.update(key for key, found in times.items() if found > 1)
            states.add(held["state"])
        return Verdict(
            managers=len(self._managers.names),
            faults=faults,
            acknowledged=len(acknowledged),
            lost=len(lost),
            duplicated=len(duplicated),
            states_equal=len(states) == 1,
        )
