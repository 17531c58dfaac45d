"""``harness run`` of a search, on a real emulator: pruned through the service, resumed, run again, one trial alone."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from harness.cli import main
from harness.services.batchai import BatchAiService
from tests.commands import harness_command

Write = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]

# Prints a score at each of three steps; a job with a bad score waits after step 2 until the service terminates it.
SCRIPT = """\
for step in 1 2 3; do
    echo "score = $1"
    case $1 in 0.*) ;; *) [ $step = 2 ] && sleep $3 ;; esac
done
echo model > "$AZ_BATCHAI_OUTPUT_MODEL/net.txt"
exit $2
"""
SEARCH = "{search: {space: {score: SPACE}, trials: 4, at_once: 2, OPTIONS}, goal: {minimize: score}}"


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process: exit code, standard output and standard error."""

    def run_it(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["run", *map(str, words)])
        return code, *capsys.readouterr()

    return run_it


def search(space: str, options: str = "sampler: tpe") -> str:
    return SEARCH.replace("SPACE", space).replace("OPTIONS", options)


def outcomes(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "outcomes.jsonl").read_text().splitlines()]


def stored(out: Path) -> optuna.Study:
    return optuna.load_study(study_name="short", storage=f"sqlite:///{out / 'study.db'}")


def test_a_search_runs_its_trials_and_optuna_opens_the_study(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario(search("{low: 0.0, high: 0.5}")), "--out", "here")
    assert code == 0
    study, results = stored(Path("here")), outcomes(Path("here"))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 4
    assert {outcome["trial"].partition(",")[0] for outcome in results} == {f"trial={number}" for number in range(4)}
    by_number = {int(outcome["trial"].partition(",")[0].partition("=")[2]): outcome for outcome in results}
    assert [trial.params["score"] for trial in study.trials] == [
        by_number[number]["parameters"]["score"] for number in range(4)
    ]
    assert f"best: {by_number[study.best_trial.number]['trial']}" in out


def test_the_study_is_in_the_run_directory_whatever_its_name_for_its_owner_alone(run: Run, scenario: Write) -> None:
    out = Path("what?a=100%20 #1")
    assert run(scenario(search("{low: 0.0, high: 0.5}")), "--limit", 1, "--out", out)[0] == 0
    assert {path.name for path in out.iterdir() if path.is_file()} >= {"run.json", "outcomes.jsonl", "study.db"}
    assert {path.stat().st_mode & 0o077 for path in out.iterdir()} == {0}


def test_a_trial_that_is_pruned_is_terminated_by_the_service(run: Run, scenario: Write) -> None:
    path = scenario(
        search("[0.5, 9, 8]", "sampler: grid, pruner: {name: 'optuna.pruners:ThresholdPruner', options: {upper: 5}}"),
        script=SCRIPT,
        expect="expect: {metrics: {score: {max: 1}}}",
        parameters="parameters: {score: 0.5, code: 0, pause: 600}",
        limits="limits: {queued: PT1M, running: PT10M}",
    )
    code, out, _ = run(path, "--out", "here")
    assert code == 0, out
    states = {outcome["parameters"]["score"]: outcome["state"] for outcome in outcomes(Path("here"))}
    assert states == {0.5: "succeeded", 9: "pruned", 8: "pruned"}
    assert any("pruned at step" in text for outcome in outcomes(Path("here")) for text in outcome["errors"])
    assert out.count("note: trial trial=1,score=9, and 1 more alike: pruned at step") == 1
    assert out.count("pruned at step") == 1
    assert [trial.state.name for trial in stored(Path("here")).trials] == ["COMPLETE", "PRUNED", "PRUNED"]


def test_a_trial_outside_of_the_constraints_is_not_the_best(run: Run, scenario: Write) -> None:
    code, out, _ = run(
        scenario(search("[0.5, 1]", "sampler: grid, constraints: {score: {min: 0.75}}")), "--out", "here"
    )
    assert code == 0
    assert "trial=0,score=0.5: score 0.5; outside of constraints: score\n" in out
    assert "best: trial=1,score=1 (score 1)" in out
    assert [
        outcome["violated"] for outcome in sorted(outcomes(Path("here")), key=lambda outcome: outcome["trial"])
    ] == [["score"], []]


def test_a_resumed_search_runs_only_the_trials_that_are_left(run: Run, scenario: Write) -> None:
    path = scenario(search("{low: 0.0, high: 0.5}", "sampler: sobol"))
    run(path, "--out", "here", "--limit", 1)
    code, _, _ = run(path, "--out", "here", "--resume")
    assert code == 0
    assert len(outcomes(Path("here"))) == len({outcome["trial"] for outcome in outcomes(Path("here"))}) == 4
    uninterrupted = run(path, "--out", "there")
    assert uninterrupted[0] == 0
    assert [trial.params for trial in stored(Path("here")).trials] == [
        trial.params for trial in stored(Path("there")).trials
    ]


