"""Scenario files as pytest modules: one function a scenario, one item a trial, located on the lines of the YAML."""

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
    """What a trial's test fails with."""

    def __init__(self, report: "FailureReport") -> None:
        outcome = report.outcome
        super().__init__(f"{len(outcome.unmet)} expectation(s) of trial {outcome.trial} were not met")
        self.report = report


class UnmetSweepError(AssertionError):
    """What the test of an expectation on a sweep fails with; the message is all that is shown."""


def sweep_test(scenario: "Scenario") -> str:
    """The name of the test of what is expected of a scenario's sweep."""
    return f"{scenario.scenario}-sweep"


class ScenarioFile(pytest.Module):
    """A YAML file that holds a scenario.

    Attributes:
        load: reads it; set by the plugin, which knows the command line.
    """

    load: Callable[[Path], "Scenario"]
    scenario: "Scenario"

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """One item for each trial.

        Raises:
            CollectError: the file is wrong; the message has every mistake with its line.
        """
        try:
            self.scenario = self.load(self.path)
        except ScenarioError as error:
            raise self.CollectError(str(error)) from None
        self.obj = _module(self.scenario)
        return [self._located(item) for item in super().collect() if isinstance(item, pytest.Function)]

    def istestfunction(self, obj: object, name: str) -> bool:
        """Whether something in the module is the scenario's function."""
        return isinstance(obj, FunctionType) and name in (self.scenario.scenario, sweep_test(self.scenario))

    def _located(self, item: pytest.Function) -> "ScenarioItem":
        located: ScenarioItem = ScenarioItem.from_parent(
            self, name=item.name, originalname=item.originalname, callobj=item.obj, callspec=item.callspec
        )
        return located


class ScenarioItem(pytest.Function):
    """One trial, or one expectation on all of them."""

    parent: ScenarioFile

    def reportinfo(self) -> tuple[Path, int, str]:
        """The line of the scenario that makes the trial."""
        scenario = self.parent.scenario
        field_path: tuple[str, ...] = ("sweep",) if len(scenario.trials) > 1 else ("job",)
        if self.originalname == sweep_test(scenario):
            field_path = ("sweep", "expect")
        return self.path, scenario.line(*field_path) - 1, self.name

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:  # noqa: ARG002
        """Show the scenario's lines and the job's log of a failure, not our own code."""
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
    """What pytest looks for tests in."""

    def play(
        request: pytest.FixtureRequest,
        harness_scenario: "Scenario",  # noqa: ARG001
        harness_cluster: object,  # noqa: ARG001
        harness_trial: object,  # noqa: ARG001
    ) -> None:
        # Asked for in the test, not before it, so that a cloud that refuses is a failure and no error.
        report = request.getfixturevalue("harness_verdict")
        if report is not None:
            raise UnmetExpectationsError(report)

    def judge(request: pytest.FixtureRequest, harness_scenario: "Scenario", harness_sweep_check: str) -> None:
        unmet = experiments.check_one(harness_scenario, harness_sweep_check, request.getfixturevalue("sweep_outcomes"))
        if unmet is not None:
            raise UnmetSweepError(experiments.describe_unmet(harness_scenario, unmet))

    module = ModuleType(scenario.path.stem, scenario.description)
    tests: dict[str, Callable[..., None]] = {scenario.scenario: play}
    if experiments.sweep_checks(scenario):
        tests[sweep_test(scenario)] = judge
    for name, test in tests.items():
        vars(module)[name] = pytest.mark.live(pytest.mark.scenario(str(scenario.path.absolute()))(test))
    return module
