"""The section ``azureml`` of a scenario."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from harness.errors import ScenarioError
from harness.experiments.run_policy import plan_of
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from tests.fakes import write_scenario

Load = Callable[[str], Scenario]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads a scenario with a section ``azureml``, in flow style, on line 7."""

    def load_it(section: str) -> Scenario:
        return load_scenario(write_scenario(tmp_path, resource_group=f"resource_group: g\nazureml: {section}"))

    return load_it


def test_everything_is_optional(load: Load, tmp_path: Path) -> None:
    options = load_scenario(write_scenario(tmp_path)).azureml
    assert (options.environment, options.identity, options.serverless) == (None, None, False)
    assert load("{idle_time: PT10M}").azureml.idle_time == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ("{tier: spot}", r"azureml\.tier: only serverless jobs have a tier; add serverless: true"),
        ("{environment: {}}", r"azureml\.environment: give image, conda or both"),
        ("{identity: mine}", r"azureml\.identity"),
        ("{idle_time: PT0S}", r"azureml\.idle_time"),
        ("{idel_time: PT5M}", r"azureml\.idel_time.*idle_time"),
    ],
)
def test_a_mistake_is_named_with_its_line(load: Load, section: str, problem: str) -> None:
    with pytest.raises(ScenarioError, match=rf"short\.yaml:3: {problem}"):
        load(section)


def test_its_image_is_for_this_service_alone(load: Load) -> None:
    scenario = load("{environment: {image: 'mcr.microsoft.com/mine:1'}}")
    assert scenario.image_of("azureml") == "mcr.microsoft.com/mine:1"
    assert scenario.image_of("batchai") is None


def test_a_conda_file_is_read_from_the_folder_of_the_scenario(load: Load, tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies: [python=3.11]\n")
    assert plan_of(load("{environment: {conda: env.yml}}")).conda == "dependencies: [python=3.11]\n"
    assert plan_of(load("{serverless: true}")).conda is None


@pytest.mark.parametrize(
    ("name", "problem"), [("no.yml", "there is no file"), ("../secret", "outside of the scenario")]
)
def test_a_conda_file_that_cannot_be_read_is_named_with_its_line(
    load: Load, tmp_path: Path, name: str, problem: str
) -> None:
    (tmp_path.parent / "secret").write_text("x")
    with pytest.raises(ScenarioError, match=rf"short\.yaml:3: azureml\.environment\.conda: .*{problem}"):
        plan_of(load(f"{{environment: {{conda: {name}}}}}"))
