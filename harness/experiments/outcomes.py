"""What came out of each trial: one record, one line of ``outcomes.jsonl``."""

import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import UserError

_PACKAGES = ("azure-mgmt-batchai", "azure-mgmt-resource", "azure-storage-file")


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that was not met.

    Attributes:
        place: where the scenario states it, such as ``expect.metrics.test_error``.
        line: of the scenario file, from 1.
        observed: what came out.
        expected: what should have.
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
        metrics: last value by name; errors and accuracies are fractions.
        series: values step by step, of the metrics that keep them.
        durations: seconds by what took them: ``queued``, ``running``.
        files: names by output directory, ``stdouterr`` for the logs.
        directory: where the files were downloaded to, below the run directory.
        data: which data set was used; None where the scenario uploads none.
        toolkit: what really trained.
        errors: what the service, or a limit, says about a failure.
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

    @property
    def is_met(self) -> bool:
        """Whether all that was expected came out."""
        return not self.unmet


class OutcomeFile:
    """The outcomes of a run, one JSON object a line, in the order in which trials ended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, outcome: Outcome) -> None:
        """Return when the outcome is on the disk."""
        line = json.dumps(asdict(outcome), ensure_ascii=False, allow_nan=False)
        with self.path.open("ab+") as stream:
            # The torn line of a killed run must not swallow this one.
            torn = stream.tell() > 0 and _last_byte(stream.fileno()) != b"\n"
            stream.write((b"\n" if torn else b"") + f"{line}\n".encode())
            stream.flush()
            os.fsync(stream.fileno())

    def read(self) -> list[Outcome]:
        """All that can be read; the torn line of a killed run is passed over.

        Raises:
            UserError: the file cannot be read.
        """
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace") if self.path.exists() else ""
        except OSError as error:
            raise UserError(f"{self.path} cannot be read: {error}") from error
        return list(_outcomes(text))


@cache
def versions() -> Mapping[str, str]:
    """What took part in a run, by name."""
    found = {"batchai-harness": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _last_byte(handle: int) -> bytes:
    return os.pread(handle, 1, os.lseek(handle, 0, os.SEEK_END) - 1)


def _outcomes(text: str) -> Iterator[Outcome]:
    known = {field.name for field in fields(Outcome)}
    for line in text.splitlines():
        try:
            values = {name: value for name, value in json.loads(line).items() if name in known}
            unmet = tuple(Unmet(**item) for item in values.pop("unmet", ()))
            yield Outcome(**values | {"errors": tuple(values.get("errors", ())), "unmet": unmet})
        except (ValueError, TypeError, AttributeError):
            continue
