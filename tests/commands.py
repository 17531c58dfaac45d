"""The commands as processes of their own, as a user starts them."""

import sys
from importlib.metadata import entry_points


def harness_command(*words: str) -> list[str]:
    """The words of ``harness ...``."""
    return [sys.executable, "-u", "-m", "harness", *words]


def pytest_command(*words: str) -> list[str]:
    """The words of ``pytest ...``, the plugin loaded where it is not installed, too."""
    installed = any(entry.value == "harness.plugin" for entry in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "harness.plugin")
    return [sys.executable, "-u", "-m", "pytest", *plugin, *words]
