"""`swarmpy doctor`: what is wrong with this machine, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from swarmpy.cli import render
from swarmpy.cli.node_flags import StateDirOption, settings_of
from swarmpy.cli.noun import verb
from swarmpy.cli.options import Format, FormatOption

if TYPE_CHECKING:
    from swarmpy.daemon.doctor import Finding

app = verb()


@app.command()
def doctor(output: FormatOption = Format.TABLE, state_dir: StateDirOption = None) -> None:
    """Check this machine. Exit code 1 when something must be mended."""
    from swarmpy.daemon import doctor as checks  # noqa: PLC0415  --help needs no engines

    findings = checks.check(settings_of(state_dir))
    if output is Format.TABLE:
        _print(findings)
    else:
        render.dump([asdict(finding) for finding in findings], output)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding]) -> None:
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        render.say(f"{'✔' if finding.ok else '✘'} {finding.name:{width}}  {finding.what}")
        if finding.remedy and not finding.ok:
            render.say(f"  {'':{width}}  → {finding.remedy}")
