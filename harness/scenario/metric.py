"""The metrics of a scenario: numbers that are read from the files of a job."""

import re
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.record import Record, invalid_fields

LOGGED_METRICS = "metrics.jsonl"
"""The file that ``harness.job.log_metric`` writes, in the directory of the logs."""


class MetricSpec(Record):
    """A number that a job writes repeatedly: the last value, times ``scale``, is the metric.

    One of ``pattern``, ``key``, ``column`` and ``tag`` locates the number. Without any of them, it is the number that
    the job logs under the metric's name with ``harness.job.log_metric``.

    Attributes:
        file: a log, or ``OUTPUT/NAME`` of an output directory, in which ``*`` matches anything. Default ``stderr.txt``
            for a pattern, otherwise ``metrics.jsonl``, which ``log_metric`` writes.
        pattern: a regular expression, whose first group is the number.
        key: a key of the objects in a file of JSON lines; dots separate the keys of nested objects.
        column: a column of a CSV file whose first line has the names.
        tag: the tag of a scalar in TensorBoard's event files.
        index: the key or column with the number of the step; without it, steps are counted from 1.
    """

    file: str = Field(default="stderr.txt", min_length=1)
    pattern: str | None = None
    key: str | None = Field(default=None, min_length=1)
    column: str | None = Field(default=None, min_length=1)
    tag: str | None = Field(default=None, min_length=1)
    index: str = Field(default="step", min_length=1)
    scale: float = Field(default=1.0, allow_inf_nan=False)
    step: bool = False

    @property
    def is_followed(self) -> bool:
        """Whether the metric is read while the job runs; files of output directories are read after its end."""
        return self.tag is None and "/" not in self.file

    @model_validator(mode="before")
    @classmethod
    def _has_a_file(cls, values: Any) -> Any:
        if isinstance(values, dict) and "pattern" not in values:
            return {"file": LOGGED_METRICS, **values}
        return values

    @model_validator(mode="after")
    def _says_where_once(self) -> "MetricSpec":
        names = [name for name in ("pattern", "key", "column", "tag") if getattr(self, name) is not None]
        if len(names) > 1:
            raise invalid_fields(
                ((names[1],), f"a metric has one of pattern, key, column and tag, not {' and '.join(names)}")
            )
        if self.pattern is None:
            return self
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise invalid_fields((("pattern",), f"{self.pattern!r} is not a regular expression: {error}")) from None
        if not groups:
            text = f"the pattern {self.pattern!r} needs a group for the number, such as (\\S+)"
            raise invalid_fields((("pattern",), text))
        return self
