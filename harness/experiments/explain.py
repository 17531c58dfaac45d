"""From an outcome that is not as expected to what is shown of it."""

from pathlib import Path

from harness.experiments.job_logs import most_telling
from harness.experiments.log_lines import last_lines
from harness.experiments.outcomes import Outcome
from harness.scenario.failure import Broken, FailureView
from harness.scenario.model import Scenario
from harness.services.service import STDOUTERR

_TAIL = 20  # lines


def failure_view(outcome: Outcome, scenario: Scenario, root: Path) -> FailureView:
    """What to show.

    Args:
        outcome: of a trial.
        scenario: that it belongs to.
        root: the run's directory.
    """
    directory = root / outcome.directory
    tails = ((name, last_lines(directory / name, _TAIL)) for name in most_telling(outcome.files.get(STDOUTERR, ())))
    log, lines = next(((name, lines) for name, lines in tails if any(map(str.strip, lines))), ("", []))
    return FailureView(
        scenario=scenario.path,
        trial=outcome.trial,
        parameters=outcome.parameters,
        state=outcome.state,
        exit_code=outcome.exit_code,
        broken=tuple(Broken(one.line, one.place, one.observed, one.expected) for one in outcome.unmet),
        reported=outcome.errors,
        log=log,
        tail=tuple(lines),
        directory=directory if directory.is_dir() else None,
    )
