"""Rereads metrics from the files of a run, after the scenario's ``metrics`` or their bounds were corrected."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.experiments.checks import Observed, check_metrics
from harness.experiments.metrics import Readings, read_metrics
from harness.experiments.outcomes import Outcome, OutcomeFile
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.run_directory import OUTCOMES, lock_directory
from harness.results.run_record import RunRecord, read_run, trial_files
from harness.scenario.load import load_scenario
from harness.scenario.model import ExpectSpec, Scenario

_METRIC_ERROR = re.compile(r"(the series of )?metric [A-Za-z_]\w*[ :]")  # errors that _metric_errors returns
_BOUNDS = "expect.metrics."


def reread(path: Path, files: Sequence[Path] = ()) -> RunRecord:
    """Read the metrics of every trial again, check their bounds, and replace the outcomes.

    No job runs. The state, exit code and files of a trial stay unchanged, and so do the expectations on them.

    Args:
        path: the run directory.
        files: the scenario files; default the files with which the run was started.

    Returns:
        The run with the new outcomes.

    Raises:
        UserError: another process uses the directory, or a scenario file does not exist.
        ScenarioError: a scenario file has a mistake.
    """
    record = read_run(path)
    with lock_directory(record.path):
        record = read_run(path)
        scenarios = _scenarios(record, files)
        with PatternMatcher() as matcher:
            outcomes = [
                _reread(record.path, outcome, scenarios[outcome.scenario], matcher) for outcome in record.outcomes
            ]
        OutcomeFile(record.path / OUTCOMES).replace(outcomes)
    return read_run(path)


def _scenarios(record: RunRecord, files: Sequence[Path]) -> Mapping[str, Scenario]:
    scenarios = {scenario.scenario: scenario for scenario in map(load_scenario, files)}
    for name in dict.fromkeys(outcome.scenario for outcome in record.outcomes):
        if name in scenarios:
            continue
        path = record.plans[name].path
        if not path:
            raise UserError(f"{record.path} does not say which file scenario {name} is in; name it: --scenario FILE")
        if not Path(path).is_file():
            raise UserError(f"scenario {name} was in {path}, which is not there; name its file: --scenario FILE")
        scenario = load_scenario(Path(path))
        if scenario.scenario != name:
            raise UserError(
                f"{path} holds scenario {scenario.scenario} now, not {name}; name its file: --scenario FILE"
            )
        scenarios[name] = scenario
    return scenarios


def _reread(root: Path, outcome: Outcome, scenario: Scenario, matcher: PatternMatcher) -> Outcome:
    readings = read_metrics(scenario.metrics, trial_files(root, outcome), matcher)
    expect = _expectations(scenario, outcome)
    state, files = outcome.state, outcome.files
    observed = Observed(state, outcome.exit_code, readings.last, readings.missing, files, outcome.errors)
    other_unmet = [unmet for unmet in outcome.unmet if not unmet.place.startswith(_BOUNDS)]
    return replace(
        outcome,
        metrics=readings.last,
        series=readings.series,
        steps=readings.steps,
        errors=(*(text for text in outcome.errors if not _METRIC_ERROR.match(text)), *_metric_errors(readings, expect)),
        unmet=(*other_unmet, *check_metrics(expect, observed, scenario)),
        violated=scenario.sweep.violated(readings.last),
    )


def _expectations(scenario: Scenario, outcome: Outcome) -> ExpectSpec:
    """The expectations of the trial, which may depend on its parameters; the scenario's if it has no such trial now."""
    try:
        return scenario.trials.named(outcome.trial).expect
    except KeyError:
        return scenario.expect


def _metric_errors(readings: Readings, expect: ExpectSpec) -> list[str]:
    missing = [f"metric {name}: {reason}" for name, reason in readings.missing.items() if name not in expect.metrics]
    return [*readings.notes, *missing]
