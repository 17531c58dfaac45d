"""The summary of ``harness run``: unmet expectations, failures grouped by cause, reports, and the table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness.atomic_file import write_file
from harness.cli.progress import say_lines
from harness.clock import SystemClock
from harness.config import Settings
from harness.errors import UserError
from harness.experiments.failure_report import explain_failure, render
from harness.experiments.outcomes import PRUNED, Outcome, Unmet
from harness.experiments.ranking import describe_best
from harness.experiments.run_directory import RunDirectory
from harness.experiments.selection import Part
from harness.experiments.sweep_expectations import check_expectation, describe_unmet, sweep_checks
from harness.report.writing import REPORT, default_options, without_importance, write_report
from harness.results.failures import group_failures, without_numbers
from harness.results.fields import Field, Fields
from harness.results.junit import junit_text
from harness.results.run_record import read_run
from harness.results.table import fitting, shown_fields, trial_table
from harness.scenario.model import Scenario

_MOST_GROUPS = 20  # names of trials that failed alike
_MOST_NAMES = 10
_MOST_METRICS = 8  # of a trial in its line
_LONGEST_UNMET = 200  # characters

Outcomes = Mapping[tuple[str, str], Outcome]
"""Of some scenarios, by the names of scenario and trial."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Shows the outcomes of a run, and writes its reports.

    Attributes:
        console: the console that shows it.
        junit: the file of the JUnit report; None where none is asked for.
    """

    console: Console
    directory: RunDirectory
    settings: Settings
    junit: Path | None

    def show(self, parts: Sequence[Part], outcomes: Outcomes, *, is_interrupted: bool) -> bool:
        """Show everything, the results last; returns whether all expectations were met.

        Args:
            parts: of the run, one for each scenario.
            outcomes: that there are, also those of earlier processes.
            is_interrupted: the process was asked to end: what takes seconds is left out.
        """
        found = [(part, _in_order(part.scenario, outcomes)) for part in parts]
        for part, mine in found:
            self._show_failures(part.scenario, mine)
        checked = {part.scenario.scenario: self._check_sweep(part, mine) for part, mine in found}
        if outcomes:
            self._say(f"outcomes: {self.directory.outcomes.path}")
            self._write_report(is_interrupted=is_interrupted)
            self._write_junit([part.scenario for part in parts], outcomes, checked)
        for part, mine in found:
            if mine:
                self._show_results(part.scenario, mine)
        unmet = [one for each in checked.values() for one in each.values() if one is not None]
        return all(outcome.is_met for outcome in outcomes.values()) and not unmet

    def _show_failures(self, scenario: Scenario, outcomes: Sequence[Outcome]) -> None:
        """What was not as expected and what is worth knowing."""
        for text in describe_failures(scenario, outcomes, self.directory.path):
            self.console.print()
            self._say(text)
        for line in describe_notes(outcomes):
            self._say(line)

    def _check_sweep(self, part: Part, outcomes: Sequence[Outcome]) -> Mapping[str, Unmet | None]:
        """What was not met, by each expectation on the sweep; empty until every trial has its outcome."""
        scenario = part.scenario
        names = [check.name for check in sweep_checks(scenario)]
        if not names:
            return {}
        ended = {outcome.trial for outcome in outcomes}
        is_whole = part.study.remaining == 0 if part.study else all(trial in ended for trial in scenario.trials.ids())
        if not is_whole:
            self._say("what is expected of the sweep is judged when all its trials have an outcome")
            return {}
        checked = {name: check_expectation(scenario, name, outcomes) for name in names}
        for unmet in checked.values():
            if unmet is not None:
                self._say(describe_unmet(scenario, unmet))
        return checked

    def _write_report(self, *, is_interrupted: bool) -> None:
        """Write the page to look at; where that fails, the run has still done what it did."""
        record = read_run(self.directory.path)
        path, options = record.path / REPORT, default_options([record], self.settings)
        try:
            write_report(
                path, [record], without_importance(options) if is_interrupted else options, SystemClock().now()
            )
        except UserError as error:
            self._say(f"note: {error}")
        else:
            self._say(f"report: {path}")

    def _write_junit(
        self, scenarios: Sequence[Scenario], outcomes: Outcomes, checked: Mapping[str, Mapping[str, Unmet | None]]
    ) -> None:
        """Write the JUnit report, where one is asked for; where that fails, the run has still done what it did."""
        if self.junit is None:
            return
        named = {scenario.scenario: scenario for scenario in scenarios}

        def explain(outcome: Outcome) -> str:
            return render(explain_failure(outcome, named[outcome.scenario], self.directory.path))

        try:
            write_file(self.junit, junit_text(list(outcomes.values()), explain, checked))
        except OSError as error:
            self._say(f"note: {self.junit} cannot be written: {error.strerror}")

    def _show_results(self, scenario: Scenario, outcomes: Sequence[Outcome]) -> None:
        """The table, and above it what the trials have in common, and the best of them."""
        self.console.print()
        for line in describe_facts(scenario, outcomes):
            self._say(line)
        table, left_out = table_of(scenario, outcomes, self.console.width if self.console.is_terminal else None)
        self.console.print(table)
        if left_out:
            self._say(f"too wide for this terminal: {', '.join(left_out)}; harness results {self.directory.path}")

    def _say(self, text: str) -> None:
        say_lines(self.console, text)


def describe_outcome(outcome: Outcome) -> str:
    """The metrics of a trial, why it does not count, and the first expectation that it did not meet; or nothing."""
    values = [f"{name} {value:.6g}" for name, value in islice(outcome.metrics.items(), _MOST_METRICS)]
    said = [", ".join(values), PRUNED if outcome.state == PRUNED else ""]
    if outcome.violated:
        said.append(f"outside of constraints: {', '.join(outcome.violated)}")
    if outcome.unmet:
        first, *others = outcome.unmet
        more = f", and {len(others)} more" if others else ""
        said.append(f"not as expected: {str(first)[:_LONGEST_UNMET]}{more}")
    return "; ".join(filter(None, said))


def describe_failures(scenario: Scenario, outcomes: Sequence[Outcome], root: Path) -> Iterator[str]:
    """A text for each group of trials that failed alike: the first of them as it is, and the names of the others."""
    groups = group_failures(root, outcomes)
    for group in groups[:_MOST_GROUPS]:
        first, *others = group.outcomes
        text = render(explain_failure(first, scenario, root))
        names = ", ".join(outcome.trial for outcome in others[:_MOST_NAMES])
        more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
        yield f"{text}\n{len(others)} more trial(s) failed alike: {names}{more}" if others else text
    if len(groups) > _MOST_GROUPS:
        yield f"{len(groups) - _MOST_GROUPS} more kinds of failures: harness results {root} --where 'expected = no'"


def describe_notes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What trials that did as expected say nevertheless, what is alike once."""
    said: dict[str, list[tuple[str, str]]] = {}
    for outcome in outcomes:
        for text in outcome.errors if outcome.is_met else ():
            said.setdefault(without_numbers(text), []).append((outcome.trial, text))
    for (trial, text), *others in said.values():
        yield f"note: trial {trial}{f', and {len(others)} more alike' if others else ''}: {text}"


