"""Untrusted text in tables and lines that rich draws."""

from rich.markup import escape

from harness.printable import printable


def plain(text: str) -> str:
    """Return a line of text, escaped so that rich shows it literally."""
    return escape(printable(text))