def test_what_failed_is_run_again_on_request(run: Run, scenario: Write) -> None:
    path = scenario("{grid: {score: [1, 3]}}")
    assert run(path, "--out", "here")[0] == 1
    path.write_text(path.read_text().replace("max: 2", "max: 4"))
    code, out, _ = run(path, "--out", "here", "--rerun", "failed")
    assert code == 0, out
    assert [outcome["trial"] for outcome in outcomes(Path("here"))].count("score=3") == 2
    assert [outcome["trial"] for outcome in outcomes(Path("here"))].count("score=1") == 1


def test_what_is_expected_of_a_search_is_judged_when_its_last_trial_has_ended(run: Run, scenario: Write) -> None:
    hopeless = "sampler: grid}, expect: {best: {score: {max: -1}}, failures: 0"
    path = scenario(search("[0.1, 0.2, 0.3, 0.4]", hopeless))

    code, out, _ = run(path, "--out", "here", "--limit", "2")
    assert code == 0, out
    assert "the expectations of the sweep are checked when all its trials have an outcome" in out

    code, out, _ = run(path, "--out", "here", "--resume")
    assert code == 1
    assert "sweep.expect.best.score" in out


def test_one_trial_is_run_by_its_values(run: Run, scenario: Write) -> None:
    swept = scenario("{grid: {score: [0.5, 1], code: [0, 1]}}")
    code, _, _ = run(swept, "--out", "here", "--trial", "code=0,score=1")
    assert code == 0
    assert [outcome["trial"] for outcome in outcomes(Path("here"))] == ["score=1,code=0"]
    code, _, error = run(swept, "--out", "here", "--trial", "scor=1", "--resume")
    assert code == 2
    assert "'scor=1' gives no swept name a value; did you mean 'score'?" in error
    code, _, error = run(swept, "--out", "here", "--trial", "score=1", "--resume")
    assert "give code a value, too: a trial is identified by score, code" in error


def test_a_job_that_fails_is_tried_again_as_often_as_the_scenario_says(run: Run, scenario: Write) -> None:
    path = scenario("{grid: {code: [3, 4]}}", limits="retries: {exit_code: {times: 2, codes: [3]}}")
    code, out, _ = run(path, "--out", "here")
    assert code == 1
    by_code = {outcome["parameters"]["code"]: outcome for outcome in outcomes(Path("here"))}
    assert (by_code[3]["attempts"], by_code[4]["attempts"]) == (3, 1)
    assert by_code[3]["errors"][:2] == ["attempt 1: exit code 3", "attempt 2: exit code 3"]
    assert "attempt 1 of code=3 failed and is followed by another: exit code 3" in out


def test_a_dry_run_prints_the_size_of_a_search_and_what_it_costs_at_most(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario(search("{low: 0.0, high: 0.5}", "pruner: hyperband")), "--dry-run")
    assert code == 0
    assert "trials          4, at most 2 node(s) at a time" in out
    assert "search          by tpe, pruned by hyperband; trials such as" in out
    code, _, error = run(scenario(search("[1]", "sampler: {name: tpe, options: {startup: 1}}")), "--dry-run")
    assert (code, "short.yaml:13: sweep.search: sampler tpe has no option 'startup'" in error) == (2, True)


WAITING = """\
until [ -e "$1" ]; do sleep 0.05; done
echo "score = 1"
"""


def test_the_first_ctrl_c_lets_running_trials_end_and_begins_no_other(project: Path, scenario: Write, run: Run) -> None:
    go = project / "go"
    path = scenario(
        "{grid: {code: [0, 1, 2, 3, 4, 5]}}",
        script=WAITING,
        parameters=f"parameters: {{score: '{go}', code: 0, pause: 0}}",
        expect="expect: {exit_code: 0}",
    )
    with subprocess.Popen(
        harness_command("run", str(path), "--out", "here"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        running = 0
        while running < 2:
            line = process.stdout.readline()
            assert line, "the run ended"
            running += " is running" in line
        process.send_signal(signal.SIGINT)
        while "no new trial starts" not in (line := process.stderr.readline()):
            assert line, "the run ended"
        go.touch()
        printed, _ = process.communicate()
    assert process.returncode == 130, printed
    assert [outcome["state"] for outcome in outcomes(Path("here"))] == ["succeeded"] * 2
    assert "drained: to run the remaining trials, use --out here --resume" in printed
    assert run(path, "--out", "here", "--resume")[0] == 0
    assert len({outcome["trial"] for outcome in outcomes(Path("here"))}) == len(outcomes(Path("here"))) == 6


def test_an_experiment_takes_no_more_jobs_than_a_list_should_have(
    run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    make = BatchAiService.make_experiment

    def record(service: BatchAiService, provisioning: Any, cluster: Any, name: str) -> None:
        names.append(name)
        make(service, provisioning, cluster, name)

    monkeypatch.setattr(BatchAiService, "make_experiment", record)
    monkeypatch.setattr("harness.experiments.run_policy.MOST_JOBS", 2)
    code, _, _ = run(scenario("{grid: {score: [0.1, 0.2, 0.3, 0.4, 0.5]}}"), "--out", "here")
    assert code == 0
    assert names == ["short", "short-2", "short-3"]
    assert len(outcomes(Path("here"))) == 5
