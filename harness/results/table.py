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
# What is not worth a column where all trials have it.
_USUAL: Mapping[str, Value] = {"state": "succeeded", "exit_code": 0, "running": None, "queued": None, "expected": True}


def shown_fields(fields: Fields, outcomes: Sequence[Outcome], first: Sequence[str] = ()) -> list[Field]:
    """What tells trials apart, then what came out: constants are left out.

    Parameters that vary have a column each; where none does, the trial's name stands there.

    Args:
        fields: of the outcomes.
        outcomes: the rows.
        first: metrics that come before the others: those that the trials are compared by.
    """
    scenario, trial = fields.named("scenario"), fields.named("trial")
    varied = varying(map(fields.parameter, fields.parameters), outcomes)
    names = [*varying([scenario], outcomes), *(varied or [trial])]
    ordered = sorted(fields.metrics, key=lambda name: name not in first)
    facts = [fields.named(name) for name in _USUAL]
    unusual = [field for field in facts if any(field.read(one) != _USUAL[field.name] for one in outcomes)]
    return [*names, *map(fields.metric, ordered), *unusual]


def fitting(columns: Sequence[Field], outcomes: Sequence[Outcome], width: int) -> tuple[list[Field], list[Field]]:
    """The columns that fit a width, in their order, and those that are left out: the last ones first.

    ``state`` and ``expected`` are kept as long as anything is: they say which trials need a look.
    """
    widths = {field.name: _width(field, outcomes) for field in columns}
    kept, left_out = list(columns), list[Field]()
    while len(kept) > 1 and sum(widths[field.name] + _GAP for field in kept) - _GAP > width:
        candidates = [field for field in kept[1:] if field.name not in ("state", "expected")] or kept[1:]
        left_out.insert(0, candidates[-1])
        kept.remove(candidates[-1])
    return kept, left_out


def trial_table(columns: Sequence[Field], outcomes: Iterable[Outcome]) -> Table:
    """The trials as rich draws them; no text of others is taken for markup or reaches the terminal as it is."""
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False)
    rows = [[field.read(outcome) for field in columns] for outcome in outcomes]
    for index, field in enumerate(columns):
        is_text = any(isinstance(row[index], str | bool) for row in rows)
        table.add_column(escape(heading(field)), justify="left" if is_text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(_marked(field, value) for field, value in zip(columns, row, strict=True)))
    return table


def plain_lines(columns: Sequence[Field], outcomes: Sequence[Outcome]) -> list[str]:
    """The trials as aligned text, which ``awk`` and people read; nothing is cut off, and ``-`` is no value."""
    rows = [
        [heading(field) for field in columns],
        *([shown(field.read(one), None) or "-" for field in columns] for one in outcomes),
    ]
    widths = [max(cell_len(row[index]) for row in rows) for index in range(len(columns))]
    gap = " " * _GAP
    return [
        gap.join(f"{text}{' ' * (width - cell_len(text))}" for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def heading(field: Field) -> str:
    """The words above a column."""
    return {"exit_code": "exit", "running": "running_s", "queued": "queued_s"}.get(field.name, field.name)


def shown(value: Value, most: int | None = _LONGEST_NAME) -> str:
    """A value for people, on one line: six digits of a number, and of a text so many characters."""
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
