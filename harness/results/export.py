"""Trials as files for other programs: CSV, JSON lines, and the columns of Parquet."""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.experiments.outcomes import Outcome, encoded
from harness.results.fields import Field, Fields, Value

Columns = Mapping[str, list[Value]]


def columns_of(fields: Fields, outcomes: Sequence[Outcome]) -> Columns:
    """Every field of the trials, column by column, and when each job was created, started and ended."""
    columns = {field.name: [field.read(outcome) for outcome in outcomes] for field in _ordered_fields(fields)}
    for name in ("created", "started", "ended"):
        columns[name] = [outcome.times.get(name) for outcome in outcomes]
    return columns


def csv_text(columns: Columns) -> str:
    """CSV by RFC 4180 with a header; ``nan`` and infinities are written as such, and None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(zip(*(map(_cell, values) for values in columns.values()), strict=True))
    return text.getvalue()


def json_text(outcomes: Sequence[Outcome]) -> str:
    """The complete outcomes, one JSON object per line, as in ``outcomes.jsonl``."""
    return "".join(f"{json.dumps(encoded(outcome), ensure_ascii=False, allow_nan=False)}\n" for outcome in outcomes)


def series_of(outcomes: Sequence[Outcome]) -> Mapping[str, list[list[float] | None]]:
    """The series of each metric that has one, by ``series.NAME``."""
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.series)
    return {f"series.{name}": [outcome.series.get(name) for outcome in outcomes] for name in names}


def unify_types(values: Sequence[Value]) -> list[Any]:
    """A column for a typed file: unchanged if all values have one type, floats if all are numbers, else text."""
    non_null = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in non_null) or all(isinstance(value, str) for value in non_null):
        return list(values)
    if all(type(value) is int and abs(value) < 1 << 63 for value in non_null):
        return list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in non_null):
        return [None if value is None else _float(value) for value in values]
    return [None if value is None else _text(value) for value in values]


def _ordered_fields(fields: Fields) -> Iterator[Field]:
    """All fields: first the common ones, then parameters and metrics, at last durations and the directory."""
    facts = ("scenario", "trial", "state", "exit_code", "expected")
    yield from (fields.named(name) for name in facts)
    yield from map(fields.parameter, fields.parameters)
    yield from map(fields.metric, fields.metrics)
    yield from (fields.named(name) for name in ("queued", "running", "directory"))


def _cell(value: Value) -> str:
    return "" if value is None else _text(value)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
