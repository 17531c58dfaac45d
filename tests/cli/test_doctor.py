"""``harness doctor``: each answer on real surroundings, and the command as a whole."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import diagnosis, main
from harness.cli.diagnosis import Surroundings, look_around
from harness.config import Settings
from harness.resources import Entry, Journal
from harness.resources.owner import Owner, owner_of


@pytest.fixture
def around(own_orphans: None, tmp_path: Path) -> Surroundings:
    """An empty directory of a user without anything."""
    return Surroundings(tmp_path, {"HOME": str(tmp_path), "PATH": "/nowhere"}, Settings.model_construct())


@pytest.fixture
def ended() -> Owner:
    words = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


def with_settings(around: Surroundings, **values: object) -> Surroundings:
    return dataclasses.replace(around, settings=Settings.model_construct(**values))


def test_the_declared_packages_are_there(around: Surroundings) -> None:
    check = diagnosis.check_dependencies(around)
    assert (check.state, check.remedy) == ("ok", "")


def test_a_package_that_is_missing_or_of_another_version_is_named() -> None:
    assert diagnosis._problem(diagnosis.Requirement("nosuchpackage>=1")) == "nosuchpackage is missing"
    assert diagnosis._problem(diagnosis.Requirement("pytest<1")).endswith("not <1")


def test_a_cntk_interpreter_that_does_not_work_fails(around: Surroundings) -> None:
    check = diagnosis.check_cntk(with_settings(around, cntk_python=Path("/nowhere/python")))
    assert check.state == "fail"
    assert "/nowhere/python does not run" in check.found


def test_missing_open_mpi_is_a_note_with_the_package(around: Surroundings) -> None:
    check = diagnosis.check_mpi(around)
    assert (check.state, check.remedy) == ("note", "apt-get install openmpi-bin")


def test_an_emulator_really_starts_and_lets_us_in(around: Surroundings) -> None:
    assert diagnosis.check_emulator(around).found.startswith("starts, signs in")


def test_settings_are_told_with_their_place_and_never_their_value(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (around.directory / "harness.toml").write_text('storage_account = "mine"\n')
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "hush")
    check = diagnosis.check_settings(around)
    assert "storage_account (harness.toml)" in check.found
    assert "storage_key (environment)" in check.found
    assert "hush" not in check.found


def test_settings_that_are_wrong_are_a_failure_and_the_rest_is_looked_at_all_the_same(around: Surroundings) -> None:
    (around.directory / "harness.toml").write_text("storage_acount = 'x'\n")
    wrong = look_around(around.directory, around.environ)
    assert "did you mean 'storage_account'?" in diagnosis.check_settings(wrong).found
    assert diagnosis.check_runs(wrong).state == "ok"


def test_without_mnist_the_digits_are_named_with_the_way_to_mnist(around: Surroundings) -> None:
    check = diagnosis.check_data(around)
    assert (check.state, check.remedy) == ("note", "harness data mnist")
    assert "scikit-learn's digits, 1500 to train" in check.found


def test_a_wrong_mnist_dir_fails(around: Surroundings) -> None:
    assert diagnosis.check_data(with_settings(around, mnist_dir=Path("/nowhere"))).state == "fail"


def test_a_runs_directory_that_cannot_be_made_fails(around: Surroundings) -> None:
    check = diagnosis.check_runs(with_settings(around, runs_dir=Path("/proc/runs")))
    assert (check.state, check.remedy) == ("fail", "set runs_dir to a directory of yours")


def test_disk_space_is_told(around: Surroundings) -> None:
    assert " GiB free in " in diagnosis.check_disk(with_settings(around, runs_dir=Path("runs"))).found


@pytest.mark.parametrize(("cloud", "remedy"), [("azure", "harness reap --cloud azure"), ("emulator", "harness reap")])
def test_what_an_ended_run_left_is_told_with_the_command(
    around: Surroundings, ended: Owner, cloud: str, remedy: str
) -> None:
    journal = Journal(around.directory / ".local/state/batchai-harness/journal.jsonl")
    journal.append(Entry("run", "resource group", "g", "g", "creating", cloud, owner=ended))
    check = diagnosis.check_journal(around)
    assert (check.state, check.remedy) == ("note", remedy)
    assert "1 resources" in check.found


def test_what_a_living_run_has_is_not_left_behind(around: Surroundings) -> None:
    journal = Journal(around.directory / ".local/state/batchai-harness/journal.jsonl")
    journal.append(Entry("run", "resource group", "g", "g", "creating", "azure"))
    assert diagnosis.check_journal(around).state == "ok"


@pytest.mark.slow  # it tries everything, PyTorch too
def test_the_command_says_whether_the_main_job_would_run(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(around.directory)
    monkeypatch.setenv("HARNESS_MNIST_DIR", "/nowhere")
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False
    failed = [check["name"] for check in told["checks"] if check["state"] == "fail"]
    assert "data" in failed
    assert {"Python", "emulator", "settings", "left behind"} <= {check["name"] for check in told["checks"]}


def test_in_a_pipe_each_check_is_a_line_and_so_is_the_verdict(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(around.directory)
    monkeypatch.setattr(diagnosis, "_LOOKS", (diagnosis.check_python, diagnosis.check_runs))
    assert main(["doctor"]) == 0
    python, runs, verdict = capsys.readouterr().out.splitlines()
    assert python.startswith("ok    Python           3.")
    assert runs == f"ok    runs directory   {around.directory / 'runs'}"  # whole, however long
    assert verdict == "the main job would run"


def test_in_a_pipe_a_remedy_follows_what_was_found(
    around: Surroundings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(around.directory)
    monkeypatch.setattr(diagnosis, "_LOOKS", (lambda _: diagnosis.Check("this", "fail", "it fails", "type that"),))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "FAIL  this             it fails; to fix it: type that\nthe main job would not run: fix what FAILs\n"
    )
