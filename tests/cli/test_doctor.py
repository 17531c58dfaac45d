"""``harness doctor``: each check in a real environment, and the command as a whole."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import diagnosis, main
from harness.cli.diagnosis import CheckContext, inspect_machine
from harness.config import Settings
from harness.resources import Entry, Journal
from harness.resources.owner import Owner, owner_of


@pytest.fixture
def context(own_orphans: None, tmp_path: Path) -> CheckContext:
    """An empty directory of a user without anything."""
    return CheckContext(tmp_path, {"HOME": str(tmp_path), "PATH": "/nowhere"}, Settings.model_construct())


@pytest.fixture
def ended() -> Owner:
    words = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE) as process:
        return owner_of(process.pid)


def with_settings(context: CheckContext, **values: object) -> CheckContext:
    return dataclasses.replace(context, settings=Settings.model_construct(**values))


def test_the_declared_packages_are_there(context: CheckContext) -> None:
    check = diagnosis.check_dependencies(context)
    assert (check.state, check.remedy) == ("ok", "")


def test_a_package_that_is_missing_or_of_another_version_is_named() -> None:
    assert diagnosis._problem(diagnosis.Requirement("nosuchpackage>=1")) == "nosuchpackage is missing"
    assert diagnosis._problem(diagnosis.Requirement("pytest<1")).endswith("not <1")


def test_a_cntk_interpreter_that_does_not_work_fails(context: CheckContext) -> None:
    check = diagnosis.check_cntk(with_settings(context, cntk_python=Path("/nowhere/python")))
    assert check.state == "fail"
    assert "/nowhere/python does not run" in check.found


def test_missing_open_mpi_is_a_note_with_the_package(context: CheckContext) -> None:
    check = diagnosis.check_mpi(context)
    assert (check.state, check.remedy) == ("note", "apt-get install openmpi-bin")


def test_an_emulator_really_starts_and_accepts_the_sign_in(context: CheckContext) -> None:
    assert diagnosis.check_emulator(context).found.startswith("starts, signs in")


def test_settings_are_reported_with_their_origin_and_never_their_value(
    context: CheckContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    (context.directory / "harness.toml").write_text('storage_account = "mine"\n')
    monkeypatch.setenv("HARNESS_STORAGE_KEY", "hush")
    check = diagnosis.check_settings(context)
    assert "storage_account (harness.toml)" in check.found
    assert "storage_key (environment)" in check.found
    assert "hush" not in check.found


def test_settings_that_are_wrong_are_a_failure_and_the_other_checks_still_run(context: CheckContext) -> None:
    (context.directory / "harness.toml").write_text("storage_acount = 'x'\n")
    wrong = inspect_machine(context.directory, context.environ)
    assert "did you mean 'storage_account'?" in diagnosis.check_settings(wrong).found
    assert diagnosis.check_runs(wrong).state == "ok"


def test_without_mnist_the_digits_are_named_with_the_way_to_mnist(context: CheckContext) -> None:
    check = diagnosis.check_data(context)
    assert (check.state, check.remedy) == ("note", "harness data mnist")
    assert "scikit-learn's digits, 1500 to train" in check.found


def test_a_wrong_mnist_dir_fails(context: CheckContext) -> None:
    assert diagnosis.check_data(with_settings(context, mnist_dir=Path("/nowhere"))).state == "fail"


def test_a_runs_directory_that_cannot_be_made_fails(context: CheckContext) -> None:
    check = diagnosis.check_runs(with_settings(context, runs_dir=Path("/proc/runs")))
    assert (check.state, check.remedy) == ("fail", "set runs_dir to a directory of yours")


def test_disk_space_is_reported(context: CheckContext) -> None:
    assert " GiB free in " in diagnosis.check_disk(with_settings(context, runs_dir=Path("runs"))).found


@pytest.mark.parametrize(("cloud", "remedy"), [("azure", "harness reap --cloud azure"), ("emulator", "harness reap")])
def test_what_an_ended_run_left_is_reported_with_the_command(
    context: CheckContext, ended: Owner, cloud: str, remedy: str
) -> None:
    journal = Journal(context.directory / ".local/state/batchai-harness/journal.jsonl")
    journal.append(Entry("run", "resource group", "g", "g", "creating", cloud, owner=ended))
    check = diagnosis.check_journal(context)
    assert (check.state, check.remedy) == ("note", remedy)
    assert "1 resources" in check.found


def test_what_a_living_run_has_is_not_left_behind(context: CheckContext) -> None:
    journal = Journal(context.directory / ".local/state/batchai-harness/journal.jsonl")
    journal.append(Entry("run", "resource group", "g", "g", "creating", "azure"))
    assert diagnosis.check_journal(context).state == "ok"


@pytest.mark.slow  # it runs every check, PyTorch included
def test_the_command_says_whether_the_main_job_would_run(
    context: CheckContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(context.directory)
    monkeypatch.setenv("HARNESS_MNIST_DIR", "/nowhere")
    assert main(["doctor", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    failed = [check["name"] for check in report["checks"] if check["state"] == "fail"]
    assert "data" in failed
    assert {"Python", "emulator", "settings", "left behind"} <= {check["name"] for check in report["checks"]}


def test_in_a_pipe_each_check_is_a_line_and_so_is_the_verdict(
    context: CheckContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(context.directory)
    monkeypatch.setattr(diagnosis, "_CHECKS", (diagnosis.check_python, diagnosis.check_runs))
    assert main(["doctor"]) == 0
    python, runs, verdict = capsys.readouterr().out.splitlines()
    assert python.startswith("ok    Python           3.")
    assert runs == f"ok    runs directory   {context.directory / 'runs'}"  # never cut
    assert verdict == "the main job would run"


def test_in_a_pipe_a_remedy_follows_what_was_found(
    context: CheckContext, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(context.directory)
    monkeypatch.setattr(diagnosis, "_CHECKS", (lambda _: diagnosis.Check("this", "fail", "it fails", "type that"),))
    assert main(["doctor"]) == 1
    assert capsys.readouterr().out == (
        "FAIL  this             it fails; to fix it: type that\nthe main job would not run: fix what FAILs\n"
    )
