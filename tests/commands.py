"""Command lines that start ``harness`` and ``pytest`` as a user does."""

import sys
from importlib.metadata import entry_points


def harness_command(*arguments: str) -> list[str]:
    """Return the command line of ``harness ...``."""
    return [sys.executable, "-u", "-m", "harness", *arguments]


def pytest_command(*arguments: str) -> list[str]:
    """Return the command line of ``pytest ...``, which loads the plugin even if it is not installed."""
    installed = any(entry.value == "harness.plugin" for entry in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "harness.plugin")
    return [sys.executable, "-u", "-m", "pytest", *plugin, *arguments]
