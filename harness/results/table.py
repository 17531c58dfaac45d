"""Trials as a table: for a terminal of any width, for a pipe, and as rows for files."""

import math
from collections.abc import Iterable, Mapping, Sequence

from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table

from harness.experiments.outcomes import Outcome
from harness.printable import printable
from harness.results.fields import Field, Fields, Value, varying

_GAP = 2  # columns between two columns
_LONGEST_NAME = 40  # characters of a value that a terminal shows
# Values that need no column if all trials have them.
_USUAL: Mapping[str, Value] = {"state": "succeeded", "exit_code": 0, "running": None, "queued": None, "expected": True}


def shown_fields(fields: Fields, outcomes: Sequence[Outcome], first: Sequence[str] = ()) -> list[Field]:
    """The fields that distinguish trials, then their results, without constants.

    Each parameter that varies has a column; if none varies, the name of the trial has one.

    Args:
        fields: the fields of the outcomes.
        outcomes: the rows.
        first: metrics that come before the others, because trials are compared by them.
    """
    scenario, trial = fields.named("scenario"), fields.named("trial")
    parameters = varying(map(fields.parameter, fields.parameters), outcomes)
    names = [*varying([scenario], outcomes), *(parameters or [trial])]
    ordered = sorted(fields.metrics, key=lambda name: name not in first)
    facts = [fields.named(name) for name in _USUAL]
    unusual = [field for field in facts if any(field.read(outcome) != _USUAL[field.name] for outcome in outcomes)]
    return [*names, *map(fields.metric, ordered), *unusual]


def fitting(columns: Sequence[Field], outcomes: Sequence[Outcome], width: int) -> tuple[list[Field], list[Field]]:
    """The columns that fit a width, and those that do not; the last columns are left out first.

    ``state`` and ``expected`` are left out after all others, since they show which trials need attention.
    """
    widths = {field.name: _width(field, outcomes) for field in columns}
    visible, hidden = list(columns), list[Field]()
    while len(visible) > 1 and sum(widths[field.name] + _GAP for field in visible) - _GAP > width:
        candidates = [field for field in visible[1:] if field.name not in ("state", "expected")] or visible[1:]
        hidden.insert(0, candidates[-1])
        visible.remove(candidates[-1])
    return visible, hidden


def trial_table(columns: Sequence[Field], outcomes: Iterable[Outcome]) -> Table:
    """The trials as a rich table, in which untrusted text is escaped."""
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    rows = [[field.read(outcome) for field in columns] for outcome in outcomes]
    for index, field in enumerate(columns):
        is_text = any(isinstance(row[index], str | bool) for row in rows)
        table.add_column(escape(heading(field)), justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_marked(field, value) for field, value in zip(columns, row, strict=True)))
    return table


def plain_lines(columns: Sequence[Field], outcomes: Sequence[Outcome]) -> list[str]:
    """The trials as aligned text for programs such as ``awk``; nothing is cut off, and ``-`` stands for no value."""
    rows = [
        [heading(field) for field in columns],
        *([shown(field.read(outcome), None) or "-" for field in columns] for outcome in outcomes),
    ]
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(columns))]
    gap = " " * _GAP
    return [
        gap.join(f"{text}{' ' * (width - cell_len(text))}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def heading(field: Field) -> str:
    """The heading of a column."""
    return {"exit_code": "exit", "running": "running_s", "queued": "queued_s"}.get(field.name, field.name)


def shown(value: Value, most: int | None = _LONGEST_NAME) -> str:
    """A value as text on one line, with six digits of a number and at most ``most`` characters of a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(value) if not math.isfinite(value) else f"{value:.6g}"
    text = printable(str(value))
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def _width(field: Field, outcomes: Sequence[Outcome]) -> int:
    return max([cell_len(heading(field)), *(cell_len(shown(field.read(outcome))) for outcome in outcomes)])


def _marked(field: Field, value: Value) -> str:
    text = escape(shown(value))
    colours = {("expected", "no"): "red", ("expected", "yes"): "green", ("state", "failed"): "red"}
    colour = colours.get((field.name, text))
    return f"[{colour}]{text}[/]" if colour else text
