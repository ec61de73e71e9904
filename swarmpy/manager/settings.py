"""How long a manager waits for what, and how much it keeps. Nobody needs to change these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Each number says what raising it costs."""

    leader_wait_s: float = 5.0
    """How long a call waits for a leader to be known. Higher: callers hang through an election
    that never ends."""
    diff_delay_s: float = 0.02
    """Commits within this time reach an agent as one diff. Higher: every task starts later."""
    diff_delay_per_session_s: float = 0.0003
    """As much longer for each agent that was told something the last time. Telling one takes a
    third of it. Higher: tasks of large swarms start later; lower: fewer of them start a second."""
    status_delay_s: float = 0.05
    """Least time between two commits of task statuses. Higher: failures are seen later."""
    missed_periods: int = 3
    """Heartbeats that may be missing before a node is DOWN. Higher: replacements come later."""
    takeover_s: float = 30.0
    """How long a new leader waits for a node it never heard. When the last leader's host lost
    power, agents learn it from keepalive only (15 s), and may then first try a dead address
    (10 s). Lower: every task is replaced because a manager died. Higher: a host that was lost
    together with the leader is replaced later."""
    hello_timeout_s: float = 10.0
    """How long a new session may say nothing."""
    agent_clock_skew_s: float = 5.0
    """Difference of clocks that people are told about."""
    join_clock_skew_s: float = 60.0
    """Difference of clocks that a joining node is refused for."""
    join_timeout_s: float = 10.0
    """How long one join may take as a whole."""
    silence_s: float = 5.0
    """How long logs and exec wait for a node that says nothing."""
    gossip_keys_check_s: float = 30.0
    """How often the gossip keys are looked at. Higher: rotations are late by as much."""
    outdated_files_check_s: float = 30.0
    """How often old versions of configs and secrets are looked for that nobody needs. Higher: they
    stay for longer."""
    autoscale_every_s: float = 15.0
    """How often it is looked at what the tasks of autoscaled services use. Higher: load is
    answered later; lower: a short moment decides, and engines are asked more often."""
    quorum_check_s: float = 1.0
    """How often membership of the quorum is compared with the roles that are wanted."""
    gossip_deaths_max: float = 0.3
    """Share of the nodes that gossip may call dead at once and be believed; of more, heartbeats
    decide, later. Always at least one node. Higher: a fault of the network moves more tasks."""
