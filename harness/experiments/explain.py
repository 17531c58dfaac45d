"""From an outcome that is not as expected to what is shown of it."""

from pathlib import Path

from harness.experiments.outcomes import Outcome
from harness.scenario.failure import Broken, FailureView
from harness.scenario.model import Scenario

_LOGS = ("stderr.txt", "stderr-job_prep.txt", "stdout.txt")  # in the order in which they tell why


def failure_view(outcome: Outcome, scenario: Scenario, root: Path) -> FailureView:
    """What to show.

    Args:
        outcome: of a trial.
        scenario: that it belongs to.
        root: the run's directory.
    """
    folder = root / outcome.directory
    texts = {name: _text(folder / name) for name in _LOGS}
    log = next((name for name, text in texts.items() if text.strip()), "")
    return FailureView(
        scenario=scenario.path,
        trial=outcome.trial,
        parameters=outcome.parameters,
        state=outcome.state,
        exit_code=outcome.exit_code,
        broken=tuple(Broken(one.line, one.place, one.observed, one.expected) for one in outcome.unmet),
        log=log,
        text=texts.get(log, ""),
        folder=folder if folder.is_dir() else None,
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
