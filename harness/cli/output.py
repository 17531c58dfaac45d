"""Output of commands: one function for lines, so that no untrusted text reaches the terminal unchanged."""

import click

from harness.printable import printable_lines


def say(text: str, *, err: bool = False) -> None:
    """Write lines to standard output, or to standard error; control characters are displayed, not sent."""
    click.echo(printable_lines(text), err=err)
