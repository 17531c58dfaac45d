"""How a trial that went wrong is shown: the scenario's lines, what came out, the end of the log, where the rest is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.printable import printable, printable_lines


@dataclass(frozen=True, slots=True)
class Broken:
    """One expectation that was not met, in line ``line`` of the scenario."""

    line: int
    place: str
    observed: str
    expected: str


@dataclass(frozen=True, slots=True)
class FailureView:
    """All that is shown of a trial.

    Attributes:
        reported: what the service, a limit or the harness says about the trial, a sentence each.
        log: name of the log file whose end is shown; empty where there is none.
        tail: its last lines.
        directory: where the job's files are; None where nothing was downloaded.
    """

    scenario: Path
    trial: str
    parameters: Mapping[str, Any]
    state: str
    exit_code: int | None
    broken: tuple[Broken, ...]
    reported: tuple[str, ...]
    log: str
    tail: tuple[str, ...]
    directory: Path | None


class UnmetExpectationsError(AssertionError):
    """What a trial's test fails with."""

    def __init__(self, view: FailureView) -> None:
        super().__init__(f"{len(view.broken)} expectation(s) of trial {view.trial} were not met")
        self.view = view


def render(view: FailureView) -> str:
    """The text that a person reads."""
    source = _lines(view.scenario)
    parts = [f"trial {view.trial} of {view.scenario}"]
    for broken in view.broken:
        parts.append(f"{view.scenario}:{broken.line}: {broken.place}")
        if 0 < broken.line <= len(source):
            parts.append(f"    > {source[broken.line - 1].strip()}")
        parts.append(f"    observed: {broken.observed}")
        parts.append(f"    expected: {broken.expected}")
    parts.append("parameters: " + (", ".join(f"{name}={value}" for name, value in view.parameters.items()) or "none"))
    parts.append(f"job: {view.state}, exit code {'unknown' if view.exit_code is None else view.exit_code}")
    parts += [f"reported: {printable(text)}" for text in view.reported]
    if view.log:
        parts.append(f"{view.log}, its last {len(view.tail)} line(s):")
        parts += [f"    {printable(line)}" for line in view.tail]
    if view.directory is not None:
        parts.append(f"files: {view.directory}")
    return printable_lines("\n".join(parts))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
