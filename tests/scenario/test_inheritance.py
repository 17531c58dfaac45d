"""A scenario that extends another one."""

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from harness.errors import ScenarioError
from harness.scenario.document import read_document
from harness.scenario.inheritance import merge_bases
from harness.scenario.load import load_scenario
from harness.scenario.schema import scenario_schema
from tests.scenario.conftest import Change

Write = Callable[..., Path]


@pytest.fixture
def derived(changed: Change, tmp_path: Path) -> Write:
    """Return a function that writes a scenario that extends the quickstart."""
    changed()

    def write(text: str, folder: str = ".") -> Path:
        path = tmp_path / folder / "derived.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_a_base_provides_the_values_that_a_scenario_does_not_have(derived: Write) -> None:
    path = derived("scenario: mine\nbase: changed.yaml\ncluster: {nodes: 3}\nparameters: {epochs: 2}\n")
    scenario = load_scenario(path)
    assert (scenario.scenario, scenario.path) == ("mine", path)
    assert (scenario.cluster.name, scenario.cluster.nodes) == ("mycluster", 3)
    assert scenario.job.args.endswith("--epochs 2")
    assert list(Draft202012Validator(scenario_schema()).iter_errors(read_document(path).data)) == []


def test_a_sweep_is_replaced_as_a_whole(derived: Write, tmp_path: Path) -> None:
    derived("scenario: first\nbase: changed.yaml\nsweep: {grid: {epochs: [1, 2]}}\n").rename(tmp_path / "first.yaml")
    path = derived("scenario: second\nbase: first.yaml\nsweep: {list: [{epochs: 7}]}\n")
    assert list(load_scenario(path).trials.ids()) == ["epochs=7"]


def test_a_mistake_names_the_file_that_it_is_in(derived: Write, tmp_path: Path) -> None:
    path = derived("scenario: mine\nbase: changed.yaml\nparameters: {epochs: 2}\ncluster: {nodes: 0}\n")
    base = tmp_path / "changed.yaml"
    base.write_text(base.read_text().replace("toolkit: cntk", "toolkit: cntc"))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert f"{path}:4: cluster.nodes" in str(caught.value)
    assert f"{base}:15: job.toolkit" in str(caught.value)
    assert "found 'cntc'" in str(caught.value)


def test_the_line_of_a_value_of_the_base_is_that_of_the_reference(derived: Write) -> None:
    scenario = load_scenario(derived("scenario: mine\nbase: changed.yaml\nlimits: {queued: PT1M}\n"))
    assert scenario.line("expect", "state") == 2
    assert scenario.line("limits", "queued") == 3


def test_files_are_relative_to_the_file_that_names_them(derived: Write) -> None:
    scenario = load_scenario(derived("scenario: mine\nbase: ../changed.yaml\n", "below"))
    assert scenario.share.upload[1].file == "../files/ConvNet_MNIST.py"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("scenario: mine\nbase: nothing.yaml\n", ":2: base: there is no file"),
        ("scenario: mine\nbase: derived.yaml\n", ":2: base: scenarios extend each other in a circle"),
        ("base: changed.yaml\n", ":1: base: a scenario that extends another needs its own name"),
        ("scenario: mine\nbase: [changed.yaml]\n", ":2: base: must be the path of a scenario file"),
        ("scenario: mine\nbase: changed.yaml\njobs: {}\n", ":3: jobs: there is no such field; did you mean 'job'?"),
    ],
)
def test_what_cannot_be_extended_is_refused(derived: Write, text: str, mistake: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(derived(text))
    assert mistake in str(caught.value)


def test_a_large_base_is_merged_in_one_pass(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text("scenario: large\n" + "".join(f"k{number}: 1\n" for number in range(9000)))
    path = tmp_path / "derived.yaml"
    path.write_text("scenario: mine\nbase: large.yaml\nk7: 2\n")
    merged = merge_bases(read_document(path))
    assert (merged.data["k7"], merged.at(("k7",))) == (2, f"{path}:3: k7")
    assert (merged.data["k8999"], merged.at(("k8999",))) == (1, f"{tmp_path / 'large.yaml'}:9001: k8999")
