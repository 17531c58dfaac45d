"""A search: its points, its pruning, and that a killed search continues as if nothing had happened."""

import contextlib
import itertools
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy

from harness.errors import UserError
from harness.scenario.sweep import SweepSpec
from harness.search import Study, open_study
from tests.fakes import write_scenario

Played = list[tuple[int, dict[str, Any]]]

SPACE = {"rate": {"low": 0.001, "high": 1.0, "log": True}, "depth": {"low": 1, "high": 8}, "kind": ["a", "b"]}


def spec(
    sampler: Any = "tpe", goal: Any = None, when: Any = None, exclude: Sequence[Any] = (), **search: Any
) -> SweepSpec:
    search = {"space": SPACE, "trials": 12, "sampler": sampler, **search}
    return SweepSpec.model_validate(
        {"search": search, "goal": goal or {"minimize": "loss"}, "when": when or {}, "exclude": exclude}
    )


def study_of(sweep: SweepSpec, storage: str | None = None) -> Study:
    return open_study(sweep, name="s", storage=storage, find=lambda _spec: (), constants={})


def loss(point: Mapping[str, Any]) -> float:
    return abs(math.log10(point["rate"]) + 2) + abs(point["depth"] - 3) / 10 + (point["kind"] == "a")


def play(study: Study, most: int = 1000) -> Played:
    """Run the trials one after another."""
    trials: Played = []
    while len(trials) < most and (proposal := study.ask()) is not None:
        trials.append((proposal.number, dict(proposal.point)))
        study.tell(proposal.number, "complete", {"loss": loss(proposal.point), "gain": -loss(proposal.point)})
    return trials


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.mark.parametrize("sampler", ["random", "sobol", "halton", "tpe", "cmaes", "nsga2"])
def test_a_seed_chooses_the_same_points_each_time_and_another_one_others(sampler: str) -> None:
    drawn = [play(study_of(spec(sampler, seed=seed))) for seed in (3, 3, 4)]
    assert [number for number, _ in drawn[0]] == list(range(12))
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_grid_is_searched_whole() -> None:
    study = study_of(spec("grid", space={"depth": {"low": 1, "high": 3}, "kind": ["a", "b"]}, trials=100))
    points = [(point["depth"], point["kind"]) for _, point in play_any(study)]
    assert points == [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (3, "b")]
    assert study.total == 6


def play_any(study: Study) -> Played:
    trials: Played = []
    while (proposal := study.ask()) is not None:
        trials.append((proposal.number, dict(proposal.point)))
        study.tell(proposal.number, "complete", {"loss": 1.0})
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "sobol"])
def test_a_search_that_is_killed_continues_as_if_nothing_had_happened(sampler: str, storage: str) -> None:
    whole = play(study_of(spec(sampler)))
    started = study_of(spec(sampler), storage)
    first = play(started, most=4)
    lost = started.ask()  # the process is killed before it reports the result
    resumed = study_of(spec(sampler), storage)
    assert resumed.unfinished() == [lost]
    resumed.tell(lost.number, "complete", {"loss": loss(lost.point)})
    assert [*first, (lost.number, dict(lost.point)), *play(resumed)] == whole
    stored = optuna.load_study(study_name="s", storage=storage)
    assert [trial.state.name for trial in stored.trials] == ["COMPLETE"] * 12
    assert stored.best_value == min(loss(point) for _, point in whole)


class KilledError(BaseException):
    """Simulates SIGKILL: no error handler catches it."""


