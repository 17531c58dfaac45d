"""Scenario files as tests, and the trials of a scenario as the parameters of a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.plugin.options import SCENARIO_OPTIONS, is_worker

if TYPE_CHECKING:
    from harness.scenario.model import Scenario

MARK = "scenario"
SCENARIO, TRIAL = "harness_scenario", "harness_trial"  # fixtures that are parametrized
DIRECTORY = "scenarios"
_DEFAULT = Path(DIRECTORY) / "mnist_quickstart.yaml"
_SUFFIXES = (".yaml", ".yml")


class ScenarioShelf:
    """Every scenario of a session, read once."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._read: dict[Path, Scenario] = {}

    def load(self, path: Path) -> "Scenario":
        """The scenario of a file, with those of the ``--set`` values that it has parameters for.

        Raises:
            ScenarioError: the file is wrong.
        """
        from harness.scenario.load import load_scenario  # noqa: PLC0415 - start-up stays cheap
        from harness.scenario.overrides import with_values  # noqa: PLC0415

        if path not in self._read:
            self._read[path] = with_values(load_scenario(path), self._values)
        return self._read[path]

    def unknown(self) -> list[str]:
        """Names of ``--set`` that no scenario read so far has."""
        known = {name for scenario in self._read.values() for name in scenario.parameters}
        return [name for name in self._values if name not in known] if self._read else []


SHELF = pytest.StashKey[ScenarioShelf]()


def shelf(config: pytest.Config) -> ScenarioShelf:
    """The session's scenarios."""
    return config.stash.setdefault(SHELF, ScenarioShelf(config.stash[SCENARIO_OPTIONS].values))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the YAML files of directories called ``scenarios``, and those that are named on the command line."""
    if file_path.suffix not in _SUFFIXES:
        return None
    if file_path.parent.name != DIRECTORY and not parent.session.isinitpath(file_path):
        return None
    from harness.scenario.collect import ScenarioFile  # noqa: PLC0415 - start-up stays cheap

    scenario_file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    scenario_file.load = shelf(parent.config).load
    return scenario_file


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test that uses a scenario's fixtures that scenario, and each of its trials in turn."""
    if SCENARIO not in metafunc.fixturenames:
        return
    from harness.scenario.collect import ScenarioFile  # noqa: PLC0415 - start-up stays cheap

    path = _named(metafunc.definition)
    hidden: list[object] = [pytest.HIDDEN_PARAM]
    metafunc.parametrize(SCENARIO, [str(path)], ids=hidden, indirect=True, scope="session")
    if TRIAL in metafunc.fixturenames:
        ids = list(shelf(metafunc.config).load(path).trials.ids())
        is_plain = len(ids) == 1 and metafunc.definition.getparent(ScenarioFile) is None
        metafunc.parametrize(TRIAL, ids, ids=hidden if is_plain else ids, indirect=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a ``--set`` that no scenario has a parameter for."""
    config = session.config
    unknown = config.stash[SHELF].unknown() if SHELF in config.stash and not is_worker(config) else []
    if unknown:
        raise pytest.UsageError(f"--set {unknown[0]}: none of the scenarios that were collected has such a parameter")


def _named(node: pytest.Item) -> Path:
    """The scenario file that the mark of a test names, or the default one."""
    mark = node.get_closest_marker(MARK)
    if mark is None:
        return node.config.rootpath / _DEFAULT
    if len(mark.args) != 1:
        raise pytest.UsageError(f'{node.nodeid}: write @pytest.mark.scenario("scenarios/NAME.yaml")')
    return node.config.rootpath / Path(mark.args[0])
