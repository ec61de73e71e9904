"""A manager of the kill campaign: the real store on real Raft, in a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any

import structlog

from swarmpy.daemon.clock import SystemClock
from swarmpy.errors import Unavailable
from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Config
from swarmpy.pb.specs_pb2 import ConfigSpec
from swarmpy.pb.transaction_pb2 import Change, Transaction
from swarmpy.raft.settings import RaftSettings
from swarmpy.store.store import Store
from tests.e2e.child import Answer, answer_parent
from tests.e2e.raft_member import RaftMember

SETTINGS = RaftSettings(
    snapshot_entries=400, snapshot_keep=50, segment_bytes=65536, log_ahead_bytes=16384
)


class CampaignManager:
    def __init__(self, config: dict[str, Any]) -> None:
        self._store = Store(SystemClock(), IdSource(random.SystemRandom()))
        self._member = RaftMember(
            Path(config["directory"]), config["members"], self._store, SETTINGS
        )
        self._node = self._member.node

    async def main(self) -> None:
        async with self._member.running():
            await answer_parent(self._answer)

    async def _answer(self, order: str, values: Answer) -> Answer:
        match order:
            case "write":
                return await self._write(values["key"], values["row"])
            case "where":
                leads = self._node.leadership.is_self
                return {"index": self._store.index, "leads": leads}
            case "state":
                state = hashlib.sha256(b"".join(self._store.as_bytes())).hexdigest()
                keys = [config.spec.name for config in self._store.view.configs]
                return {"state": state, "keys": keys}
            case _:
                raise AssertionError(f"no order: {order}")

    async def _write(self, key: str, row: str) -> Answer:
        """Add a row for a key. The key is the transaction: twice proposed, it applies once."""
        added = Config(id=row, spec=ConfigSpec(name=key))
        transaction = Transaction(id=key, changes=[Change(config=added)])
        try:
            await self._node.propose(transaction.SerializeToString(deterministic=True))
        except Unavailable:
            return {"applied": False, "leader": self._node.leadership.leader_id}
        return {"applied": True}


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(CampaignManager(json.loads(sys.argv[1])).main())
