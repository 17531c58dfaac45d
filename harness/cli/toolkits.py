"""``harness toolkits``: list the toolkits that work on this machine, and install Microsoft's CNTK."""

import os
import shutil
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.groups import CONTEXT, CommandGroup
from harness.cli.options import PATH
from harness.cli.output import say
from harness.compute.machine import find_machine
from harness.config import load_settings
from harness.errors import ToolkitError
from harness.toolkits.install import Progress, install_cntk
from harness.toolkits.survey import Offer, survey


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs toolkits")
def toolkits() -> None:
    """List the toolkits that work on this machine, and install CNTK 2.7."""


@toolkits.command("list")
def list_toolkits() -> None:
    """Print the toolkits, and whether they work on this machine.

    The table shows what each toolkit needs, and how it would train.
    """
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
    for python in machine.pythons:
        console.print(f"Python of jobs: {python}", markup=False)
    console.print(
        "A script runs with the first Python that has the framework; pythonInterpreterPath names another.", markup=False
    )


@toolkits.command()
@click.argument("toolkit", metavar="cntk")
@click.option(
    "--python",
    metavar="FILE",
    type=PATH,
    help="A Python 3.6 interpreter; default: the one on PATH, else pyenv's newest.",
)
@click.option("--force", is_flag=True, help="Install it again if it is already installed.")
def install(toolkit: str, python: Path | None, force: bool) -> None:
    """Install Microsoft's CNTK 2.7 for CNTK jobs.

    CNTK is installed into a separate environment, which CNTK jobs use from then on. The installation needs Linux on
    x86-64, Python 3.6, the libraries of Open MPI 4, a package index and 440 MB of disk space.
    """
    if toolkit != "cntk":
        raise ToolkitError(f"toolkits install {toolkit}: only cntk can be installed")
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
    state = "is installed" if installed.fresh else "was already installed (--force installs it again)"

    say(f"{installed.cntk.description} {state}: {installed.directory}")
    if installed.image_reader_lacks:
        say(
            f"Its image reader (cntk.io.ImageDeserializer) cannot load here: {', '.join(installed.image_reader_lacks)} "
            "are missing. Read images in Python, or from CNTK's text format."
        )
