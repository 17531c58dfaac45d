"""Values of swept names: ranges, files and draws; conditions, exclusions, and the clusters of trials."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ScenarioError
from harness.scenario.conditions import active_values, existing_points
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario
from harness.scenario.swept_values import RangeSpec
from tests.scenario.conftest import Change

ARGUMENTS = "--epochs {epochs}"
Load = Callable[..., Scenario]
ALL = f"{ARGUMENTS} {{rate}} {{kind}}"


@pytest.fixture
def swept(changed: Change) -> Load:
    """Return a function that loads the quickstart with a sweep of epochs, rate and kind."""

    def load(sweep: str, *texts: str, **values: str) -> Scenario:
        parameters = ("parameters: {epochs: 5}", "parameters: {epochs: 5, rate: 0.5, kind: sgd}")
        return load_scenario(changed("sweep: {}", f"sweep: {sweep}", ARGUMENTS, ALL, *parameters, *texts), values)

    return load


def ids(scenario: Scenario) -> list[str]:
    return list(scenario.trials.ids())


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"low": 1, "high": 4}, (1, 2, 3, 4)),
        ({"low": 1, "high": 8, "step": 3}, (1, 4, 7)),
        ({"low": 0, "high": 0.3, "step": 0.1}, (0.0, 0.1, 0.2, 0.3)),
        ({"low": 0.001, "high": 1, "count": 4, "log": True}, (0.001, 0.01, 0.1, 1.0)),
        ({"low": 16, "high": 256, "count": 5, "log": True}, (16, 32, 64, 128, 256)),
        ({"low": 0, "high": 1, "count": 3, "integer": False}, (0.0, 0.5, 1.0)),
        ({"low": 1, "high": 3, "count": 9}, (1, 2, 3)),
        ({"low": 5, "high": 5}, (5,)),
    ],
)
def test_a_range_lists_its_values(written: dict[str, Any], values: tuple[float, ...]) -> None:
    listed = RangeSpec.model_validate(written).values()
    assert listed == values
    assert list(map(type, listed)) == list(map(type, values))


numbers = st.floats(1e-6, 1e6) | st.integers(1, 10**6)


@given(low=numbers, span=numbers, log=st.booleans(), part=st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_lies_in_the_range(low: float, span: float, log: bool, part: float) -> None:
    drawn = RangeSpec(low=low, high=low + span, log=log)
    value = drawn.value_at(part)
    assert drawn.low <= value <= drawn.high
    assert isinstance(value, int) == drawn.is_integer


@pytest.mark.parametrize(
    ("sweep", "mistake"),
    [
        ("{grid: {epochs: {low: 3, high: 1}}}", "sweep.grid.epochs.low: low 3 is greater than high 1"),
        ("{grid: {rate: {low: 0, high: 1, log: true}}}", "sweep.grid.rate.low: a logarithmic range begins above 0"),
        ("{grid: {rate: {low: 0.1, high: 1}}}", "sweep.grid.rate: real numbers cannot all be listed: give count"),
        ("{grid: {rate: {low: 0, high: 1, step: 1, count: 2}}}", "sweep.grid.rate.count: give step or count, not both"),
        ("{grid: {epochs: {low: 1, high: 1000000}}}", "sweep.grid.epochs: these are more than 100000 values"),
        ("{grid: {epochs: {low: 1}}}", "sweep.grid.epochs.high: is required"),
        ("{grid: {kind: {files: nothing/*.csv}}}", "sweep.grid.kind: no file matches 'nothing/*.csv'"),
        ("{grid: {kind: {files: ../*}}}", "sweep.grid.kind: '../*' leaves the scenario's folder"),
        ("{grid: {kind: {files: '**/a/**/b/**/*'}}}", "has '**' more than 2 times"),
        ("{grid: {kind: {share_files: '*.csv'}}}", "before a run, only files that the scenario uploads are known"),
        ("{random: {samples: 9, space: {kind: [a, b]}}}", "samples: only 2 different points were found, not 9"),
        ("{grid: {kind: [a]}, random: {samples: 1, space: {kind: [b]}}}", "random.space.kind: kind is in grid, too"),
        ("{grid: {kind: [a]}, exclude: [{kind: a}]}", "sweep.exclude: no point of the sweep is left"),
        ("{grid: {kind: [a]}, when: {rate: {kind: a}}}", "rate is not swept, so it cannot have conditions"),
        ("{grid: {rate: [1], kind: [a]}, when: {rate: {kind: a}}}", "rate can depend on names before it"),
        ("{grid: {kind: [a]}, goal: {minimize: los}}", "metrics defines no 'los'; did you mean 'loss'?"),
    ],
)  # fmt: skip
def test_what_is_no_sweep_is_refused_in_its_line(swept: Load, sweep: str, mistake: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        swept(sweep)
    assert mistake in str(caught.value)
    assert ":24: sweep." in str(caught.value)


def test_ranges_take_part_in_grids_and_rows(swept: Load) -> None:
    scenario = swept("{grid: {epochs: {low: 1, high: 2}}, zip: {rate: {low: 1, high: 10, count: 2}, kind: [a, b]}}")
    assert ids(scenario) == [
        "epochs=1,rate=1,kind=a", "epochs=1,rate=10,kind=b", "epochs=2,rate=1,kind=a", "epochs=2,rate=10,kind=b",
    ]  # fmt: skip


@pytest.mark.parametrize("method", ["random", "sobol", "halton"])
def test_a_seed_draws_the_same_points_each_time(swept: Load, method: str) -> None:
    space = "space: {rate: {low: 1.0e-4, high: 0.1, log: true}, kind: [a, b, c], epochs: {low: 1, high: 9}}"
    drawn = [ids(swept(f"{{{method}: {{samples: 20, seed: {seed}, {space}}}}}")) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(set(points)) for points in drawn] == [20, 20, 20]


def test_quasi_random_points_lie_more_evenly_than_random_ones(swept: Load) -> None:
    def fullest(method: str) -> int:
        """Return the largest number of 64 points in one of 16 parts of the range."""
        scenario = swept(f"{{{method}: {{samples: 64, seed: 3, space: {{rate: {{low: 0.0, high: 1.0}}}}}}}}")
        parts = [int(float(trial.parameters["rate"]) * 16) for trial in scenario.trials]
        return max(map(parts.count, range(16)))

    assert fullest("sobol") == 4
    assert fullest("random") > 4


def test_drawn_points_avoid_what_is_excluded_and_there_are_as_many_as_requested(swept: Load) -> None:
    sample = "random: {samples: 10, space: {epochs: {low: 1, high: 40}, kind: [a, b]}}"
    scenario = swept(f"{{{sample}, exclude: [{{epochs: {{low: 21}}}}, {{kind: b, epochs: [1, 2]}}]}}")
    assert len(scenario.trials) == 10
    assert all(trial.parameters["epochs"] <= 20 for trial in scenario.trials)


def test_a_parameter_can_depend_on_another(swept: Load) -> None:
    scenario = swept("{grid: {kind: [sgd, adam], rate: [0.1, 0.2]}, when: {rate: {kind: adam}}}")
    assert ids(scenario) == ["kind=sgd", "kind=adam,rate=0.1", "kind=adam,rate=0.2"]
    assert scenario.trials[0].parameters["rate"] == 0.5
    fixed = swept("{grid: {kind: [sgd, adam], rate: [0.1, 0.2]}, when: {rate: {kind: adam}}}", kind="adam")
    assert ids(fixed) == ["kind=adam,rate=0.1", "kind=adam,rate=0.2"]


def test_a_parameter_that_depends_on_another_needs_a_value_for_the_other_trials(swept: Load) -> None:
    with pytest.raises(ScenarioError, match=r"when\.rate: rate is swept only if this holds; give it a value"):
        swept("{grid: {kind: [a, b], rate: [1]}, when: {rate: {kind: a}}}", ", rate: 0.5", "")


def test_excluded_points_are_left_out(swept: Load) -> None:
    scenario = swept("{grid: {kind: [a, b], epochs: [1, 2, 3]}, exclude: [{kind: a, epochs: {low: 2}}, {epochs: 3.0}]}")
    assert ids(scenario) == ["kind=a,epochs=1", "kind=b,epochs=1", "kind=b,epochs=2"]


values = st.sampled_from(["a", "b", 1, 2.0])
points = st.lists(st.fixed_dictionaries({"one": values, "two": values, "three": values}), max_size=20)


@given(points)
def test_points_that_are_left_are_different_and_meet_their_conditions(drawn: list[dict[str, Any]]) -> None:
    when = {"two": {"one": ["a", 1]}, "three": {"two": "b"}}
    left = list(existing_points(drawn, when, [{"one": "b"}], {}))
    assert len({tuple(point.items()) for point in left}) == len(left)
    assert all(point["one"] != "b" for point in left)
    assert all(active_values(point, when, {}) == point for point in left)


def test_each_local_file_makes_a_trial(swept: Load, tmp_path: Path) -> None:
    (tmp_path / "my data").mkdir()
    for name in ("b.csv", "a.csv", "c.txt"):
        (tmp_path / "my data" / name).touch()
    assert ids(swept("{grid: {kind: {files: 'my data/*.csv'}}}")) == [
        "kind=my%20data%2Fa.csv",
        "kind=my%20data%2Fb.csv",
    ]
    assert len(swept("{grid: {kind: {files: my data}}}").trials) == 3


def test_each_file_that_is_uploaded_makes_a_trial(swept: Load, tmp_path: Path) -> None:
    (tmp_path / "files" / "deep").mkdir(parents=True)
    for name in ("b.csv", "deep/a.csv", "c.txt"):
        (tmp_path / "files" / name).touch()
    scenario = swept("{grid: {kind: {share_files: 'files/*.csv'}}}", "file: files/ConvNet_MNIST.py", "file: files")
    assert [trial.parameters["kind"] for trial in scenario.trials] == ["files/b.csv", "files/deep/a.csv"]


def test_a_huge_directory_is_not_walked_through(swept: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.scenario.swept_files.MOST_ENTRIES", 2)
    (tmp_path / "files").mkdir(exist_ok=True)
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / "files" / name).touch()
    with pytest.raises(ScenarioError, match="files has more than 2 files and directories; upload a smaller one"):
        swept("{grid: {kind: {share_files: '*.csv'}}}", "file: files/ConvNet_MNIST.py", "file: files")


def test_trials_with_other_nodes_or_sizes_have_clusters_of_their_own(changed: Change) -> None:
    path = changed(
        "sweep: {}", "sweep: {grid: {size: [STANDARD_NC6, STANDARD_NC12], epochs: [1, 2]}}",
        "vm_size: STANDARD_NC6,", "vm_size: '{size}',",
    )  # fmt: skip
    trials = load_scenario(path).trials
    assert [trial.cluster.vm_size for trial in trials] == ["STANDARD_NC6"] * 2 + ["STANDARD_NC12"] * 2
    names = [trial.cluster.name for trial in trials]
    assert names[0] == names[1] != names[2] == names[3]
    assert all(name.startswith("mycluster-") and len(name) <= 24 for name in names)


def test_the_job_of_a_trial_must_fit_its_own_cluster(changed: Change) -> None:
    path = changed(
        "sweep: {}", "sweep: {grid: {count: [4, 2], epochs: [1, 3]}}",
        "nodes: 1}", "nodes: '{count}'}",
        "  nodes: 1\n", "  nodes: '{epochs}'\n",
    )  # fmt: skip
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    assert "the job needs 3 nodes, the cluster has 2 (in trial count=2,epochs=3)" in str(caught.value)
    assert "count=4" not in str(caught.value)


def test_repeated_stars_are_equal_to_one(swept: Load, tmp_path: Path) -> None:
    for number in range(30):  # to visit every folder again for each star would never end
        (tmp_path / "deep" / "/".join("d" * (number + 1))).mkdir(parents=True, exist_ok=True)
    (tmp_path / "deep" / "d" / "x.csv").touch()
    scenario = swept("{grid: {kind: {files: 'deep/**/**/**/**/**/**/**/**/**/**/*.csv'}}}")
    assert [trial.parameters["kind"] for trial in scenario.trials] == ["deep/d/x.csv"]
