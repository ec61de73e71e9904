from dataclasses import replace
from pathlib import Path

import pytest

from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.settings import Settings, is_member, load, save
from swarmpy.errors import InvalidInput, StorageCorrupt, WrongState
from swarmpy.raft.disk import LocalDisk


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        state_dir=tmp_path, advertise_address="10.0.0.1", socket_path=tmp_path / "s.sock"
    )


def test_settings_come_back_as_they_were_saved(settings: Settings) -> None:
    disk = LocalDisk()
    changed = replace(settings, runtime="process", hostname="one", cluster_port=7000)
    changed = replace(changed, generic_resources={"gpu": 2})
    assert not is_member(settings.state_dir)
    save(changed, disk)
    assert load(settings.state_dir, disk) == changed
    assert is_member(settings.state_dir)


def test_settings_of_a_newer_version_are_read_without_what_is_new(settings: Settings) -> None:
    disk = LocalDisk()
    save(settings, disk)
    path = settings.state_dir / "node.json"
    path.write_text(path.read_text().replace("{", '{"from_the_future": 1,', 1))
    assert load(settings.state_dir, disk) == settings


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"state_dir": 1}'])
def test_a_damaged_file_is_named(settings: Settings, text: str) -> None:
    (settings.state_dir / "node.json").write_text(text)
    with pytest.raises(StorageCorrupt, match=r"node\.json"):
        load(settings.state_dir, LocalDisk())


def test_where_no_node_lives_the_way_to_make_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="no node lives in"):
        load(tmp_path, LocalDisk())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"advertise_address": "0.0.0.0"}, "cannot reach"),
        ({"advertise_address": "host.example"}, "expected an IP address"),
        ({"listen_address": ""}, "expected an IP address"),
        ({"cluster_port": 0}, "from 1 to 65535"),
        ({"api_port": 2377}, "are both 2377"),
        ({"socket_path": Path("/" + 107 * "x")}, "at most 107 bytes"),
        ({"runtime": "lxc"}, "expected one of auto, docker, process"),
    ],
)
def test_a_wrong_setting_is_named(
    settings: Settings, change: dict[str, str | int | Path], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(settings, **change).checked()  # type: ignore[arg-type]


def test_managers_are_remembered_and_members_kept(tmp_path: Path) -> None:
    known = KnownManagers(LocalDisk(), tmp_path)
    assert known.api_addresses() == []
    known.replace(["a:1"], {"n1": "a:2"})
    known.heard(["b:1", "a:1"])
    known.heard([])
    again = KnownManagers(LocalDisk(), tmp_path)
    assert again.api_addresses() == ["b:1", "a:1"]
    assert again.members() == {"n1": "a:2"}


@pytest.mark.parametrize("resources", [{"gpu": 0}, {"a b": 1}, {"gpu": 1_000_001}, {"": 1}])
def test_generic_resources_are_names_and_counts(
    settings: Settings, resources: dict[str, int]
) -> None:
    with pytest.raises(InvalidInput, match="expected a name and 1 to 1000000"):
        replace(settings, generic_resources=resources).checked()
