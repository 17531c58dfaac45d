"""Outcomes of trials: a record and a line of ``outcomes.jsonl`` for each."""

import json
import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.atomic_file import write_file
from harness.errors import UserError

_PACKAGES = ("azure-mgmt-batchai", "azure-mgmt-resource", "azure-storage-file")


PRUNED = "pruned"
"""The state of a trial whose job was ended early, because the search's pruner found it not worth finishing."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that was not met.

    Attributes:
        place: the field of the scenario that states it, such as ``expect.metrics.test_error``.
        line: its line in the scenario file, from 1.
        observed: the result.
        expected: the result that was expected.
    """

    place: str
    line: int
    observed: str
    expected: str

    def __str__(self) -> str:
        return f"{self.place}: {self.observed}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One trial that has ended.

    Attributes:
        metrics: the last value of each metric; errors and accuracies are fractions. JSON has no ``nan`` and no
            infinities, so the file holds them as the texts ``nan``, ``inf`` and ``-inf``.
        series: the values step by step of each metric that keeps them, encoded like ``metrics``.
        steps: the step of each value of a series, if its file has steps; otherwise steps count from 1.
        durations: seconds in the states ``queued`` and ``running``.
        times: when the job was ``created``, ``started`` and ``ended``, by the service's clock, in ISO 8601.
        files: names of files by output directory; ``stdouterr`` holds the logs.
        directory: the directory of the downloaded files, relative to the run directory.
        data: the data set that was used; None if the scenario uploads none.
        toolkit: the toolkit that trained, which may differ from the requested one.
        service: the service that ran the job, such as ``batchai``.
        attempts: the number of jobs; ``state`` is that of the last.
        errors: the service's errors, the limit that was exceeded, files that could not be downloaded, and metrics
            without a value.
        violated: the metrics that violate a constraint of the search; a trial with any of them is not feasible.
    """

    scenario: str
    trial: str
    parameters: Mapping[str, Any]
    state: str
    exit_code: int | None
    metrics: Mapping[str, float]
    series: Mapping[str, list[float]]
    durations: Mapping[str, float]
    files: Mapping[str, list[str]]
    directory: str
    data: str | None
    toolkit: str
    cloud: str
    versions: Mapping[str, str]
    errors: tuple[str, ...] = ()
    unmet: tuple[Unmet, ...] = field(default=())
    service: str = "batchai"
    attempts: int = 1
    times: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, list[int]] = field(default_factory=dict)
    violated: tuple[str, ...] = ()

    @property
    def is_eligible(self) -> bool:
        """Whether the trial can be the best: its job succeeded, and it is feasible."""
        return self.state == "succeeded" and not self.violated

    @property
    def is_met(self) -> bool:
        """Whether all expectations were met."""
        return not self.unmet

    def final_value(self, metric: str) -> float | None:
        """The last value of a metric; None if the trial is not eligible, or the metric is ``nan`` or absent."""
        value = self.metrics.get(metric, math.nan)
        return None if math.isnan(value) or not self.is_eligible else value


class OutcomeFile:
    """The outcomes of a run, one JSON object a line, in the order in which trials ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, outcome: Outcome) -> None:
        """Write an outcome, and return when it is on the disk.

        Raises:
            UserError: the file cannot be written.
        """
        line = json.dumps(encoded(outcome), ensure_ascii=False, allow_nan=False)
        try:
            with open(self.path, "ab+", opener=_open_private) as stream:
                # An incomplete line of a killed run must not swallow this one.
                is_torn = stream.tell() > 0 and _last_byte(stream.fileno()) != b"\n"
                # A character that UTF-8 cannot encode is written as JSON's escape.
                stream.write((b"\n" if is_torn else b"") + f"{line}\n".encode(errors="backslashreplace"))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from error

    def replace(self, outcomes: Iterable[Outcome]) -> None:
        """Replace all outcomes in one step; the caller holds the run directory's lock.

        Raises:
            UserError: the file cannot be written.
        """
        lines = (json.dumps(encoded(outcome), ensure_ascii=False, allow_nan=False) for outcome in outcomes)
        try:
            write_file(self.path, "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace"))
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from error

    def read(self) -> list[Outcome]:
        """All outcomes that can be read; an incomplete line of a killed run is ignored.

        Raises:
            UserError: the file cannot be read.
        """
        if self.path.exists() and not self.path.is_file():  # reading a pipe or a device may not end
            raise UserError(f"{self.path} cannot be read: it is not a file; name another run directory")
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error}") from error
        return list(_outcomes(text))


def encoded(outcome: Outcome) -> dict[str, Any]:
    """An outcome as a JSON object, with text in place of numbers that are not finite."""
    document: dict[str, Any] = _json_value(asdict(outcome))
    return document


@cache
def versions() -> Mapping[str, str]:
    """The versions of the software in a run, by name."""
    package_versions = {"batchai-harness": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            package_versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return package_versions


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)  # a foreign run directory may hold links to the user's files


def _last_byte(handle: int) -> bytes:
    return os.pread(handle, 1, os.lseek(handle, 0, os.SEEK_END) - 1)


def _json_value(value: Any) -> Any:
    """A value as JSON, with text in place of numbers that are not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _json_value(item) for name, item in value.items()}
    return [_json_value(item) for item in value] if isinstance(value, list | tuple) else value


def _outcomes(text: str) -> Iterator[Outcome]:
    field_names = {field.name for field in fields(Outcome)}
    for line in text.split("\n"):  # splitlines would also split at other characters, which texts may hold
        try:
            values = {name: value for name, value in json.loads(line).items() if name in field_names}
            values["metrics"] = {name: float(value) for name, value in values["metrics"].items()}
            values["series"] = {name: list(map(float, items)) for name, items in values["series"].items()}
            unmet = tuple(Unmet(**item) for item in values.pop("unmet", ()))
            tuples = {name: tuple(values.get(name, ())) for name in ("errors", "violated")}
            yield Outcome(**values | tuples | {"unmet": unmet})
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
            continue
