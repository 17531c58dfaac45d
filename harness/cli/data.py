"""``harness data``: fetch what scenarios train on."""

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
    """Fetch the data that scenarios train on."""


@data.command()
@click.argument("directory", metavar="[DIR]", type=PATH, required=False)
@click.option(
    "--cache", metavar="DIR", type=PATH, help="Where the idx files are kept for later runs; default: the user's cache."
)
@click.option("mirrors", "--mirror", metavar="URL", multiple=True, help="Fetch from here instead; repeatable.")
def mnist(directory: Path | None, cache: Path | None, mirrors: tuple[str, ...]) -> None:
    """Fetch MNIST, for later runs.

    A download of the four files (11 MB) continues where it stopped, and every file is checked. With DIR, the data is
    also written there, in CNTK's text format.

    \b
    Examples:
      harness data mnist
      harness data mnist mnist/
    """
    kept = cache or mnist_cache(environment())
    urls = [f"{url.rstrip('/')}/" for url in mirrors or MIRRORS]
    with _progress() as progress:
        files = fetch_mnist(kept, files=FILES, mirrors=urls, progress=progress)
    say(f"MNIST is in {kept}; runs use it from now on")
    if directory is None:
        return
    made = _write(directory, kept, files)
    for path in made:
        say(f"wrote {path}")
    say(f"to use these idx files on any machine: HARNESS_MNIST_DIR={directory.absolute()}")


def _write(directory: Path, kept: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    try:
        made = write_split(directory, load_mnist(kept))
        for path in files:
            _link(path, directory / path.name)
    except OSError as error:
        raise SettingsError(f"{directory} cannot be written: {error.strerror}; choose another directory") from error
    return made.files


def _link(source: Path, target: Path) -> None:
    """Make ``target`` the same file, or a copy of it where the file system is another."""
    if target.exists() and target.samefile(source):
        return
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar for each file, drawn on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def tell(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]  # TaskID is an int

        yield tell