class Writes:
    """Counts writes to databases, and simulates a kill at one of them."""

    def __init__(self) -> None:
        self.remaining = math.inf
        self.has_killed = False

    def __call__(self, _connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            self.remaining -= 1
            if self.remaining < 0:
                self.has_killed = True
                raise KilledError


@pytest.fixture
def writes() -> Iterator[Writes]:
    counter = Writes()
    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", counter)
    yield counter
    sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", counter)


@pytest.mark.parametrize("sampler", ["sobol", "grid"])
def test_a_search_that_is_killed_at_any_write_continues_as_if_nothing_had_happened(
    sampler: str, tmp_path: Path, writes: Writes
) -> None:
    sweep = spec(sampler, trials=5, space={"depth": {"low": 1, "high": 8}, "kind": ["a", "b"]})
    whole = play_any(study_of(sweep))
    for number in itertools.count():
        storage = f"sqlite:///{tmp_path / str(number)}.db"
        started = study_of(sweep, storage)
        first = [proposal for proposal in [started.ask(), started.ask()] if proposal is not None]
        for proposal in first:
            started.tell(proposal.number, "complete", {"loss": 1.0})
        writes.remaining, writes.has_killed = number, False
        with contextlib.suppress(KilledError):
            started.ask()
        writes.remaining = math.inf
        resumed = study_of(sweep, storage)
        assert resumed.remaining == 3
        unfinished = resumed.unfinished()
        for proposal in unfinished:
            resumed.tell(proposal.number, "complete", {"loss": 1.0})
        assert [
            *((proposal.number, dict(proposal.point)) for proposal in [*first, *unfinished]),
            *play_any(resumed),
        ] == whole
        stored = optuna.load_study(study_name="s", storage=storage).trials
        assert [(trial.number, trial.params, trial.state.name) for trial in stored] == [
            (number, point, "COMPLETE") for number, point in whole
        ]
        if not writes.has_killed:
            break
    assert number > 3


def test_a_trial_that_a_killed_process_left_without_values_gets_them(storage: str) -> None:
    study_of(spec("tpe"), storage)
    optuna.load_study(study_name="s", storage=storage).ask()
    (proposal,) = study_of(spec("tpe"), storage).unfinished()
    assert (proposal.number, set(proposal.point)) == (0, set(SPACE))


def test_a_database_whose_driver_is_missing_says_what_to_install_and_shows_no_password() -> None:
    with pytest.raises(
        UserError, match=r"needs a driver .* \(postgresql\+pg8000\); .* pip install 'psycopg\[binary\]'"
    ) as caught:
        study_of(spec(), "postgresql+pg8000://somebody:hunter2@127.0.0.1/studies")
    assert "hunter2" not in str(caught.value)


def test_a_reported_result_is_not_changed_by_another_report(storage: str) -> None:
    study = study_of(spec(), storage)
    proposal = study.ask()
    study.tell(proposal.number, "complete", {"loss": 1.0})
    study.tell(proposal.number, "failed", {})
    (trial,) = optuna.load_study(study_name="s", storage=storage).trials
    assert (trial.state.name, trial.value) == ("COMPLETE", 1.0)


def test_a_search_finds_better_points_than_chance() -> None:
    best = {
        sampler: min(loss(point) for _, point in play(study_of(spec(sampler, trials=40, seed=1))))
        for sampler in ("tpe", "random")
    }
    assert best["tpe"] < best["random"]


def test_excluded_points_are_not_run_and_do_not_count() -> None:
    study = study_of(spec(exclude=[{"kind": "a"}]))
    points = [point for _, point in play(study)]
    assert len(points) == 12
    assert all(point["kind"] == "b" for point in points)


def test_a_parameter_is_chosen_only_where_its_conditions_hold() -> None:
    space = {"kind": ["a", "b"], "rate": {"low": 0.1, "high": 1.0}}
    points = [point for _, point in play_any(study_of(spec(when={"rate": {"kind": "b"}}, space=space)))]
    assert {(point["kind"], "rate" in point) for point in points} == {("a", False), ("b", True)}


def test_a_metric_that_is_no_number_fails_the_trial(storage: str) -> None:
    study = study_of(spec(), storage)
    study.tell(study.ask().number, "complete", {"loss": math.nan})
    study.tell(study.ask().number, "complete", {})
    study.tell(study.ask().number, "failed", {"loss": 1.0})
    states = [trial.state.name for trial in optuna.load_study(study_name="s", storage=storage).trials]
    assert states == ["FAIL"] * 3


PRUNERS = [
    "hyperband",
    {"name": "asha", "options": {"reduction_factor": 2}},
    "median",
    {"name": "percentile", "options": {"percentile": 25.0}},
    {"name": "patience", "options": {"patience": 3}},
]


@pytest.mark.parametrize("pruner", PRUNERS, ids=lambda pruner: pruner if isinstance(pruner, str) else pruner["name"])
def test_a_pruner_ends_trials_that_are_not_worth_their_end(pruner: Any) -> None:
    study = study_of(spec("random", trials=20, pruner=pruner))
    steps = []
    while (proposal := study.ask()) is not None:
        for step in range(1, 10):
            study.report(proposal.number, step, proposal.number + (step if proposal.number > 5 else -step))
            if study.should_prune(proposal.number):
                study.tell(proposal.number, "pruned", {})
                break
        else:
            study.tell(proposal.number, "complete", {"loss": float(proposal.number)})
        steps.append(step)
    assert steps[0] == 9
    assert sum(steps) < 20 * 9


def test_several_goals_have_a_front_and_constraints_bound_it(storage: str) -> None:
    sweep = spec(goal={"minimize": "loss", "maximize": "gain"}, constraints={"loss": {"max": 1.0}})
    play(study_of(sweep, storage))
    stored = optuna.load_study(study_name="s", storage=storage)
    assert [direction.name for direction in stored.directions] == ["MINIMIZE", "MAXIMIZE"]
    assert stored.metric_names == ["loss", "gain"]
    for trial in stored.trials:
        assert trial.constraints == {"loss": trial.values[0] - 1.0}


class OwnSampler(optuna.samplers.RandomSampler):
    """A user's own."""


class OwnPruner(optuna.pruners.ThresholdPruner):
    """A user's own."""

    def __init__(self, most: float) -> None:
        super().__init__(upper=most)


def test_samplers_and_pruners_of_the_user_plug_in() -> None:
    own = {"name": f"{__name__}:OwnPruner", "options": {"most": 5}}
    study = study_of(spec(f"{__name__}:OwnSampler", pruner=own))
    proposal = study.ask()
    study.report(proposal.number, 1, 4.0)
    assert not study.should_prune(proposal.number)
    study.report(proposal.number, 2, 6.0)
    assert study.should_prune(proposal.number)


class FaultySampler(optuna.samplers.RandomSampler):
    """A user's own, with a mistake."""

    def sample_relative(self, *_: Any) -> dict[str, Any]:
        raise KeyError("rate")


class FaultyPruner(optuna.pruners.BasePruner):
    """A user's own, with a mistake."""

    def prune(self, *_: Any) -> bool:
        raise RuntimeError("no history")


def test_a_mistake_in_a_users_own_code_is_reported_with_its_line() -> None:
    with pytest.raises(UserError, match=r"FaultySampler fails: KeyError: 'rate' \(.*test_study\.py:\d+\)"):
        study_of(spec(f"{__name__}:FaultySampler")).ask()
    study = study_of(spec(pruner=f"{__name__}:FaultyPruner"))
    proposal = study.ask()
    study.report(proposal.number, 1, 4.0)
    with pytest.raises(UserError, match=r"FaultyPruner fails: RuntimeError: no history \(.*test_study\.py:\d+\)"):
        study.should_prune(proposal.number)


@pytest.mark.parametrize(
    ("search", "mistake"),
    [
        ({"pruner": {"name": "hyperband", "options": {"min_resource": 0, "max_resource": 9}}}, "hyperband fails"),
        ({"sampler": {"name": "tpe", "options": {"startup": 3}}}, "sampler tpe has no option 'startup'; it has: "),
        ({"pruner": {"name": "hyperband", "options": {"bootstrap_count": 1}}}, "pruner hyperband cannot be created"),
        ({"pruner": "nowhere:Pruner"}, "nowhere:Pruner cannot be loaded: No module named 'nowhere'"),
        ({"pruner": "math:pi"}, "math:pi is no class that derives from optuna's BasePruner"),
        ({"sampler": {"name": "os:system", "options": {"command": "exit 1"}}}, "os:system is no class that derives"),
        ({"pruner": {"name": "patience", "options": {"patience": 1, "wrapped": "medium"}}}, "wrapped is one of"),
        ({"exclude": [{"depth": {"low": 1}}]}, "200 consecutive points are excluded"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused(search: dict[str, Any], mistake: str) -> None:
    with pytest.raises(UserError, match=mistake):
        study_of(spec(**search)).ask()


def test_a_study_with_another_goal_is_not_continued(storage: str) -> None:
    study_of(spec(), storage)
    with pytest.raises(UserError, match="has another goal"):
        study_of(spec(goal={"maximize": "loss"}), storage)


def test_a_study_is_not_continued_with_other_choices_but_with_a_wider_range(storage: str) -> None:
    play(study_of(spec(), storage), most=1)
    assert study_of(spec(space={**SPACE, "depth": {"low": 1, "high": 9}}), storage).ask() is not None
    with pytest.raises(UserError, match="has other values of kind; name another run directory"):
        study_of(spec(space={**SPACE, "kind": ["a", "b", "c"]}), storage)


@pytest.mark.parametrize("storage", ["postgresql://user:geheim@nowhere.invalid/db", "host=nowhere password=geheim"])
def test_storage_that_cannot_be_opened_does_not_show_its_password(storage: str) -> None:
    with pytest.raises(UserError) as caught:
        study_of(spec(), storage)
    assert "geheim" not in str(caught.value)


def test_without_optuna_a_search_says_what_to_install(tmp_path: Path) -> None:
    write_scenario(tmp_path, "{search: {space: {score: [1, 2]}, trials: 2}, goal: {minimize: score}}")
    program = (
        "import sys; sys.modules['optuna'] = None\n"
        "from harness.cli import main; sys.exit(main(['run', 'short.yaml', '--dry-run']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "a search needs optuna, which is not installed: pip install 'batchai-harness[search]'" in ended.stderr


def test_a_lost_storage_is_reported_and_how_to_continue(tmp_path: Path, storage: str) -> None:
    study = study_of(spec(), storage)
    (tmp_path / "study.db").write_bytes(b"this is no database any more" * 100)
    with pytest.raises(UserError, match=r"the storage of the study cannot be used: .*continue with --out DIR --resume"):
        study.ask()
