from pathlib import Path

from swarmpy.daemon.settings import Settings
from swarmpy.daemon.systemd import unit


def test_stopping_the_unit_leaves_containers_and_processes_running() -> None:
    text = unit(Settings(state_dir=Path("/var/lib/swarmpy"), advertise_address="10.0.0.1"))
    assert "KillMode=process" in text
    assert "swarmpy.daemon /var/lib/swarmpy" in text
    assert "RestartPreventExitStatus=2" in text
