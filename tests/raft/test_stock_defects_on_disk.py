"""What stock pysyncobj 0.3.17 loses or believes when disks and processes die: shown on it, and
shown not to happen here.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from pysyncobj.journal import FileJournal

from swarmpy.errors import OutcomeUnknown, StorageCorrupt
from swarmpy.raft.log import RaftLog
from swarmpy.testing.faulty_disk import FaultyDisk
from tests.raft.cluster import DIRECTORY, Cluster, simulate
from tests.raft.lone import Lone, alone
from tests.raft.stock import SUCCESS, Stock

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""Stock leaves files open."""


@pytest.fixture(autouse=True)
def let_go_of_files() -> Iterator[None]:
    """Close them here, where that is no warning, and not in whichever test comes later."""
    yield
    gc.collect()


def stock_journal(path: Path, entries: int) -> FileJournal:
    journal = FileJournal(str(path))
    for index in range(1, entries + 1):
        journal.add(b"\x01word%05d" % index, index, 1)
    return journal


def files(disk: FaultyDisk, kind: str) -> list[Path]:
    return [DIRECTORY / kind / name for name in disk.list_dir(DIRECTORY / kind)]


class UnsyncedVotes(RaftLog):
    """A log that writes its ballots, as stock does, and does not sync them."""

    def set_ballot(self, term: int, voted_for: str | None) -> None:
        self.sync_now = self.write_out  # type: ignore[method-assign,assignment]
        super().set_ballot(term, voted_for)
        del self.sync_now


class TestAVoteIsDurableBeforeItIsGiven:
    def test_stock_syncs_neither_its_meta_file_nor_the_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, synced.append)
        stock_journal(tmp_path / "journal", 1).setCurrentTerm(5, "a")
        assert (tmp_path / "journal.meta").exists()
        assert synced == []

    @pytest.mark.parametrize(
        ("log_class", "most"),
        [(RaftLog, 1), (UnsyncedVotes, 2)],
        ids=["here nobody votes twice in a term", "without the sync somebody does"],
    )
    def test_over_a_power_cut(self, log_class: type[RaftLog], most: int) -> None:
        async def scenario(lone: Lone) -> None:
            lone.disk.sync_s = 1.0
            await lone.start(log_class=log_class)
            await lone.hear_candidate("a", term=5)
            given = [peer for peer, _ in lone.said("vote_reply")]
            await lone.crash()
            await lone.start()
            await lone.hear_candidate("c", term=5)
            given += [peer for peer, _ in lone.said("vote_reply")]
            votes.append(len(given))

        votes: list[int] = []
        for seed in range(8):
            alone(scenario, seed=seed)
        assert max(votes) == most


class TestNothingIsCommittedThatIsNotInTheLog:
    def test_stock_acknowledges_without_followers_when_its_journal_lost_its_tail(
        self, tmp_path: Path
    ) -> None:
        journal = stock_journal(tmp_path / "journal", 10)
        journal.setRaftCommitIndex(200)
        journal.onOneSecondTimer()
        journal._destroy()
        stock = Stock("LFG", {"L": tmp_path / "journal"})
        stock.campaign("L")
        for follower in "FG":
            stock.deliver("L", follower)
            stock.deliver(follower, "L")
        assert stock.core["L"]._isLeader()
        stock.cut_off("L")
        outcomes = stock.say("L", "x")
        stock.core["L"].doTick(0)
        assert outcomes == [SUCCESS]

    def test_here_a_leader_that_lost_its_tail_acknowledges_nothing_alone(self) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("abc")
            for number in range(20):
                await (await cluster.leader()).node.propose(str(number).encode())
            await cluster.crash_all()
            for manager in cluster.managers.values():
                last = files(manager.disk, "log")[-1]
                manager.disk.truncate(last, len(manager.disk.read(last)) - 300)
                await manager.start()
                core = manager.node._member.core
                assert core.commit_index <= manager.node._log.last_index
            leader = await cluster.leader()
            cluster.cut_off(leader.name)
            with pytest.raises(OutcomeUnknown):
                await leader.node.propose(b"x")

        simulate(scenario)


class TestASnapshotCostsNoTailWheneverTheProcessDies:
    def test_stock_loses_the_tail_when_it_dies_while_it_trims(self, tmp_path: Path) -> None:
        class Dies(FileJournal):  # type: ignore[misc]
            def add(self, command: bytes, index: int, term: int) -> None:
                if index == 53:
                    raise KeyboardInterrupt
                super().add(command, index, term)

        stock_journal(tmp_path / "journal", 100)._destroy()
        journal = Dies(str(tmp_path / "journal"))
        with pytest.raises(KeyboardInterrupt):
            journal.deleteEntriesTo(49)
        assert [entry[1] for entry in FileJournal(str(tmp_path / "journal"))] == [50, 51, 52]

    def test_stock_clears_its_journal_when_it_dies_before_it_trims(self) -> None:
        stock = Stock("L")
        core = stock.core["L"]
        core._SyncObj__raftLog.clear()
        for index in range(1, 21):
            core._SyncObj__raftLog.add(b"\x01", index, 1)
        dump: tuple[object, ...] = (None, (b"\x01", 10, 1), (b"\x01", 9, 1), [])
        core._SyncObj__serializer = SimpleNamespace(deserialize=lambda: dump)
        core._SyncObj__loadDumpFile(clearJournal=False)
        assert stock.log("L") == [9, 10]

    @pytest.mark.parametrize("seed", range(10))
    def test_here_all_that_was_acknowledged_is_there(self, seed: int) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("a")
            manager = await cluster.leader()
            acknowledged: list[str] = []

            async def writes() -> NoReturn:
                while True:
                    word = str(len(acknowledged))
                    await manager.node.propose(word.encode())
                    acknowledged.append(word)

            for _ in range(8):
                writing = asyncio.get_running_loop().create_task(writes())
                await asyncio.sleep(cluster.rng.uniform(0.1, 0.4))
                writing.cancel()
                await manager.crash()
                await manager.start()
                await cluster.leader()
                assert set(acknowledged) <= set(manager.machine.words)
            assert files(manager.disk, "snapshots")

        simulate(scenario, seed=seed)


class TestADamagedLogIsNeverLoaded:
    def test_stock_loads_a_payload_that_was_flipped(self, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        stock_journal(path, 100)._destroy()
        data = bytearray(path.read_bytes())
        data[data.index(b"word00050")] ^= 0xFF
        path.write_bytes(data)
        loaded = [entry[0] for entry in FileJournal(str(path))]
        assert len(loaded) == 100
        assert b"\x01word00050" not in loaded

    @pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8])
    def test_here_the_member_refuses_to_start(self, place: float) -> None:
        async def scenario(cluster: Cluster) -> None:
            await cluster.start("a")
            manager = await cluster.leader()
            for number in range(40):
                await manager.node.propose(f"word{number}".encode())
            await manager.stop()
            path = files(manager.disk, "log")[0]
            manager.disk.rot(path, int(len(manager.disk.read(path)) * place))
            with pytest.raises(StorageCorrupt, match=str(path)):
                await manager.start()

        simulate(scenario)
