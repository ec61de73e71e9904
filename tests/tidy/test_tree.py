"""The house's rules that a machine can check."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in (ROOT / "swarmpy").glob("*/__init__.py"))
OWN = sorted(
    path for path in (ROOT / "swarmpy").rglob("*.py") if path.parent != ROOT / "swarmpy" / "pb"
)
BANNED = re.compile(r"pickle\.\w|import pickle|yaml\.load\(|shell=True|(?<![.\w])eval\(|os\.system")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", PACKAGES, ids=named)
def test_every_package_says_what_it_is_for(package: Path) -> None:
    assert package.name == "pb" or (package / "README.md").exists()


@pytest.mark.parametrize("path", OWN, ids=named)
def test_a_file_holds_one_idea(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= 300
    assert lines == [] or lines[0].startswith(('"""', "#!")), "it says first what it is for"


@pytest.mark.parametrize("path", OWN, ids=named)
def test_nothing_runs_what_strangers_wrote(path: Path) -> None:
    assert not BANNED.search(path.read_text())


def test_every_link_in_the_docs_leads_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *ROOT.glob("*/**/*.md")]:
        if any(part.startswith(".") for part in page.relative_to(ROOT).parts):
            continue
        targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        broken += [f"{named(page)}: {to}" for to in targets if not (page.parent / to).exists()]
    assert broken == []


def test_scripts_can_be_run_and_say_what_they_are_for() -> None:
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.is_file():
            lines = script.read_text().splitlines()
            assert lines[0].startswith("#!"), script
            assert lines[1].startswith(("#", '"""')), script
            assert script.stat().st_mode & 0o111, script


def test_scripts_are_valid_shell() -> None:
    for script in sorted((ROOT / "scripts").iterdir()):
        if script.read_text().startswith("#!/usr/bin/env bash"):
            subprocess.run(["bash", "-n", str(script)], check=True)
