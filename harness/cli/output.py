"""Output of commands: all lines pass one function, so that no untrusted text reaches the terminal unchanged."""

import click

from harness.printable import printable_lines


def say(text: str, *, err: bool = False) -> None:
    """Write lines to standard output, or to standard error; control characters are escaped."""
    click.echo(printable_lines(text), err=err)
