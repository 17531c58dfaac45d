"""The metrics of a scenario: which numbers that a job writes count."""

import re
from typing import Any

from pydantic import Field, model_validator

from harness.scenario.record import Record, refused

LOGGED_METRICS = "metrics.jsonl"
"""The file beside the logs that ``harness.job.log_metric`` writes."""


class MetricSpec(Record):
    """A number that a job writes, over and over: the last one counts, times ``scale``.

    One of ``pattern``, ``key``, ``column`` and ``tag`` says where it is; without any, it is what the job logs under the
    metric's name by ``harness.job.log_metric``.

    Attributes:
        file: a log, or ``OUTPUT/NAME`` of an output directory, where ``*`` stands for anything. Default ``stderr.txt``
            for a pattern, otherwise ``metrics.jsonl``, which ``log_metric`` writes.
        pattern: a regular expression, whose first group is the number.
        key: of the objects in a file of JSON lines; dots lead into objects inside.
        column: of a CSV file whose first line has the names.
        tag: of a scalar in TensorBoard's event files.
        index: the key or column that numbers the steps; where it is absent they count from 1.
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
        """Whether it is read while the job runs; the files of output directories are when it has ended."""
        return self.tag is None and "/" not in self.file

    @model_validator(mode="before")
    @classmethod
    def _has_a_file(cls, values: Any) -> Any:
        if isinstance(values, dict) and "pattern" not in values:
            return {"file": LOGGED_METRICS, **values}
        return values

    @model_validator(mode="after")
    def _says_where_once(self) -> "MetricSpec":
        given = [name for name in ("pattern", "key", "column", "tag") if getattr(self, name) is not None]
        if len(given) > 1:
            raise refused(((given[1],), f"a metric has one of pattern, key, column and tag, not {' and '.join(given)}"))
        if self.pattern is None:
            return self
        try:
            groups = re.compile(self.pattern).groups
        except re.error as error:
            raise refused((("pattern",), f"{self.pattern!r} is no regular expression: {error}")) from None
        if not groups:
            text = f"the pattern {self.pattern!r} needs a group for the number, such as (\\S+)"
            raise refused((("pattern",), text))
        return self
