"""``harness results`` on directories of runs, and on one that a corrected scenario reads again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.experiments.outcomes import OutcomeFile
from harness.file_lock import lock_file
from tests.results.conftest import SWEEP, MakeRun, make_run, trial

__all__ = ["make_run"]

SCENARIO = """\
scenario: s
resource_group: g
share: {name: share}
cluster: {name: c}
job: {name: j, toolkit: customToolkit, command: 'train {rate}', stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare}
parameters: {rate: 0.1}
sweep: {grid: {rate: [0.1, 0.01]}}
metrics: {loss: {file: stdout.txt, pattern: 'loss (\\S+)', step: true}}
expect: {metrics: {loss: {max: 0.3}}}
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HARNESS_RUNS_DIR", raising=False)


def test_the_trials_of_a_run_are_a_table(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", str(make_run(*SWEEP)), "--where", "depth = 2", "--sort", "loss"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "rate  loss  error  running_s  queued_s",
        "0.01  0.25  0.3    2.5        1",
        "0.1   0.5   0.2    2.5        1",
    ]


def test_the_best_trials_need_a_goal(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(make_run(*SWEEP))
    assert main(["results", run, "--best", "1"]) == 2
    assert (
        "--best 1 needs a goal, such as --goal minimize METRIC; the metrics are: loss, error" in capsys.readouterr().err
    )
    assert main(["results", run, "--best", "1", "--goal", "minimize", "error"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["rate=0.001,depth=3,epochs=3", "0.1"]


def test_the_goal_of_the_sweep_needs_no_option(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", str(make_run(*SWEEP, goals=[["maximize", "loss"]])), "--best", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["rate=0.1,depth=2,epochs=3", "0.5"]


def test_without_a_directory_it_is_the_newest_run(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HARNESS_RUNS_DIR", str(tmp_path))
    make_run(SWEEP[0], name="20260101")
    make_run(SWEEP[1], name="20260102")
    assert main(["results"]) == 0
    assert "rate=0.01" in capsys.readouterr().out


def test_without_any_run_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results"]) == 2
    assert "there is no run in runs; name a run directory, or run a scenario" in capsys.readouterr().err


def test_files_are_written_and_standard_output_is_a_dash(
    make_run: MakeRun, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    run = str(make_run(*SWEEP))
    assert main(["results", run, "--csv", "t.csv", "--json", "-"]) == 0
    out = capfdbinary.readouterr().out
    assert [json.loads(line)["trial"] for line in out.splitlines()] == [outcome.trial for outcome in SWEEP]
    assert (tmp_path / "t.csv").read_text().count("\n") == 5


def test_a_file_that_cannot_be_written_is_reported(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", str(make_run(*SWEEP)), "--csv", "no/where.csv"]) == 2
    assert "no/where.csv cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_run_of_which_nothing_has_ended_says_so(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["results", str(make_run())]) == 0
    assert capsys.readouterr().out.endswith("run: no trial has ended yet\n")


@pytest.fixture
def misread(make_run: MakeRun, tmp_path: Path) -> Path:
    """A run whose scenario had a wrong pattern: no trial has its metric."""
    path = tmp_path / "s.yaml"
    path.write_text(SCENARIO)
    outcomes = [
        trial({"rate": rate}, {}, errors=("cannot list MODEL", "metric loss: no match of 'los (.)' in stdout.txt"),
              files={"stdouterr": ["stdout.txt"]})
        for rate in (0.1, 0.01)
    ]  # fmt: skip
    run = make_run(*outcomes, path=str(path))
    for outcome, loss in zip(outcomes, (0.5, 0.25), strict=True):
        (run / outcome.directory).mkdir()
        (run / outcome.directory / "stdout.txt").write_text(f"loss 1\nloss {loss}\n")
    return run


def test_metrics_are_read_again_and_judged_and_no_trial_runs(misread: Path) -> None:
    assert main(["results", str(misread), "--reread"]) == 0
    first, second = OutcomeFile(misread / "outcomes.jsonl").read()
    assert (first.metrics, first.series, second.metrics) == ({"loss": 0.5}, {"loss": [1.0, 0.5]}, {"loss": 0.25})
    assert first.errors == ("cannot list MODEL",)
    assert [(unmet.place, unmet.observed, unmet.expected) for unmet in first.unmet] == [
        ("expect.metrics.loss", "0.5", "at most 0.3")
    ]
    assert second.unmet == ()


def test_reading_twice_gives_the_same(misread: Path) -> None:
    main(["results", str(misread), "--reread"])
    once = (misread / "outcomes.jsonl").read_bytes()
    main(["results", str(misread), "--reread"])
    assert (misread / "outcomes.jsonl").read_bytes() == once


def test_a_scenario_that_has_moved_is_named(misread: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s.yaml").rename(tmp_path / "moved.yaml")
    assert main(["results", str(misread), "--reread"]) == 2
    assert "s.yaml, which is not there; name its file: --scenario FILE" in capsys.readouterr().err
    assert main(["results", str(misread), "--reread", "--scenario", "moved.yaml"]) == 0


def test_a_run_in_progress_is_not_changed(misread: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (misread / "outcomes.jsonl").read_bytes()
    with lock_file(misread / "run.json"):
        assert main(["results", str(misread), "--reread"]) == 2
    assert "is in use by" in capsys.readouterr().err
    assert (misread / "outcomes.jsonl").read_bytes() == before


def test_showing_results_imports_neither_scenarios_nor_settings_nor_their_dependencies(make_run: MakeRun) -> None:
    run = make_run(*SWEEP)
    script = (
        "import sys; from harness.cli import main; main(['results', sys.argv[1]]); "
        "print('loaded:', *sorted({'pydantic', 'harness.scenario.model', 'azure', 'optuna'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", script, str(run)], capture_output=True, text=True, check=True)

    assert shown.stdout.splitlines()[-1].strip() == "loaded:"
