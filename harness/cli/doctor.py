"""``harness doctor``: what works on this machine, what is missing, and the command that fixes it."""

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from harness.cli.diagnosis import Check, Surroundings, diagnose, look_around
from harness.cli.groups import CONTEXT
from harness.cli.markup import plain
from harness.cli.output import say
from harness.config import environment

_WORDS = {"ok": "ok", "note": "note", "fail": "FAIL"}
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
        say("the main job would run" if is_well else "the main job would not run: fix what FAILs")
    return 0 if is_well else 1


def _shown(around: Surroundings) -> list[Check]:
    """The checks, drawn as a table that grows while they are made; in a pipe, a line each."""
    console = Console()
    if not console.is_terminal:
        return [_told(check) for check in diagnose(around)]
    table = Table("", *(Column(name, overflow="fold") for name in ("what", "found", "to fix it")), box=None)
    checks = []
    with Live(table, console=console, transient=False):
        for check in diagnose(around):
            checks.append(check)
            table.add_row(_MARKS[check.state], check.name, plain(check.found), plain(check.remedy))
    return checks


def _told(check: Check) -> Check:
    """The check, once its line is printed."""
    remedy = f"; to fix it: {check.remedy}" if check.remedy else ""
    say(f"{_WORDS[check.state]:<5} {check.name:<16} {check.found}{remedy}")
    return check
