"""The ``harness`` command: one module for each subcommand."""

from harness.cli.command import main, run

__all__ = ["main", "run"]
