"""What commands write: one function for lines, so that no text of others reaches the terminal as it is."""

import typer
from rich.markup import escape

from harness.printable import printable, printable_lines


def say(text: str, *, err: bool = False) -> None:
    """Write lines to standard output, or to standard error; control characters are displayed, not sent."""
    typer.echo(printable_lines(text), err=err)


def plain(text: str) -> str:
    """One line of text as rich's markup shows it literally, whatever it holds."""
    return escape(printable(text))
