"""Runs of scenarios: their resources, trials, jobs and outcomes."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.experiments.failure_report import FailureReport, explain_failure, render
    from harness.experiments.leases import Leases
    from harness.experiments.outcomes import Outcome, OutcomeFile, encoded
    from harness.experiments.pattern_matching import PatternMatcher
    from harness.experiments.run import run_search, run_trials
    from harness.experiments.run_context import (
        JobTarget,
        RunContext,
        open_cluster,
        open_group,
        open_isolated,
        open_target,
        open_volumes,
        target_of,
    )
    from harness.experiments.run_directory import RunDirectory, open_run_directory
    from harness.experiments.run_policy import policy_for
    from harness.experiments.selection import Selection
    from harness.experiments.studies import study_of
    from harness.experiments.sweep_expectations import check_expectation, describe_unmet, sweep_checks
    from harness.experiments.uploads import LocalUploads, RecordedUploads
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "FailureReport": "failure_report",
            "JobTarget": "run_context",
            "Leases": "leases",
            "LocalUploads": "uploads",
            "Outcome": "outcomes",
            "OutcomeFile": "outcomes",
            "PatternMatcher": "pattern_matching",
            "RecordedUploads": "uploads",
            "RunContext": "run_context",
            "RunDirectory": "run_directory",
            "Selection": "selection",
            "check_expectation": "sweep_expectations",
            "describe_unmet": "sweep_expectations",
            "encoded": "outcomes",
            "explain_failure": "failure_report",
            "open_isolated": "run_context",
            "open_cluster": "run_context",
            "open_group": "run_context",
            "open_run_directory": "run_directory",
            "open_target": "run_context",
            "open_volumes": "run_context",
            "policy_for": "run_policy",
            "render": "failure_report",
            "run_search": "run",
            "run_trials": "run",
            "study_of": "studies",
            "sweep_checks": "sweep_expectations",
            "target_of": "run_context",
        },
    )

__all__ = [
    "FailureReport",
    "JobTarget",
    "Leases",
    "LocalUploads",
    "Outcome",
    "OutcomeFile",
    "PatternMatcher",
    "RecordedUploads",
    "RunContext",
    "RunDirectory",
    "Selection",
    "check_expectation",
    "describe_unmet",
    "encoded",
    "explain_failure",
    "open_cluster",
    "open_group",
    "open_isolated",
    "open_run_directory",
    "open_target",
    "open_volumes",
    "policy_for",
    "render",
    "run_search",
    "run_trials",
    "study_of",
    "sweep_checks",
    "target_of",
]
