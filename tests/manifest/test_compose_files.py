"""Configs and secrets of a Compose file: keys, what a change does, environment, templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.load import LoadedStack, load_stack
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FILE_CHANGE_ROLL

FILE = """
services:
  web:
    image: hello:1
    configs:
      - {{source: app, target: /etc/app, x-swarmpy: {{update: live}}}}
      - {{source: app, target: /etc/one, x-swarmpy: {{key: a.conf, version: 2}}}}
      - motd
    secrets: [db]
    {more}
configs:
  app:
    x-swarmpy: {{keys: {{a.conf: "one", b.conf: {{file: ./b.conf}}, c: {{environment: C}}}}}}
  motd: {{content: "task {{{{.Task.Slot}}}}", template_driver: golang}}
secrets:
  db: {{x-swarmpy: {{keys: {{user: me, password: {{environment: C}}}}}}}}
"""
SOURCES = """x-swarmpy:
      environment_from:
        - {config: app, key: c, variable: C}
        - {secret: db, prefix: DB_, optional: true}
"""


def load(directory: Path, more: str = "") -> LoadedStack:
    (directory / "b.conf").write_bytes(b"two")
    path = directory / "stack.yaml"
    path.write_text(FILE.format(more=more))
    return load_stack([path], name="shop", environment={"C": "three"})


def test_keys_are_texts_files_or_variables(tmp_path: Path) -> None:
    app, motd = load(tmp_path).spec.configs
    assert dict(app.entries) == {"a.conf": b"one", "b.conf": b"two", "c": b"three"}
    assert (app.data, app.template) == (b"", False)
    assert (motd.data, motd.template) == (b"task {{.Task.Slot}}", True)
    assert dict(load(tmp_path).spec.secrets[0].entries) == {"user": b"me", "password": b"three"}


def test_a_reference_names_a_key_a_version_and_what_a_change_does(tmp_path: Path) -> None:
    live, one, motd = load(tmp_path).spec.services[0].task.containers[0].configs
    assert (live.on_change, live.key) == (FILE_CHANGE_LIVE, "")
    assert (one.on_change, one.key, one.version) == (FILE_CHANGE_ROLL, "a.conf", 2)
    assert (motd.name, motd.target) == ("shop_motd", "/motd")


def test_environment_is_taken_from_configs_and_secrets(tmp_path: Path) -> None:
    [service] = load(tmp_path, SOURCES).spec.services
    one, all_of_it = service.task.containers[0].environment_from
    assert (one.variable, one.config.name, one.config.key) == ("C", "shop_app", "c")
    assert (all_of_it.prefix, all_of_it.secret.name) == ("DB_", "shop_db")
    assert all_of_it.optional


def test_a_file_with_a_secret_in_it_is_not_kept(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.spec.source == ""
    assert any("secrets.db: is written in the file" in one for one in loaded.warnings)
    text = FILE.replace("user: me, password: {{environment: C}}", "user: {{environment: C}}")
    (tmp_path / "stack.yaml").write_text(text.format(more=""))
    kept = load_stack([tmp_path / "stack.yaml"], name="shop", environment={"C": "three"})
    assert "services:" in kept.spec.source
    assert kept.warnings == []


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("x-swarmpy: {environment_from: [{variable: X}]}", "or secret is missing"),
        ("x-swarmpy: {environment_from: [{config: nope, variable: X}]}", "'nope' is not declared"),
        ("x-swarmpy: {environment_from: [{config: app, keys: x}]}", "keys"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(InvalidManifest, match=r"stack.yaml:\d+:\d+") as caught:
        load(tmp_path, more)
    assert said in caught.value.message
