"""``harness toolkits``: what trains on this machine, and how to get the real CNTK."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import say

app = typer.Typer(no_args_is_help=True, help="The toolkits of Batch AI: what runs here, and installing CNTK 2.7.")


@app.command("list")
def list_toolkits() -> None:
    """Print every toolkit, what it needs, whether it works on this machine, and how it would train."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from harness.compute.machine import find_machine
    from harness.config import load_settings
    from harness.toolkits.survey import Offer, survey

    settings = load_settings(Path.cwd())
    machine = find_machine(os.environ, cntk_python=settings.cntk_python)
    offer = Offer(
        machine.pythons, machine.packages, machine.mpirun, machine.cpus, machine.gpus, machine.cntk, shutil.which
    )
    table = Table("toolkit", "needs", "here", "how it trains", box=None)
    for entry in survey(offer):
        here = "[green]yes[/]" if entry.works else "[red]no[/]"
        table.add_row(entry.toolkit, escape(entry.needs), here, escape(entry.how))
    console = Console()
    console.print(table)
    for place in machine.pythons:
        console.print(f"Python of jobs: {place}", markup=False)
    console.print("The first that has the framework runs a script; pythonInterpreterPath names another.", markup=False)


@app.command()
def install(
    toolkit: Annotated[str, typer.Argument(help="What to install; there is cntk.")],
    python: Annotated[
        Path | None, typer.Option(help="A Python 3.6; default: python3.6 on PATH, else pyenv's newest.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build it anew where it stands.")] = False,
) -> None:
    """Install Microsoft's CNTK 2.7 in an environment of its own, which CNTK jobs then use.

    It needs Linux on x86-64, a Python 3.6, Open MPI 4's libraries and a package index; 440 MB on disk.
    """
    from rich.console import Console
    from rich.markup import escape

    from harness.errors import ToolkitError
    from harness.toolkits.install import Progress, install_cntk

    if toolkit != "cntk":
        raise ToolkitError(f"toolkits install {toolkit}: there is no such thing to install; there is cntk")
    console = Console(stderr=True)
    with console.status("") as status:
        shown = 0

        def show(progress: Progress) -> None:
            nonlocal shown
            line = f"{progress.number}/{progress.total} {progress.step}"
            if progress.number > shown:
                shown = progress.number
                console.print(escape(line), highlight=False)
            status.update(escape(f"{line}  {progress.detail}"[: console.width - 4]))

        installed = install_cntk(os.environ, python=python, force=force, listener=show)
    state = "is installed" if installed.fresh else "is there already (--force builds it anew)"
    say(f"{installed.cntk.description} {state}: {installed.directory}")
    if installed.image_reader_lacks:
        say(
            f"Its image reader (cntk.io.ImageDeserializer) cannot load here: {', '.join(installed.image_reader_lacks)} "
            "are missing. Read images in Python, or from CNTK's text format."
        )
