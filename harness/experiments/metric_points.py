"""Numbers and their steps in files of JSON lines and CSV. Pure."""

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

_DELIMITERS = ",;\t"
_LONGEST_NUMBER = 100  # characters of a text that is parsed as a number


class Point(NamedTuple):
    """A value of a metric, and its step if the file has one."""

    value: float
    step: int | None


def json_points(lines: Iterable[str], key: str, index: str) -> Iterator[Point]:
    """The numbers under a key of JSON lines; lines without such a number are ignored.

    Args:
        lines: the lines of the file.
        key: a key of each line's object; if the object has no such key, dots lead into nested objects.
        index: the key of the step.
    """
    word = json.dumps(key.rpartition(".")[2])[1:-1]
    for line in lines:
        if word in line and (point := json_point(line, key, index)) is not None:
            yield point


def json_point(line: str, key: str, index: str) -> Point | None:
    """The number under a key of one line; None if there is no number."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    value = number_in(_value_under(document, key))
    return None if value is None else Point(value, _step(_value_under(document, index)))


class CsvColumn:
    """A column of a CSV file that is read line by line; its first line has the names.

    Args:
        column: the name of the column.
        index: the name of the column with the steps.
    """

    def __init__(self, column: str, index: str) -> None:
        self._column, self._index = column, index
        self.names: Sequence[str] | None = None
        self._delimiter = ","

    def point(self, line: str) -> Point | None:
        """The number in the next line; None for the first line, and for a line without a number."""
        if self.names is None:
            self._delimiter = max(_DELIMITERS, key=line.count)
            self.names = [name.strip() for name in self._cells(line.removeprefix("\ufeff"))]
            return None
        row = dict(zip(self.names, self._cells(line), strict=False))
        value = number_in(row.get(self._column))
        return None if value is None else Point(value, _step(number_in(row.get(self._index))))

    def _cells(self, line: str) -> list[str]:
        try:
            return next(csv.reader([line], delimiter=self._delimiter), [])
        except csv.Error:
            return []


def csv_points(lines: Iterable[str], reader: CsvColumn) -> Iterator[Point]:
    """The numbers of a column; lines without a number are skipped."""
    for line in lines:
        if line.strip() and (point := reader.point(line)) is not None:
            yield point


def number_in(value: Any) -> float | None:
    """The float of a number, or of a text such as ``1e-3``, ``nan`` or ``inf``; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf
    except ValueError:
        return None


def _value_under(document: Any, key: str) -> Any:
    if not isinstance(document, dict):
        return None
    if key in document:
        return document[key]
    name, dot, rest = key.partition(".")
    return _value_under(document.get(name), rest) if dot else None


def _step(value: Any) -> int | None:
    number = number_in(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 1 << 53 else None
