"""An append adds what is missing, replaces what differs, and takes back nothing that matches."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.raft.append import Append, where_to_go_on, without_truncation
from swarmpy.raft.commands import Entry
from swarmpy.raft.log import RaftLog
from swarmpy.raft.segments import Segments
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import VirtualLoop
from tests.raft.cluster import make_sealing


def make_log(terms: list[int]) -> RaftLog:
    """Return a log whose entries from 2 on have these terms."""
    loop = VirtualLoop()
    loop.close()
    disk = FaultyDisk(random.Random(1), VirtualClock(loop))
    log = RaftLog(Segments(disk, Path("/log"), 1 << 20, make_sealing(random.Random(1))))
    log.recover()
    for term in terms:
        log.append(b"\x00", log.last_index + 1, term)
    return log


def make_append(terms: list[int], prev_index: int, count: int, commit_index: int = 0) -> Append:
    """Return what a leader whose log has these terms sends after `prev_index`."""
    all_terms = [0, *terms]
    entries: list[Entry] = [
        (b"\x00", index + 1, all_terms[index])
        for index in range(prev_index, min(prev_index + count, len(all_terms)))
    ]
    return Append(prev_index, all_terms[prev_index - 1], entries, commit_index)


terms_of_logs = st.lists(st.integers(1, 4), min_size=1, max_size=12).map(sorted)


@settings(deadline=None)
@given(terms=terms_of_logs, data=st.data())
def test_repeated_and_short_appends_add_nothing_and_cut_nothing(
    terms: list[int], data: st.DataObject
) -> None:
    log = make_log(terms)
    prev_index = data.draw(st.integers(1, log.last_index))
    count = data.draw(st.integers(0, 12))
    sent = make_append(terms, prev_index, count, commit_index=99)
    append, verified = without_truncation(log, sent)
    assert append.entries == []
    assert append.prev_index == log.last_index
    assert append.commit_index == verified == sent.last_index


@settings(deadline=None)
@given(common=terms_of_logs, data=st.data())
def test_what_differs_is_replaced_from_the_first_difference_on(
    common: list[int], data: st.DataObject
) -> None:
    mine = common + [5] * data.draw(st.integers(0, 4))
    theirs = common + [6] * data.draw(st.integers(1, 4))
    log = make_log(mine)
    prev_index = data.draw(st.integers(1, len(common) + 1))
    sent = make_append(theirs, prev_index, 20, commit_index=99)
    append, verified = without_truncation(log, sent)
    assert append.prev_index == len(common) + 1
    assert [term for _, _, term in append.entries] == theirs[len(common) :]
    assert append.commit_index == verified == len(theirs) + 1


def test_entries_that_a_snapshot_holds_are_skipped() -> None:
    log = make_log([1, 1, 1])
    log.restart_at(10, 2, {})
    sent = Append(7, 1, [(b"\x00", index, 2) for index in range(8, 13)], 12)
    append, verified = without_truncation(log, sent)
    assert (append.prev_index, append.prev_term) == (10, 2)
    assert [index for _, index, _ in append.entries] == [11, 12]
    assert verified == 12


def test_a_rejection_skips_a_whole_term_but_nothing_committed() -> None:
    log = make_log([1, 1, 3, 3, 3])
    wrong = Append(6, 4, [], 0)
    assert where_to_go_on(log, wrong, commit_index=1) == 4
    assert where_to_go_on(log, wrong, commit_index=4) == 5
    assert where_to_go_on(log, Append(60, 4, [], 0), commit_index=1) == log.last_index + 1
