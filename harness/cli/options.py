"""Options and argument types that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DEFAULT_DIRECTORY = Path(".harness/emulator")
"""The data directory of a project's emulator."""

MAX_TRIALS = 10_000
"""The most trials of one run: each is held in memory."""

PATH: click.Path = click.Path(path_type=Path)
PORT = click.IntRange(0, 65535)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

directory_option: Decorator = click.option(
    "--dir",
    "directory",
    metavar="DIR",
    type=PATH,
    default=DEFAULT_DIRECTORY,
    show_default=True,
    help="The emulator's data directory; one emulator serves it at a time.",
)
