"""``harness doctor``: what works on this machine, what is missing, and the command that mends it."""

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.cli.diagnosis import Check, Surroundings, diagnose, look_around
from harness.cli.groups import CONTEXT
from harness.cli.markup import plain
from harness.cli.output import say
from harness.config import environment

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[red]FAIL[/]"}


@click.command(context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> int:
    """Say what works on this machine, what is missing, and the command that fixes it.

    An emulator is started for it, and ended. The exit code is 0 when the main job (a CNTK job on the emulator) would
    run, else 1; notes are about what is optional.
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
    table = Table("", "what", "found", "to mend it", box=None)
    checks = []
    with Live(table, console=Console(), transient=False):
        for check in diagnose(around):
            checks.append(check)
            table.add_row(_MARKS[check.state], check.name, plain(check.found), plain(check.mend))
    return checks
