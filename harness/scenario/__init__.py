"""Scenario files: YAML that is read into frozen models, which record file and line."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.scenario.document import is_scenario_file
    from harness.scenario.job import JobSpec
    from harness.scenario.load import load_scenario
    from harness.scenario.model import Limits, Scenario, Trial
    from harness.scenario.overrides import load_scenarios, same_name_message, with_values
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "JobSpec": "job",
            "Limits": "model",
            "Scenario": "model",
            "Trial": "model",
            "is_scenario_file": "document",
            "load_scenario": "load",
            "load_scenarios": "overrides",
            "same_name_message": "overrides",
            "with_values": "overrides",
        },
    )

__all__ = [
    "JobSpec",
    "Limits",
    "Scenario",
    "Trial",
    "is_scenario_file",
    "load_scenario",
    "load_scenarios",
    "same_name_message",
    "with_values",
]
