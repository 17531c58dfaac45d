"""``harness data``: download the data that scenarios train on."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from harness.cli.groups import CONTEXT, CommandGroup
from harness.cli.options import PATH
from harness.cli.output import say
from harness.config import environment, mnist_cache
from harness.data import write_split
from harness.data.download import Progress
from harness.data.mnist import FILES, MIRRORS, fetch_mnist, load_mnist
from harness.errors import SettingsError


@click.group(cls=CommandGroup, context_settings=CONTEXT, epilog="More: harness docs data")
def data() -> None:
    """Download the data that scenarios train on."""


@data.command()
@click.argument("directory", metavar="[DIR]", type=PATH, required=False)
@click.option(
    "--cache", metavar="DIR", type=PATH, help="Directory that keeps the idx files for later runs; default: your cache."
)
@click.option("mirrors", "--mirror", metavar="URL", multiple=True, help="Download from this URL instead; repeatable.")
def mnist(directory: Path | None, cache: Path | None, mirrors: tuple[str, ...]) -> None:
    """Download MNIST for later runs.

    An interrupted download of the four files (11 MB) continues where it stopped, and every file is checked. With DIR,
    the data is also written to that directory, in CNTK's text format.

    \b
    Examples:
      harness data mnist
      harness data mnist mnist/
    """
    idx_directory = cache or mnist_cache(environment())
    urls = [f"{url.rstrip('/')}/" for url in mirrors or MIRRORS]
    with _progress() as progress:
        files = fetch_mnist(idx_directory, files=FILES, mirrors=urls, progress=progress)
    say(f"MNIST is in {idx_directory}; runs use it from now on")
    if directory is None:
        return
    paths = _write(directory, idx_directory, files)
    for path in paths:
        say(f"wrote {path}")
    say(f"to use these idx files on any machine: HARNESS_MNIST_DIR={directory.absolute()}")


def _write(directory: Path, idx_directory: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    try:
        written = write_split(directory, load_mnist(idx_directory))
        for path in files:
            _link(path, directory / path.name)
    except OSError as error:
        raise SettingsError(f"{directory} cannot be written: {error.strerror}; choose another directory") from error
    return written.files


def _link(source: Path, target: Path) -> None:
    """Make ``target`` a hard link to ``source``, or a copy of it on another file system."""
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _progress() -> Iterator[Progress]:
    """Draw a progress bar for each file on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def update(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]  # TaskID is an int

        yield update
