"""Report of a failed trial: the unmet lines of the scenario, the results, the end of the log, and the directory."""

from dataclasses import dataclass
from pathlib import Path

from harness.experiments.job_logs import most_informative
from harness.experiments.log_lines import last_lines
from harness.experiments.outcomes import Outcome
from harness.printable import printable, printable_lines
from harness.scenario.consistency import STDOUTERR
from harness.scenario.model import Scenario

_TAIL = 20  # lines


@dataclass(frozen=True, slots=True)
class FailureReport:
    """The parts of the report of a trial.

    Attributes:
        scenario: the file.
        log: name of the log file whose end is shown; empty if no log has any text.
        tail: the last lines of that log.
        directory: where the job's files are; None if nothing was downloaded.
    """

    scenario: Path
    outcome: Outcome
    log: str
    tail: tuple[str, ...]
    directory: Path | None


def explain_failure(outcome: Outcome, scenario: Scenario, root: Path) -> FailureReport:
    """The report of an outcome.

    Args:
        outcome: the outcome of a trial.
        scenario: the scenario of the trial.
        root: the run's directory.
    """
    directory = root / outcome.directory
    tails = ((name, last_lines(directory / name, _TAIL)) for name in most_informative(outcome.files.get(STDOUTERR, ())))
    log, lines = next(((name, lines) for name, lines in tails if any(map(str.strip, lines))), ("", []))
    return FailureReport(scenario.path, outcome, log, tuple(lines), directory if directory.is_dir() else None)


def render(report: FailureReport) -> str:
    """The report as text, with control characters of untrusted text escaped."""
    outcome, source = report.outcome, _lines(report.scenario)
    parts = [f"trial {outcome.trial} of {report.scenario}"]
    for unmet in outcome.unmet:
        parts.append(f"{report.scenario}:{unmet.line}: {unmet.place}")
        if 0 < unmet.line <= len(source):
            parts.append(f"    > {source[unmet.line - 1].strip()}")
        parts.append(f"    observed: {unmet.observed}")
        parts.append(f"    expected: {unmet.expected}")
    values = ", ".join(f"{name}={value}" for name, value in outcome.parameters.items())
    parts.append(f"parameters: {values or 'none'}")
    parts.append(f"job: {outcome.state}, exit code {'unknown' if outcome.exit_code is None else outcome.exit_code}")
    parts += [f"reported: {printable(text)}" for text in outcome.errors]
    if report.log:
        parts.append(f"{report.log}, its last {len(report.tail)} line(s):")
        parts += [f"    {printable(line)}" for line in report.tail]
    if report.directory is not None:
        parts.append(f"files: {report.directory}")
    return printable_lines("\n".join(parts))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
