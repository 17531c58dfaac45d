"""``harness report``: the file of the page, its runs, and refused arguments."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from harness.cli import main
from tests.report.conftest import embedded, sweep
from tests.results.conftest import SWEEP, MakeRun, make_run

__all__ = ["make_run"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_report_is_in_the_run_directory(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(*SWEEP)
    assert main(["report", str(run), "--goal", "maximize", "error"]) == 0
    assert capsys.readouterr().out == f"report: {run}/report.html\n"
    document = embedded((run / "report.html").read_text())
    assert document["goals"][0] == {"metric": "error", "direction": "maximize"}
    assert document["runs"][0]["price"] == 0.9
    assert (run / "report.html").stat().st_mode & 0o777 == 0o600


def test_a_run_of_many_trials_says_what_matters(make_run: MakeRun) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed")
    run = make_run(*sweep(12))
    assert main(["report", str(run)]) == 0
    assert embedded((run / "report.html").read_text())["importance"]["loss"]["method"] == "fANOVA"


def test_runs_are_compared_in_one_file(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [str(make_run(*SWEEP, name=name)) for name in ("a", "b")]
    assert main(["report", *runs, "--compare", "--out", "both.html"]) == 0
    assert [run["name"] for run in embedded((tmp_path / "both.html").read_text())["runs"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "run"], "several run directories need --compare: add --compare, or name one run directory"),
        (["run", "--compare"], "--compare needs several runs: name two or more run directories"),
        (["nowhere"], "there is no directory nowhere; the newest run there is run"),
        (["run", "--goal", "minimize", "lss"], "there is no metric 'lss'; did you mean 'loss'?"),
        (["run", "--out", "no/where.html"], "no/where.html cannot be written: No such file or directory; name another"),
    ],
)
def test_mistakes_say_what_to_do(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    make_run(*SWEEP)
    assert main(["report", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_watched_run_is_served_until_ctrl_c(make_run: MakeRun, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness", "report", str(make_run(*SWEEP)), "--watch"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=tmp_path, env=environment, text=True) as process:
        try:
            url = (process.stdout or sys.stdin).readline().removeprefix("report: ").strip()
            assert len(requests.get(f"{url}data.json", timeout=60).json()["trials"]) == 4
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait() == 0
