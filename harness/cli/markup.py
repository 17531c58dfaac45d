"""Untrusted text in tables and lines that rich draws."""

from rich.markup import escape

from harness.printable import printable


def plain(text: str) -> str:
    """One line of text as rich's markup shows it literally, whatever it holds."""
    return escape(printable(text))