def describe_facts(scenario: Scenario, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Which data and which toolkits were used, and which trial is the best."""
    for name in ("data", "toolkit"):
        found = dict.fromkeys(str(getattr(outcome, name)) for outcome in outcomes if getattr(outcome, name))
        yield f"{name}: {', '.join(found) or 'none'}"
    yield from describe_best(outcomes, scenario.sweep.goal)


def table_of(scenario: Scenario, outcomes: Sequence[Outcome], width: int | None) -> tuple[Table, list[str]]:
    """One row for each trial, and the names of the columns that are too wide: swept values, what varies, what came out.

    Args:
        scenario: of the trials.
        outcomes: the rows.
        width: of the terminal; None for any.
    """
    fields = Fields(outcomes, scenario.metrics)
    first = scenario.sweep.goal.names if scenario.sweep.goal else ()
    columns = shown_fields(fields, outcomes, first)
    names = {column.name for column in columns}
    columns += [fields.named(name) for name in ("state", "expected") if name not in names]
    kept, left_out = (columns, list[Field]()) if width is None else fitting(columns, outcomes, width)
    return trial_table(kept, outcomes), [field.name for field in left_out]


def _in_order(scenario: Scenario, outcomes: Outcomes) -> list[Outcome]:
    """The outcomes of a scenario in file order; those of a search in the order in which they ended."""
    found = [outcome for (name, _), outcome in outcomes.items() if name == scenario.scenario]
    order = {name: index for index, name in enumerate(scenario.trials.ids())} if len(found) > 1 else {}
    return sorted(found, key=lambda outcome: order.get(outcome.trial, len(order)))
