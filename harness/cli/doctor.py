"""``harness doctor``: what works on this machine, what is missing, and the command that mends it."""

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.diagnosis import Check, Surroundings, diagnose, look_around
from harness.cli.output import plain, say
from harness.config import environment

app = typer.Typer(add_completion=False)

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[red]FAIL[/]"}


@app.command()
def run(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> int:
    """Say what works on this machine, what is missing, and the command that mends it.

    An emulator is started for it, and ended. Exit code 0 when the main job (a CNTK job on the emulator) would run, 1
    when not; notes are about what is optional.
    """
    around = look_around(Path(), environment())
    checks = list(diagnose(around)) if as_json else _shown(around)
    is_well = all(check.state != "fail" for check in checks)
    if as_json:
        say(json.dumps({"ok": is_well, "checks": [dataclasses.asdict(check) for check in checks]}, indent=2))
    else:
        say("the main job would run" if is_well else "the main job would not run: mend what FAILs")
    return 0 if is_well else 1


def _shown(around: Surroundings) -> list[Check]:
    """The checks, drawn as a table that grows while they are made."""
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    table = Table("", "what", "found", "to mend it", box=None)
    checks = []
    with Live(table, console=Console(), transient=False):
        for check in diagnose(around):
            checks.append(check)
            table.add_row(_MARKS[check.state], check.name, plain(check.found), plain(check.mend))
    return checks
