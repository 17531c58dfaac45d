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

_MOST_GROUPS = 20  # groups of trials that failed alike
_MOST_NAMES = 10  # names of trials in such a group
_MOST_METRICS = 8  # metrics in the line of a trial
_LONGEST_UNMET = 200  # characters

Outcomes = Mapping[tuple[str, str], Outcome]
"""Outcomes by the names of scenario and trial."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Shows the outcomes of a run, and writes its reports.

    Attributes:
        console: the console to print on.
        junit: the file of the JUnit report; None if none is requested.
    """

    console: Console
    directory: RunDirectory
    settings: Settings
    junit: Path | None

    def show(self, parts: Sequence[Part], outcomes: Outcomes, *, is_interrupted: bool) -> bool:
        """Show everything, the results last; returns whether all expectations were met.

        Args:
            parts: the parts of the run, one for each scenario.
            outcomes: all outcomes of the run, including those of earlier processes.
            is_interrupted: whether a signal ended the run; then everything that takes seconds is left out.
        """
        results = [(part, _in_order(part.scenario, outcomes)) for part in parts]
        for part, part_outcomes in results:
            self._show_failures(part.scenario, part_outcomes)
        checked = {part.scenario.scenario: self._check_sweep(part, mine) for part, mine in results}
        if outcomes:
            self._say(f"outcomes: {self.directory.outcomes.path}")
            self._write_report(is_interrupted=is_interrupted)
            self._write_junit([part.scenario for part in parts], outcomes, checked)
        for part, part_outcomes in results:
            if part_outcomes:
                self._show_results(part.scenario, part_outcomes)
        unmet = [check for checks in checked.values() for check in checks.values() if check is not None]
        return all(outcome.is_met for outcome in outcomes.values()) and not unmet

    def _show_failures(self, scenario: Scenario, outcomes: Sequence[Outcome]) -> None:
        """Show the failures of a scenario, and the notes on its other trials."""
        for text in describe_failures(scenario, outcomes, self.directory.path):
            self.console.print()
            self._say(text)
        for line in describe_notes(outcomes):
            self._say(line)

    def _check_sweep(self, part: Part, outcomes: Sequence[Outcome]) -> Mapping[str, Unmet | None]:
        """Return the result of each expectation on the sweep; empty until every trial has an outcome."""
        scenario = part.scenario
        names = [check.name for check in sweep_checks(scenario)]
        if not names:
            return {}
        ended = {outcome.trial for outcome in outcomes}
        is_complete = (
            part.study.remaining == 0 if part.study else all(trial in ended for trial in scenario.trials.ids())
        )
        if not is_complete:
            self._say("the expectations of the sweep are checked when all its trials have an outcome")
            return {}
        checked = {name: check_expectation(scenario, name, outcomes) for name in names}
        for unmet in checked.values():
            if unmet is not None:
                self._say(describe_unmet(scenario, unmet))
        return checked

    def _write_report(self, *, is_interrupted: bool) -> None:
        """Write the HTML report; a failure to write it does not fail the run."""
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
        """Write the JUnit report if one is requested; a failure to write it does not fail the run."""
        if self.junit is None:
            return
        by_name = {scenario.scenario: scenario for scenario in scenarios}

        def explain(outcome: Outcome) -> str:
            return render(explain_failure(outcome, by_name[outcome.scenario], self.directory.path))

        try:
            write_file(self.junit, junit_text(list(outcomes.values()), explain, checked))
        except OSError as error:
            self._say(f"note: {self.junit} cannot be written: {error.strerror}")

    def _show_results(self, scenario: Scenario, outcomes: Sequence[Outcome]) -> None:
        """Show what the trials have in common, the best trial, and the table."""
        self.console.print()
        for line in describe_facts(scenario, outcomes):
            self._say(line)
        table, hidden = table_of(scenario, outcomes, self.console.width if self.console.is_terminal else None)
        self.console.print(table)
        if hidden:
            self._say(f"too wide for this terminal: {', '.join(hidden)}; harness results {self.directory.path}")

    def _say(self, text: str) -> None:
        say_lines(self.console, text)


def describe_outcome(outcome: Outcome) -> str:
    """Return a line with the metrics of a trial, violated constraints and the first unmet expectation; may be empty."""
    values = [f"{name} {value:.6g}" for name, value in islice(outcome.metrics.items(), _MOST_METRICS)]
    parts = [", ".join(values), PRUNED if outcome.state == PRUNED else ""]
    if outcome.violated:
        parts.append(f"outside of constraints: {', '.join(outcome.violated)}")
    if outcome.unmet:
        first, *others = outcome.unmet
        more = f", and {len(others)} more" if others else ""
        parts.append(f"not as expected: {str(first)[:_LONGEST_UNMET]}{more}")
    return "; ".join(filter(None, parts))


def describe_failures(scenario: Scenario, outcomes: Sequence[Outcome], root: Path) -> Iterator[str]:
    """Describe each group of trials that failed alike: the first failure in full, and the names of the others."""
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
    """Describe the errors of trials that met all expectations; similar errors share one line."""
    notes: dict[str, list[tuple[str, str]]] = {}
    for outcome in outcomes:
        for text in outcome.errors if outcome.is_met else ():
            notes.setdefault(without_numbers(text), []).append((outcome.trial, text))
    for (trial, text), *others in notes.values():
        yield f"note: trial {trial}{f', and {len(others)} more alike' if others else ''}: {text}"


def describe_facts(scenario: Scenario, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Say which data and which toolkits were used, and which trial is the best."""
    for name in ("data", "toolkit"):
        values = dict.fromkeys(str(getattr(outcome, name)) for outcome in outcomes if getattr(outcome, name))
        yield f"{name}: {', '.join(values) or 'none'}"
    yield from describe_best(outcomes, scenario.sweep.goal)


def table_of(scenario: Scenario, outcomes: Sequence[Outcome], width: int | None) -> tuple[Table, list[str]]:
    """Return the table of trials, and the names of the columns that do not fit.

    The columns are swept parameters, fields that vary, and results.

    Args:
        scenario: the scenario of the trials.
        outcomes: the rows.
        width: the width of the terminal; None for no limit.
    """
    fields = Fields(outcomes, scenario.metrics)
    first = scenario.sweep.goal.names if scenario.sweep.goal else ()
    columns = shown_fields(fields, outcomes, first)
    names = {column.name for column in columns}
    columns += [fields.named(name) for name in ("state", "expected") if name not in names]
    shown, hidden = (columns, list[Field]()) if width is None else fitting(columns, outcomes, width)
    return trial_table(shown, outcomes), [field.name for field in hidden]


def _in_order(scenario: Scenario, outcomes: Outcomes) -> list[Outcome]:
    """Return the outcomes of a scenario in file order; those of a search in the order in which they ended."""
    matching = [outcome for (name, _), outcome in outcomes.items() if name == scenario.scenario]
    order = {name: index for index, name in enumerate(scenario.trials.ids())} if len(matching) > 1 else {}
    return sorted(matching, key=lambda outcome: order.get(outcome.trial, len(order)))
