"""The section ``sweep.search``: invalid searches, and what is known before a search runs."""

from typing import Any

import pytest

from harness.errors import ScenarioError
from harness.scenario.consistency import watched_metric
from harness.scenario.load import load_scenario
from harness.scenario.names import search_trial_id
from tests.scenario.conftest import Change

SPACE = "space: {epochs: {low: 1, high: 9}}, trials: 5"


@pytest.fixture
def load_search(changed: Change) -> Any:
    """Return a function that loads the quickstart with a search of epochs."""

    def load(more: str = "", goal: str = "{minimize: test_error}", *texts: str) -> Any:
        return load_scenario(changed("sweep: {}", f"sweep: {{search: {{{SPACE}{more}}}, goal: {goal}}}", *texts))

    return load


def test_no_trial_of_a_search_is_known_before_and_both_ends_of_its_ranges_are_tried(load_search: Any) -> None:
    scenario = load_search()
    assert (len(scenario.trials), list(scenario.trials.ids())) == (0, [])
    assert [trial.parameters["epochs"] for trial in scenario.trials.sample()] == [1, 9]
    assert scenario.trial({"epochs": 4}, "trial=7,epochs=4").job.args.endswith("--epochs 4")


def test_a_trial_is_called_by_its_number_and_six_digits_of_its_values() -> None:
    assert search_trial_id(7, {"rate": 0.0012345678, "kind": "a b"}) == "trial=7,rate=0.00123457,kind=a%20b"


@pytest.mark.parametrize(
    ("more", "goal", "mistake"),
    [
        ("", "null", "sweep.goal: a search needs a goal"),
        (", sampler: tbe", "{minimize: loss}", "search.sampler.name: there is no sampler 'tbe'; use one of grid"),
        (", pruner: hyperbend", "{minimize: loss}", "search.pruner.name: there is no pruner 'hyperbend'"),
        (", sampler: 'os.path:'", "{minimize: loss}", "there is no sampler 'os.path:'"),
        (", pruner: median", "{minimize: [loss, test_error]}", "search.pruner: trials are pruned by one metric"),
        (", metric: los", "{minimize: loss}", "metrics defines no 'los' with step: true; those with step: true are"),
        (", constraints: {memory: {max: 1}}", "{minimize: loss}", "metrics defines no 'memory'"),
        (", constraints: {loss: {}}", "{minimize: loss}", "give min, max or both"),
        (", sampler: {name: grid, options: {a: 1}}", "{minimize: loss}", "sampler grid has no options"),
        (", trials: 0", "{minimize: loss}", "is given twice"),
    ],
)  # fmt: skip
def test_what_is_no_search_is_refused(load_search: Any, more: str, goal: str, mistake: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_search(more, goal)
    assert mistake in str(caught.value)


def test_a_pruner_looks_at_the_only_metric_that_has_steps(load_search: Any) -> None:
    assert watched_metric(load_search(", pruner: median")) == "loss"
    with pytest.raises(ScenarioError, match="a pruner needs a metric that is read while a job runs: add step: true"):
        load_search(", pruner: median", "{minimize: loss}", ", step: true", "")


def test_a_search_does_not_sweep_clusters(load_search: Any) -> None:
    with pytest.raises(ScenarioError, match=r"cluster\.nodes: \{epochs\} is swept; a search runs on one cluster"):
        load_search("", "{minimize: loss}", "nodes: 1}", "nodes: '{epochs}'}")


def test_a_name_of_a_search_is_not_fixed(changed: Change) -> None:
    path = changed("sweep: {}", f"sweep: {{search: {{{SPACE}}}, goal: {{minimize: loss}}}}")
    with pytest.raises(
        ScenarioError, match="--set epochs: a search varies it; run one point with --trial epochs=VALUE"
    ):
        load_scenario(path, {"epochs": "3"})
