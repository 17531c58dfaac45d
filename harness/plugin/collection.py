"""Scenario files as tests, and the trials of a scenario as the parameters of a test."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import experiments
from harness import scenario as scenarios
from harness.errors import ScenarioError
from harness.plugin.keywords import keyword_of
from harness.plugin.options import SCENARIO_OPTIONS, is_worker
from harness.plugin.scenario_items import ScenarioFile
from harness.suggestions import suggestion

if TYPE_CHECKING:
    from harness.scenario.model import Scenario
    from harness.scenario.trials import Trials

MARK = "scenario"
SEARCH = "search"  # id of the item of a search
# Names of fixtures that are parametrized.
SWEEP_CHECK = "harness_sweep_check"  # parametrized with the expectations on the sweep
SCENARIO, CLUSTER, TRIAL = "harness_scenario", "harness_cluster", "harness_trial"
DIRECTORY = "scenarios"
_DEFAULT = Path(DIRECTORY) / "mnist_quickstart.yaml"
_SUFFIXES = (".yaml", ".yml")
_MAX_TRIALS = 10_000  # of one scenario: a pytest item takes 2 kB, and every worker gets the list of items


class ScenarioCache:
    """The scenarios of a session; each file is read once.

    Attributes:
        has_clash: whether two files have a scenario of the same name.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._scenarios: dict[Path, Scenario] = {}
        self.has_clash = False

    def load(self, path: Path) -> "Scenario":
        """The scenario of a file, with the ``--set`` values of its parameters.

        Raises:
            ScenarioError: the file is wrong, or another file of the session has a scenario of that name.
        """
        key = path.parent.resolve() / path.name
        if key not in self._scenarios:
            scenario = scenarios.with_values(scenarios.load_scenario(path), self._values)
            for other in self._scenarios.values():
                if other.scenario == scenario.scenario:
                    self.has_clash = True
                    raise ScenarioError(scenarios.same_name_message(scenario.scenario, other.path, path))
            self._scenarios[key] = scenario
        return self._scenarios[key]

    def unknown_name(self) -> str | None:
        """A message about a name of ``--set`` that is a parameter of no scenario; None if there is none."""
        parameters = [name for scenario in self._scenarios.values() for name in scenario.parameters]
        name = next((name for name in self._values if name not in parameters), None)
        if name is None or not self._scenarios:
            return None
        hint = suggestion(name, parameters)
        message = f"--set {name}: none of the scenarios that were collected has such a parameter"
        return f"{message}; {hint}" if hint else message


SCENARIO_CACHE = pytest.StashKey[ScenarioCache]()


def scenario_cache(config: pytest.Config) -> ScenarioCache:
    """The scenarios of the session."""
    return config.stash.setdefault(SCENARIO_CACHE, ScenarioCache(config.stash[SCENARIO_OPTIONS].values))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect scenarios: files in directories called ``scenarios`` that have the key ``scenario``.

    A YAML file that is named on the command line is always collected.
    """
    if file_path.suffix not in _SUFFIXES:
        return None
    is_named = parent.session.isinitpath(file_path)
    if file_path.parent.name != DIRECTORY and not is_named:
        return None
    if not (is_named or scenarios.is_scenario_file(file_path)):
        return None
    scenario_file: ScenarioFile = ScenarioFile.from_parent(parent, path=file_path)
    scenario_file.load = scenario_cache(parent.config).load
    return scenario_file


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test that uses a scenario's fixtures with the scenario and each of its trials."""
    if SCENARIO not in metafunc.fixturenames:
        return
    if SWEEP_CHECK in metafunc.fixturenames:
        _parametrize_checks(metafunc)
        return
    path = _scenario_path(metafunc.definition)
    try:
        trials = scenario_cache(metafunc.config).load(path).trials
    except ScenarioError as error:
        raise pytest.Collector.CollectError(str(error)) from None
    if len(trials) > _MAX_TRIALS:
        raise pytest.Collector.CollectError(
            f"{path}: has {len(trials)} trials, pytest takes at most {_MAX_TRIALS} of a scenario; fix swept names with "
            f"--set NAME=VALUE, or run it in portions: harness run {path} --limit N"
        )
    hidden: list[object] = [pytest.HIDDEN_PARAM]
    metafunc.parametrize(SCENARIO, [str(path)], ids=hidden, indirect=True, scope="session")
    if TRIAL in metafunc.fixturenames:
        is_search = scenario_cache(metafunc.config).load(path).sweep.search is not None
        # A search is one item: each trial depends on the earlier ones, so none can run or fail separately.
        ids = [SEARCH] if is_search else list(trials.ids())
        is_plain = len(ids) == 1 and metafunc.definition.getparent(ScenarioFile) is None
        clusters = _clusters(trials) if not is_search and CLUSTER in metafunc.fixturenames else {}
        if len(set(clusters.values())) > 1:
            ids.sort(
                key=lambda name: list(clusters.values()).index(clusters[name])
            )  # so that clusters are used one after another
            metafunc.parametrize((CLUSTER, TRIAL), [(clusters[name], name) for name in ids], ids=ids, indirect=True)
        else:
            metafunc.parametrize(TRIAL, ids, ids=hidden if is_plain else ids, indirect=True)


def _parametrize_checks(metafunc: pytest.Metafunc) -> None:
    """Parametrize a test with each expectation on the sweep."""
    path = _scenario_path(metafunc.definition)
    names = [check.name for check in experiments.sweep_checks(scenario_cache(metafunc.config).load(path))]
    metafunc.parametrize(SCENARIO, [str(path)], ids=[pytest.HIDDEN_PARAM], indirect=True, scope="session")
    metafunc.parametrize(SWEEP_CHECK, names, ids=names, indirect=True)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a ``--set`` that no scenario has a parameter for."""
    config = session.config
    if SCENARIO_CACHE not in config.stash or is_worker(config):
        return
    message = config.stash[SCENARIO_CACHE].unknown_name()
    if message:
        raise pytest.UsageError(message)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let -k find the item of a trial by its printed id, with or without the file."""
    if "[" in item.name:
        item.extra_keyword_matches.add(keyword_of(item.nodeid))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run nothing if two scenarios have the same name; pytest-xdist would run tests despite the collection error."""
    if SCENARIO_CACHE in config.stash and config.stash[SCENARIO_CACHE].has_clash:
        items.clear()


def _clusters(trials: "Trials") -> dict[str, str]:
    """For each trial, the first trial on the same cluster; empty if all trials share one cluster."""
    if len({trial.cluster.name for trial in trials.sample()}) == 1:
        return {}
    first_trials: dict[str, str] = {}
    return {trial.id: first_trials.setdefault(trial.cluster.name, trial.id) for trial in trials}


def _scenario_path(node: pytest.Item) -> Path:
    """The scenario file that the mark of a test names, or the default one."""
    mark = node.get_closest_marker(MARK)
    if mark is None:
        return node.config.rootpath / _DEFAULT
    if len(mark.args) != 1:
        raise pytest.UsageError(f'{node.nodeid}: write @pytest.mark.scenario("scenarios/NAME.yaml")')
    return node.config.rootpath / Path(mark.args[0])
