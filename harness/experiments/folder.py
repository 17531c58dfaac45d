"""The directory of a run: the one place that knows the names of its files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.clouds import new_run
from harness.errors import UserError
from harness.experiments.outcomes import Outcome, OutcomeFile
from harness.scenario.model import Scenario, Trial


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """Where the files of one trial go; ``name`` is relative to the run's directory."""

    root: Path
    name: str

    @property
    def path(self) -> Path:
        """The directory itself."""
        return self.root / self.name


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's directory: ``outcomes.jsonl``, ``run.json`` and a folder for each trial.

    Attributes:
        run: identity of the run, the same when it is resumed.
        is_shared: several scenarios write into it, each into a folder of its own.
    """

    path: Path
    run: str
    is_shared: bool = False

    @property
    def outcomes(self) -> OutcomeFile:
        """One record for each trial that has ended."""
        return OutcomeFile(self.path / "outcomes.jsonl")

    def trial(self, scenario: Scenario, trial: Trial) -> TrialFolder:
        """The folder of a trial's files."""
        return TrialFolder(self.path, f"{scenario.scenario}/{trial.id}" if self.is_shared else trial.id)

    def done(self, scenario: Scenario) -> dict[str, Outcome]:
        """The latest outcome of every trial that has one, with the parameters that the scenario has now.

        Raises:
            UserError: the outcomes cannot be read.
        """
        wanted = {trial.id: dict(trial.parameters) for trial in scenario.trials}
        found = [outcome for outcome in self.outcomes.read() if outcome.scenario == scenario.scenario]
        return {outcome.trial: outcome for outcome in found if wanted.get(outcome.trial) == dict(outcome.parameters)}


def open_folder(
    out: Path | None, *, runs: Path, resume: bool, scenarios: Sequence[Scenario], now: datetime
) -> RunFolder:
    """The directory of a run, new or resumed.

    Args:
        out: the one that the user names; default a new one below ``runs``, called for the time and the scenario.
        runs: the setting ``runs_dir``.
        resume: go on with what is in ``out``.
        scenarios: what is run.
        now: the time.

    Raises:
        UserError: ``out`` holds a run already and is not to be resumed, or cannot be written.
    """
    is_shared = len(scenarios) > 1
    try:
        if out is None:
            name = "-".join(scenario.scenario for scenario in scenarios)[:80]
            path = _new_directory(runs, f"{now:%Y%m%d-%H%M%S}-{name}")
        else:
            path = out
            path.mkdir(parents=True, exist_ok=True)
        about = path / "run.json"
        if about.exists():
            if not resume:
                raise UserError(
                    f"{path} holds the run of {_told(about, 'started')}; go on with --resume, or name another"
                )
            return RunFolder(path, _told(about, "run"), is_shared)
        run = new_run()
        facts = {
            "run": run,
            "started": now.isoformat(timespec="seconds"),
            "scenarios": [str(s.path) for s in scenarios],
        }
        about.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"the run directory {error.filename} cannot be written: {error.strerror}") from error
    return RunFolder(path, run, is_shared)


def _new_directory(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def _told(about: Path, what: str) -> str:
    try:
        facts: Any = json.loads(about.read_text(encoding="utf-8"))
        return str(facts[what])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{about} is no description of a run; name another directory with --out") from None
