"""``harness data``: fetch what scenarios train on."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.cli.output import say
from harness.config import environment, mnist_cache
from harness.data import write_split
from harness.data.download import Progress
from harness.data.mnist import FILES, MIRRORS, fetch_mnist, load_mnist
from harness.errors import SettingsError

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def data() -> None:
    """Fetch the data that scenarios train on."""


@app.command()
def mnist(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Gets the two CTF files and the idx files.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="Where the idx files are kept, and later runs find them; default the user's.")
    ] = None,
    mirror: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Fetch from here instead; may be repeated.")
    ] = None,
) -> None:
    """Fetch MNIST (four files, 11 MB), resumed where it stopped and checked, and write it in CNTK's text format."""
    kept = cache or mnist_cache(environment())
    mirrors = [f"{url.rstrip('/')}/" for url in mirror or MIRRORS]
    with _progress() as progress:
        files = fetch_mnist(kept, files=FILES, mirrors=mirrors, progress=progress)
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
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, int] = {}

        def tell(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]  # TaskID is an int

        yield tell
