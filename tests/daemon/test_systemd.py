from pathlib import Path

import pytest

from swarmpy.daemon import credentials
from swarmpy.daemon.settings import Settings
from swarmpy.daemon.systemd import unit


def test_stopping_the_unit_leaves_containers_and_processes_running() -> None:
    text = unit(Settings(state_dir=Path("/var/lib/swarmpy"), advertise_address="10.0.0.1"))
    assert "KillMode=process" in text
    assert "swarmpy.daemon /var/lib/swarmpy" in text
    assert "RestartPreventExitStatus=2" in text


def test_the_unit_loads_the_credential_that_was_made_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(state_dir=tmp_path, advertise_address="10.0.0.1")
    monkeypatch.setattr(credentials, "STORE", tmp_path / "swarmpy-key")
    assert "LoadCredential" not in unit(settings)
    credentials.STORE.touch()
    assert f"LoadCredentialEncrypted=swarmpy-key:{tmp_path}/swarmpy-key\n" in unit(settings)
