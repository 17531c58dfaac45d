"""``harness doctor``: report what works on this machine, what is missing, and the command that fixes it."""

import dataclasses
import json
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from harness.cli.diagnosis import Check, CheckContext, diagnose, inspect_machine
from harness.cli.groups import CONTEXT
from harness.cli.markup import plain
from harness.cli.output import say
from harness.config import environment

_LABELS = {"ok": "ok", "note": "note", "fail": "FAIL"}
_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "fail": "[red]FAIL[/]"}


@click.command(context_settings=CONTEXT)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> int:
    """Check what works on this machine, and say how to fix what is missing.

    One of the checks starts an emulator and stops it again. The exit code is 0 when the main job (a CNTK job on the
    emulator) would run, else 1. A note reports something optional that is missing.
    """
    context = inspect_machine(Path(), environment())
    checks = list(diagnose(context)) if as_json else _print_checks(context)
    is_ok = all(check.state != "fail" for check in checks)
    if as_json:
        say(json.dumps({"ok": is_ok, "checks": [dataclasses.asdict(check) for check in checks]}, indent=2))
    else:
        say("the main job would run" if is_ok else "the main job would not run: fix what FAILs")
    return 0 if is_ok else 1


def _print_checks(context: CheckContext) -> list[Check]:
    """Run the checks, and show each result at once: on a terminal as a row of a table, else as a line."""
    console = Console()
    if not console.is_terminal:
        return [_print_check(check) for check in diagnose(context)]
    table = Table("", *(Column(name, overflow="fold") for name in ("what", "found", "to fix it")), box=None)
    checks = []
    with Live(table, console=console, transient=False):
        for check in diagnose(context):
            checks.append(check)
            table.add_row(_MARKS[check.state], check.name, plain(check.found), plain(check.remedy))
    return checks


def _print_check(check: Check) -> Check:
    """Print a line for a check, and return the check."""
    remedy = f"; to fix it: {check.remedy}" if check.remedy else ""
    say(f"{_LABELS[check.state]:<5} {check.name:<16} {check.found}{remedy}")
    return check
