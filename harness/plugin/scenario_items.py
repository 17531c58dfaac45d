"""Scenario files as pytest modules: a function for each scenario, and an item with its line for each trial."""

from collections.abc import Callable, Iterable
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from harness import experiments
from harness.errors import HarnessError, ScenarioError

if TYPE_CHECKING:
    from harness.experiments import FailureReport
    from harness.scenario import Scenario


class UnmetExpectationsError(AssertionError):
    """The error of a trial's test that has unmet expectations."""

    def __init__(self, report: "FailureReport") -> None:
        outcome = report.outcome
        super().__init__(f"{len(outcome.unmet)} expectation(s) of trial {outcome.trial} were not met")
        self.report = report


class UnmetSweepError(AssertionError):
    """The error of a test of an unmet expectation on a sweep; only its message is shown."""


def sweep_test(scenario: "Scenario") -> str:
    """The name of the test of a scenario's expectations on its sweep."""
    return f"{scenario.scenario}-sweep"


class ScenarioFile(pytest.Module):
    """A YAML file that holds a scenario.

    Attributes:
        load: reads the file; the plugin sets it, since the command line affects the scenario.
    """

    load: Callable[[Path], "Scenario"]
    scenario: "Scenario"

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """One item for each trial.

        Raises:
            CollectError: the file has mistakes; the message names each with its line.
        """
        try:
            self.scenario = self.load(self.path)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        self.obj = _module(self.scenario)
        return [self._scenario_item(item) for item in super().collect() if isinstance(item, pytest.Function)]

    def istestfunction(self, obj: object, name: str) -> bool:
        """Whether an object in the module is a test function of the scenario."""
        return isinstance(obj, FunctionType) and name in (self.scenario.scenario, sweep_test(self.scenario))

    def _scenario_item(self, item: pytest.Function) -> "ScenarioItem":
        scenario_item: ScenarioItem = ScenarioItem.from_parent(
            self, name=item.name, originalname=item.originalname, callobj=item.obj, callspec=item.callspec
        )
        return scenario_item


class ScenarioItem(pytest.Function):
    """One trial, or one expectation on all trials."""

    parent: ScenarioFile

    def reportinfo(self) -> tuple[Path, int, str]:
        """File and line of the scenario field that defines the trial or the expectation."""
        scenario = self.parent.scenario
        field_path: tuple[str, ...] = ("sweep",) if len(scenario.trials) > 1 else ("job",)
        if self.originalname == sweep_test(scenario):
            field_path = ("sweep", "expect")
        return self.path, scenario.line(*field_path) - 1, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Show a failure by the scenario's lines and the job's log, not by the harness's code."""
        error = excinfo.value
        if isinstance(error, UnmetExpectationsError):
            return experiments.render(error.report)
        if isinstance(error, UnmetSweepError):
            return str(error)
        if isinstance(error, ScenarioError):
            return str(error)  # it names the file
        if isinstance(error, HarnessError):
            return f"{self.parent.scenario.path}: {error}"
        return super().repr_failure(excinfo)


def _module(scenario: "Scenario") -> ModuleType:
    """The module in which pytest finds the tests of a scenario."""

    def play(
        request: pytest.FixtureRequest,
        harness_scenario: "Scenario",  # noqa: ARG001
        harness_cluster: object,  # noqa: ARG001
        harness_trial: object,  # noqa: ARG001
    ) -> None:
        # The test requests the fixture itself, so that a refusal of the cloud is a failure, not an error of the set-up.
        report = request.getfixturevalue("harness_verdict")
        if report is not None:
            raise UnmetExpectationsError(report)

    def judge(request: pytest.FixtureRequest, harness_scenario: "Scenario", harness_sweep_check: str) -> None:
        outcomes = request.getfixturevalue("sweep_outcomes")
        unmet = experiments.check_expectation(harness_scenario, harness_sweep_check, outcomes)
        if unmet is not None:
            raise UnmetSweepError(experiments.describe_unmet(harness_scenario, unmet))

    module = ModuleType(scenario.path.stem, scenario.description)
    tests: dict[str, Callable[..., None]] = {scenario.scenario: play}
    if experiments.sweep_checks(scenario):
        tests[sweep_test(scenario)] = judge
    for name, test in tests.items():
        vars(module)[name] = pytest.mark.live(pytest.mark.scenario(str(scenario.path.absolute()))(test))
    return module
