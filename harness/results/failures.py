"""Trials that were not as expected, those that are alike together."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.experiments.job_logs import most_telling
from harness.experiments.log_lines import last_lines
from harness.experiments.outcomes import Outcome
from harness.printable import printable
from harness.results.run_record import log_files

_TAIL = 20  # lines
_LONGEST_REASON = 200  # characters
_VARYING = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8,}|[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Trials that failed alike.

    Attributes:
        reason: what the first of them says, on one line.
        outcomes: of the trials, in the order in which they ended.
        log: name of the first one's log; empty where there is none.
        tail: its last lines, control characters displayed.
    """

    reason: str
    outcomes: tuple[Outcome, ...]
    log: str
    tail: tuple[str, ...]


def group_failures(root: Path, outcomes: Iterable[Outcome]) -> list[FailureGroup]:
    """The trials that were not as expected, the largest group first.

    Two are alike when the same expectations were not met, and their logs end with the same line but for numbers.

    Args:
        root: the run directory.
        outcomes: of any trials.
    """
    groups: dict[object, list[tuple[Outcome, str, str, tuple[str, ...]]]] = {}
    for outcome in outcomes:
        if outcome.is_met:
            continue
        log, tail = end_of_log(root, outcome)
        reason = _reason(outcome, tail)
        places = tuple(unmet.place for unmet in outcome.unmet)
        key = (places, outcome.exit_code, without_numbers(reason))
        groups.setdefault(key, []).append((outcome, reason, log, tail))
    made = [
        FailureGroup(members[0][1], tuple(member[0] for member in members), *members[0][2:])
        for members in groups.values()
    ]
    return sorted(made, key=lambda group: -len(group.outcomes))


def without_numbers(text: str) -> str:
    """What texts that are alike have in common: numbers, addresses and hashes are left out."""
    return _VARYING.sub("#", text)


def end_of_log(root: Path, outcome: Outcome) -> tuple[str, tuple[str, ...]]:
    """The log that most likely says why a trial failed, and its last lines; no name where none says anything."""
    logs = log_files(root, outcome)
    for name in most_telling(logs):
        lines = last_lines(logs[name], _TAIL)
        if any(map(str.strip, lines)):
            return name, tuple(map(printable, lines))
    return "", ()


def _reason(outcome: Outcome, tail: tuple[str, ...]) -> str:
    """The last line of a job that ended otherwise than expected; of one that did not, what is unmet."""
    is_job = any(unmet.place in ("expect.state", "expect.exit_code") for unmet in outcome.unmet)
    said = next((line.strip() for line in reversed(tail) if line.strip()), "") if is_job else ""
    text = said or "; ".join(map(str, outcome.unmet))
    return printable(text)[:_LONGEST_REASON]
