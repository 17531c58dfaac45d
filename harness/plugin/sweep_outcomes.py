"""The outcomes of a session's trials, kept for the tests of what is expected of a sweep as a whole."""

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


class KeptOutcomes:
    """Outcomes by scenario and trial; workers of pytest-xdist find those of one another.

    Args:
        directory: that the workers share; None where there is one process.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._kept: dict[tuple[Path, str], Outcome] = {}
        self.searches: dict[Path, list[Outcome]] = {}  # whole ones, by the file of the scenario

    def keep(self, scenario: "Scenario", outcome: "Outcome") -> None:
        """Keep what came out of a trial, where the scenario expects something of all."""
        if not experiments.sweep_checks(scenario):
            return
        self._kept[scenario.path, outcome.trial] = outcome
        if self._directory is not None:
            self._directory.mkdir(parents=True, exist_ok=True)
            content = json.dumps(experiments.encoded(outcome))
            write_file(self._file(self._directory, scenario, outcome.trial), content.encode(errors="backslashreplace"))

    def find(self, scenario: "Scenario", trial: str) -> "Outcome | None":
        """The outcome of a trial that some worker has run to its end."""
        kept = self._kept.get((scenario.path, trial))
        if kept is None and self._directory is not None:
            found = experiments.OutcomeFile(self._file(self._directory, scenario, trial)).read()
            kept = found[0] if found else None
        return kept

    @staticmethod
    def _file(directory: Path, scenario: "Scenario", trial: str) -> Path:
        name = f"{scenario.path.absolute()}\0{trial}".encode(errors="surrogateescape")
        return directory / f"{hashlib.sha256(name).hexdigest()}.json"


@pytest.fixture(scope="session")
def harness_kept_outcomes(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> KeptOutcomes:
    """What the trials of this session have come to."""
    shared = shared_directory(pytestconfig, tmp_path_factory)
    return KeptOutcomes(shared.with_name("harness-outcomes") if shared else None)
