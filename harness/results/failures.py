"""Groups of similar failures: trials that were not as expected."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.experiments.job_logs import most_informative
from harness.experiments.log_lines import last_lines
from harness.experiments.outcomes import Outcome
from harness.printable import printable
from harness.results.run_record import log_files

_TAIL = 20  # lines
_LONGEST_REASON = 200  # characters
_VARYING = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8,}|[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Trials with similar failures.

    Attributes:
        reason: the reason of the first trial, on one line.
        outcomes: the outcomes in the order in which the trials ended.
        log: the name of the first trial's log; empty if it has none.
        tail: the last lines of that log, with control characters escaped.
    """

    reason: str
    outcomes: tuple[Outcome, ...]
    log: str
    tail: tuple[str, ...]


def group_failures(root: Path, outcomes: Iterable[Outcome]) -> list[FailureGroup]:
    """The trials that were not as expected, the largest group first.

    Failures are similar if the same expectations were not met, and their logs end with the same line except numbers.

    Args:
        root: the run directory.
        outcomes: the outcomes of any trials.
    """
    members_by_key: dict[object, list[tuple[Outcome, str, str, tuple[str, ...]]]] = {}
    for outcome in outcomes:
        if outcome.is_met:
            continue
        log, tail = end_of_log(root, outcome)
        reason = _reason(outcome, tail)
        fields = tuple(unmet.place for unmet in outcome.unmet)
        key = (fields, outcome.exit_code, without_numbers(reason))
        members_by_key.setdefault(key, []).append((outcome, reason, log, tail))
    groups = [
        FailureGroup(members[0][1], tuple(member[0] for member in members), *members[0][2:])
        for members in members_by_key.values()
    ]
    return sorted(groups, key=lambda group: -len(group.outcomes))


def without_numbers(text: str) -> str:
    """A text with ``#`` in place of numbers, addresses and hashes, in which similar texts are equal."""
    return _VARYING.sub("#", text)


def end_of_log(root: Path, outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    """The log that most likely explains a failure, and its last lines; an empty name if no log has any text."""
    logs = log_files(root, outcome)
    for name in most_informative(logs):
        lines = last_lines(logs[name], _TAIL)
        if any(map(str.strip, lines)):
            return name, tuple(map(printable, lines))
    return "", ()


def _reason(outcome: Outcome, tail: tuple[str, ...]) -> str:
    """The last log line of a job with an unexpected end; for other failures, the unmet expectations."""
    is_job = any(unmet.place in ("expect.state", "expect.exit_code") for unmet in outcome.unmet)
    last_line = next((line.strip() for line in reversed(tail) if line.strip()), "") if is_job else ""
    text = last_line or "; ".join(map(str, outcome.unmet))
    return printable(text)[:_LONGEST_REASON]
