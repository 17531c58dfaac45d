"""The outcomes of a session's trials, kept for the tests of expectations on a whole sweep."""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import experiments
from harness.atomic_file import write_file
from harness.plugin.session import shared_directory

if TYPE_CHECKING:
    from harness.experiments.outcomes import Outcome
    from harness.scenario.model import Scenario


class SessionOutcomes:
    """Outcomes by scenario and trial, shared by the workers of pytest-xdist.

    Args:
        directory: the directory that the workers share; None if there is one process only.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._outcomes: dict[tuple[Path, str], Outcome] = {}
        self.searches: dict[Path, list[Outcome]] = {}  # outcomes of ended searches, by the file of the scenario

    def keep(self, scenario: "Scenario", outcome: "Outcome") -> None:
        """Keep the outcome of a trial, if its scenario has expectations on the sweep."""
        if not experiments.sweep_checks(scenario):
            return
        self._outcomes[scenario.path, outcome.trial] = outcome
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            content = json.dumps(experiments.encoded(outcome))
            write_file(self._file(self._directory, scenario, outcome.trial), content.encode(errors="backslashreplace"))

    def find(self, scenario: "Scenario", trial: str) -> "Outcome | None":
        """The outcome of a trial that any worker has run; None if none has."""
        outcome = self._outcomes.get((scenario.path, trial))
        if outcome is None and self._directory is not None:
            outcomes = experiments.OutcomeFile(self._file(self._directory, scenario, trial)).read()
            outcome = outcomes[0] if outcomes else None
        return outcome

    @staticmethod
    def _file(directory: Path, scenario: "Scenario", trial: str) -> Path:
        name = f"{scenario.path.absolute()}\0{trial}".encode(errors="surrogateescape")
        return directory / f"{hashlib.sha256(name).hexdigest()}.json"


@pytest.fixture(scope="session")
def harness_session_outcomes(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> SessionOutcomes:
    """The outcomes of this session's trials."""
    shared = shared_directory(pytestconfig, tmp_path_factory)
    return SessionOutcomes(shared.with_name("harness-outcomes") if shared else None)
