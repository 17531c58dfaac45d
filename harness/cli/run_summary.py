"""What ``harness run`` says at its end: what was not as expected, alike failures together, and the table."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table

from harness.experiments.failure_report import explain_failure, render
from harness.experiments.outcomes import Outcome
from harness.experiments.ranking import describe_best
from harness.results.failures import group_failures
from harness.results.fields import Field, Fields
from harness.results.table import fitting, shown_fields, trial_table
from harness.scenario.model import Scenario

_MOST_GROUPS = 20  # of failures that are alike
_MOST_NAMES = 10


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
    """What trials that did as expected say nevertheless, the same of several once."""
    said: dict[str, list[str]] = {}
    for outcome in outcomes:
        for text in outcome.errors if outcome.is_met else ():
            said.setdefault(text, []).append(outcome.trial)
    for text, trials in said.items():
        yield f"note: trial {trials[0]}{f' and {len(trials) - 1} more' if len(trials) > 1 else ''}: {text}"


def describe_facts(scenario: Scenario, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Which data and which toolkits were used, how many trials were pruned, and which is the best."""
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
