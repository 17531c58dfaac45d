"""The trials of a sweep: their number, names and values, and invalid sweeps."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.scenario.load import load_scenario
from harness.scenario.names import trial_id
from harness.scenario.space import Space
from tests.scenario.conftest import Change

ARGUMENTS = "--epochs {epochs}"
SEEDED = f"{ARGUMENTS} --seed {{seed}}"
SWEEP = "sweep: {}"


def ids(path: Path, **values: str) -> list[str]:
    return list(load_scenario(path, values).trials.ids())


def test_a_grid_makes_every_combination_in_file_order(changed: Change) -> None:
    path = changed(SWEEP, "sweep: {grid: {epochs: [1, 2], seed: [3, 4]}}", ARGUMENTS, SEEDED)
    assert ids(path) == ["epochs=1,seed=3", "epochs=1,seed=4", "epochs=2,seed=3", "epochs=2,seed=4"]


def test_zip_makes_rows_and_each_is_combined_with_the_grid(changed: Change) -> None:
    arguments = f"{SEEDED} {{rate}}"
    path = changed(SWEEP, "sweep: {grid: {epochs: [1, 2]}, zip: {seed: [3, 4], rate: [5, 6]}}", ARGUMENTS, arguments)
    assert ids(path) == [
        "epochs=1,seed=3,rate=5", "epochs=1,seed=4,rate=6", "epochs=2,seed=3,rate=5", "epochs=2,seed=4,rate=6",
    ]  # fmt: skip


def test_a_list_gives_the_trials_themselves(changed: Change) -> None:
    path = changed(SWEEP, "sweep: {list: [{epochs: 1, seed: 2}, {seed: 1, epochs: 1}]}", ARGUMENTS, SEEDED)
    assert ids(path) == ["epochs=1,seed=2", "seed=1,epochs=1"]


def test_setting_a_swept_name_fixes_it(changed: Change) -> None:
    path = changed(SWEEP, "sweep: {grid: {epochs: [1, 2], seed: [3, 4]}}", ARGUMENTS, SEEDED)
    assert ids(path, epochs="7") == ["epochs=7,seed=3", "epochs=7,seed=4"]


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("1, '1'", "epochs=1"),
        ("0.001, 1e-3", "epochs=0.001"),
        ("0.001, 1.0e-3", "epochs=0.001"),
        ("1, 1.0", "epochs=1.0"),
        ("true, 'true'", "epochs=true"),
        ("true, TRUE", "epochs=true"),
        (".nan, .NaN", "epochs=nan"),
    ],
)
def test_two_spellings_of_one_value_are_refused_in_the_line_of_the_second(
    changed: Change, values: str, name: str
) -> None:
    first, second = values.split(", ")
    path = changed(SWEEP, f"sweep:\n  grid:\n    epochs:\n      - {first}\n      - {second}")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    message = f":28: sweep.grid.epochs.1: two trials would both be called {name!r}; the first is in line 27"
    assert message in str(caught.value)


@pytest.mark.parametrize("sweep", ["{zip: {epochs: [1, 1], seed: [2, 2.0]}}", "{list: [{epochs: 1}, {epochs: 1.0}]}"])
def test_equal_rows_are_refused_too(changed: Change, sweep: str) -> None:
    path = changed(SWEEP, f"sweep: {sweep}", ARGUMENTS, SEEDED, "epochs: 5", "epochs: 5, seed: 0")
    with pytest.raises(ScenarioError, match="two trials would both be called"):
        load_scenario(path)


def test_texts_that_look_like_equal_numbers_are_different(changed: Change) -> None:
    assert ids(changed(SWEEP, "sweep: {grid: {epochs: ['1', '1.0']}}")) == ["epochs=1", "epochs=1.0"]


def test_an_id_and_a_command_hold_the_same_text_of_a_value(changed: Change) -> None:
    scenario = load_scenario(changed(SWEEP, "sweep: {grid: {epochs: [true, 1e-5, 2.50, 08, TRUE_, 1e3]}}"))
    texts = ["true", "1e-05", "2.5", "8", "TRUE_", "1000.0"]
    assert [trial.id for trial in scenario.trials] == [f"epochs={text}" for text in texts]
    assert [trial.job.args.rpartition(" ")[2] for trial in scenario.trials] == texts


def test_a_swept_name_that_is_used_nowhere_is_refused(changed: Change) -> None:
    path = changed(SWEEP, "sweep:\n  grid:\n    epochs: [1]\n    seed: [3, 4]")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert ":27: sweep.grid.seed: neither job, cluster nor expect uses {seed}, so its values" in str(caught.value)
    assert "environment: {SEED: '{seed}'}" in str(caught.value)


def test_what_the_trials_share_must_not_hold_a_swept_name(changed: Change) -> None:
    path = changed(SWEEP, "sweep: {grid: {epochs: [1, 2]}}", "location: eastus", "location: 'x{epochs}'")
    with pytest.raises(ScenarioError, match=r":3: location: \{epochs\} is swept; only job, cluster and expect may"):
        load_scenario(path)


def test_a_trial_that_cannot_work_is_named(changed: Change) -> None:
    path = changed(SWEEP, "sweep: {grid: {epochs: [1, 3]}}", "  nodes: 1\n", "  nodes: '{epochs}'\n")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert ":17: job.nodes: the job needs 3 nodes, the cluster has 1 (in trial epochs=3)" in str(caught.value)


def test_a_million_trials_are_counted_and_created_on_demand(changed: Change) -> None:
    numbers = f"[{', '.join(map(str, range(1000)))}]"
    path = changed(SWEEP, f"sweep: {{grid: {{epochs: {numbers}, seed: {numbers}}}}}", ARGUMENTS, SEEDED)
    tracemalloc.start()
    trials = load_scenario(path).trials
    assert len(trials) == 1_000_000
    assert trials[999_999].id == "epochs=999,seed=999"
    assert trials.named("epochs=1,seed=7").job.args.endswith("--epochs 1 --seed 7")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 << 20


def test_of_very_many_trials_each_value_is_checked_once(changed: Change) -> None:
    numbers = f"[{', '.join(map(str, range(1, 1000)))}]"
    path = changed(
        SWEEP, f"sweep: {{grid: {{epochs: {numbers}, seed: {numbers}}}}}",
        ARGUMENTS, SEEDED,
        "nodes: 1}", "nodes: 998}",
        "  nodes: 1\n", "  nodes: '{seed}'\n",
    )  # fmt: skip
    with pytest.raises(ScenarioError, match=r"the job needs 999 nodes.*in trial epochs=1,seed=999"):
        load_scenario(path)


AXES = st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True), max_size=4)


@given(AXES)
def test_a_space_has_as_many_points_as_it_counts(axes: list[list[int]]) -> None:
    space = Space(tuple(tuple({f"p{index}": value} for value in values) for index, values in enumerate(axes)))
    assert len(list(space)) == len(space) == len(set(space.ids()))
    assert list(space.ids()) == [trial_id(point) for point in space]
    values = {(name, value) for point in space.covering_points() for name, value in point.items()}
    assert values == {(f"p{index}", value) for index, axis in enumerate(axes) for value in axis}
