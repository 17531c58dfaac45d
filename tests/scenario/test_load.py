from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from harness.scenario.template import fill

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"


def changed(directory: Path, old: str, new: str) -> Path:
    text = QUICKSTART.read_text()
    assert old in text
    path = directory / "changed.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_without_a_sweep_there_is_one_trial() -> None:
    (trial,) = load_scenario(QUICKSTART).trials
    assert trial.id == "default"
    assert trial.job.args.endswith("--epochs 5")


def test_set_replaces_a_parameter_with_its_yaml_value() -> None:
    (trial,) = load_scenario(QUICKSTART, {"epochs": "0"}).trials
    assert trial.parameters == {"epochs": 0}


def test_set_refuses_an_unknown_name_and_lists_the_known() -> None:
    with pytest.raises(ScenarioError, match="epoch: no such parameter; one of: epochs"):
        load_scenario(QUICKSTART, {"epoch": "1"})


def test_an_unknown_key_is_told_with_its_line_and_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"changed.yaml:15: job.tolkit: .*did you mean 'toolkit'"):
        load_scenario(changed(tmp_path, "  toolkit:", "  tolkit:"))


def test_an_unknown_parameter_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"changed.yaml:19: job.args: there is no parameter 'epoch'"):
        load_scenario(changed(tmp_path, "{epochs}", "{epoch}"))


def test_a_grid_makes_every_combination_in_file_order(tmp_path: Path) -> None:
    path = changed(tmp_path, "sweep: {}", "sweep: {grid: {epochs: [1, 2], seed: [3, 4]}}")
    ids = [trial.id for trial in load_scenario(path).trials]
    assert ids == ["epochs=1,seed=3", "epochs=1,seed=4", "epochs=2,seed=3", "epochs=2,seed=4"]


def test_setting_a_swept_name_fixes_it(tmp_path: Path) -> None:
    path = changed(tmp_path, "sweep: {}", "sweep: {grid: {epochs: [1, 2], seed: [3, 4]}}")
    assert [t.id for t in load_scenario(path, {"epochs": "7"}).trials] == ["epochs=7,seed=3", "epochs=7,seed=4"]


@given(st.text())
def test_doubled_braces_stand_for_themselves(text: str) -> None:
    assert fill(text.replace("{", "{{").replace("}", "}}"), {}) == text


def test_set_refuses_what_is_not_one_value() -> None:
    with pytest.raises(ScenarioError, match="one number, word or boolean"):
        load_scenario(QUICKSTART, {"epochs": "[1, 2]"})


def test_a_metric_without_a_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="needs a group"):
        load_scenario(changed(tmp_path, "loss = ([0-9.]+)", "loss"))


def test_a_scenario_remembers_its_file_and_lines() -> None:
    scenario = load_scenario(QUICKSTART)
    line = scenario.line("expect", "metrics", "test_error", "max")
    assert scenario.path == QUICKSTART
    assert "test_error: {max: 0.05}" in QUICKSTART.read_text().splitlines()[line - 1]


def test_a_key_that_stands_twice_is_told_with_both_lines(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"changed.yaml:4: location: stands twice; first in line 3"):
        load_scenario(changed(tmp_path, "location: eastus", "location: eastus\nlocation: westus"))


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "nodes: 1}", "nodes: x}")
    path.write_text(path.read_text().replace("PT2H", "2 hours"))
    with pytest.raises(ScenarioError, match=r"(?s):12: cluster.nodes: .*found 'x'.*:33: limits.running: .*'2 hours'"):
        load_scenario(path)


def test_one_wrong_upload_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(changed(tmp_path, "- dataset: mnist-ctf", "- dataset: mnist"))
    assert str(caught.value).endswith("share.upload.0.dataset: Input should be 'mnist-ctf'; found 'mnist'")


def test_two_trials_of_one_name_are_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, "sweep: {}", "sweep: {grid: {epochs: [1, '1']}}")
    with pytest.raises(ScenarioError, match=r"changed.yaml:24: sweep: two trials would both be called 'epochs=1'"):
        load_scenario(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  nodes: 1\n", "  nodes: 2\n", "the job needs 2 nodes, the cluster has 1"),
        ("{max: 0.05}", "{max: 0.05, min: 1}", "min 1.0 is greater than max 0.05"),
        ("test_error: {max", "test_eror: {max", "expect bounds 'test_eror'; metrics has: loss, test_error"),
        ("{MODEL: ['*.dnn']}", "{MODELS: ['*.dnn']}", "expect names files of 'MODELS'; outputs: MODEL"),
        ("name: mycluster", "name: my.cluster", r"cluster.name: .*my\.cluster"),
        ("directory: mnistcntksample", "directory: ../up", "leaves the share"),
        ("queued: PT30M", "queued: PT0S", "limits.queued"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ScenarioError, match=told):
        load_scenario(changed(tmp_path, old, new))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[" * 100_000, "nested deeper"),
        ("a: &a [*a]", "an alias that holds itself"),
        ("a: 2020-13-45", "month must be in"),
        ("- a", "a scenario is a mapping"),
        ("a: !!python/object:os.system x", ":1: this is not YAML"),
        ("a: [", "this is not YAML"),
        ("a: \x00", "cannot be read"),
    ],
)
def test_a_hostile_file_is_a_clear_error(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=f"hostile.yaml.*{told}"):
        load_scenario(path)


def test_a_parameter_alone_may_fill_a_text(tmp_path: Path) -> None:
    path = changed(
        tmp_path, "args: $AZ_BATCHAI_INPUT_SAMPLE $AZ_BATCHAI_OUTPUT_MODEL --epochs {epochs}", "args: '{epochs}'"
    )
    assert load_scenario(path).job.args == "5"
