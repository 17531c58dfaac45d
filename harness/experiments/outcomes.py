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
"""The state of a trial whose job was ended because a search found that it is not worth finishing."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that was not met.

    Attributes:
        place: where the scenario states it, such as ``expect.metrics.test_error``.
        line: of the scenario file, from 1.
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
        metrics: last value by name; errors and accuracies are fractions. JSON has no ``nan`` and no infinities: the
            file holds them as the texts ``nan``, ``inf`` and ``-inf``.
        series: values step by step, of the metrics that keep them; likewise.
        steps: of the values of a series, where its file says them; otherwise they count from 1.
        durations: seconds in the states ``queued`` and ``running``.
        times: when the job was ``created``, ``started`` and ``ended``, by the service's clock, in ISO 8601.
        files: names by output directory, ``stdouterr`` for the logs.
        directory: where the files were downloaded to, below the run directory.
        data: the data set that was used; None where the scenario uploads none.
        toolkit: the toolkit that really trained.
        service: what the job ran on: ``batchai``.
        attempts: how many jobs it took; the state is that of the last.
        errors: what the service, or a limit, says about a failure; which files could not be fetched, and which metrics
            have no value.
        violated: the metrics that are outside of the search's constraints; with any, the trial is not feasible.
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
    def counts(self) -> bool:
        """Whether it may be the best: its job succeeded, and it is feasible."""
        return self.state == "succeeded" and not self.violated

    @property
    def is_met(self) -> bool:
        """Whether all expectations were met."""
        return not self.unmet

    def final_value(self, metric: str) -> float | None:
        """The last value of a metric; None where the trial does not count, or the metric is ``nan`` or absent."""
        value = self.metrics.get(metric, math.nan)
        return None if math.isnan(value) or not self.counts else value


class OutcomeFile:
    """The outcomes of a run, one JSON object a line, in the order in which trials ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, outcome: Outcome) -> None:
        """Return when the outcome is on the disk.

        Raises:
            UserError: the file cannot be written.
        """
        line = json.dumps(encoded(outcome), ensure_ascii=False, allow_nan=False)
        try:
            with open(self.path, "ab+", opener=_open_private) as stream:
                # The torn line of a killed run must not swallow this one.
                torn = stream.tell() > 0 and _last_byte(stream.fileno()) != b"\n"
                # A name that UTF-8 cannot hold becomes JSON's own escape.
                stream.write((b"\n" if torn else b"") + f"{line}\n".encode(errors="backslashreplace"))
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
        """All outcomes that can be read; the torn line of a killed run is ignored.

        Raises:
            UserError: the file cannot be read.
        """
        if self.path.exists() and not self.path.is_file():  # a pipe and a device have no end
            raise UserError(f"{self.path} cannot be read: it is not a file; name another run directory")
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error}") from error
        return list(_outcomes(text))


def encoded(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON can hold it: numbers that are not finite are texts."""
    values: dict[str, Any] = _encoded(asdict(outcome))
    return values


@cache
def versions() -> Mapping[str, str]:
    """The versions of the software in a run, by name."""
    found = {"batchai-harness": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)  # a stranger's run directory may hold links to the user's files


def _last_byte(handle: int) -> bytes:
    return os.pread(handle, 1, os.lseek(handle, 0, os.SEEK_END) - 1)


def _encoded(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _encoded(item) for name, item in value.items()}
    return [_encoded(item) for item in value] if isinstance(value, list | tuple) else value


def _outcomes(text: str) -> Iterator[Outcome]:
    known = {field.name for field in fields(Outcome)}
    for line in text.split("\n"):  # splitlines would also split at what texts may hold
        try:
            values = {name: value for name, value in json.loads(line).items() if name in known}
            values["metrics"] = {name: float(value) for name, value in values["metrics"].items()}
            values["series"] = {name: list(map(float, items)) for name, items in values["series"].items()}
            unmet = tuple(Unmet(**item) for item in values.pop("unmet", ()))
            tuples = {name: tuple(values.get(name, ())) for name in ("errors", "violated")}
            yield Outcome(**values | tuples | {"unmet": unmet})
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError):
            continue
