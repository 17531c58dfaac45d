"""The ``harness`` command: one module for each subcommand."""

from typing import TYPE_CHECKING

from harness.cli.command import main, run
from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.cli.run_plan import load_all, print_plan, refuse_unrunnable
    from harness.cli.scenario_run import ScenarioRun
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "ScenarioRun": "scenario_run",
            "load_all": "run_plan",
            "refuse_unrunnable": "run_plan",
            "print_plan": "run_plan",
        },
    )

__all__ = ["ScenarioRun", "load_all", "main", "print_plan", "refuse_unrunnable", "run"]
