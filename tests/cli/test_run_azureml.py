"""``harness run --service azureml`` on a real emulator, with jobs of a second at most."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main

Write = Callable[..., Path]
Run = Callable[..., tuple[int, str]]
Left = Callable[[], list[str]]


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process: exit code and all output."""

    def run_it(*words: object) -> tuple[int, str]:
        capsys.readouterr()
        code = main(["run", "--service", "azureml", *map(str, words)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run_it


def outcomes(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "outcomes.jsonl").read_text().splitlines()]


def test_a_run_has_the_outcome_that_it_has_on_batch_ai(run: Run, scenario: Write, left_in_workspaces: Left) -> None:
    path = scenario()
    assert main(["run", str(path), "--out", "batchai"]) == 0
    code, out = run(path, "--out", "azureml")
    assert code == 0, out
    assert "VM size STANDARD_NC6 is retired on 31 August 2023; Standard_NC4as_T4_v3 is used instead" in out
    batchai, azureml = outcomes(Path("batchai"))[0], outcomes(Path("azureml"))[0]
    differing = {name for name in batchai if batchai[name] != azureml[name]}
    assert batchai.keys() == azureml.keys()
    assert differing <= {"service", "durations", "times"}
    assert azureml["service"] == "azureml"
    assert azureml["durations"].keys() == {"queued", "running"}
    assert left_in_workspaces() == []


def test_logs_and_the_last_model_are_downloaded(run: Run, scenario: Write) -> None:
    run(scenario(), "--out", "here")
    paths = {str(path.relative_to("here/default")) for path in Path("here/default").rglob("*") if path.is_file()}
    assert paths == {"stdout.txt", "stderr.txt", "execution.log", "MODEL/net_10.txt"}
    assert Path("here/default/stderr.txt").read_text() == "about to end with 0\n"


def test_a_job_that_exits_3_keeps_its_exit_code(run: Run, scenario: Write, left_in_workspaces: Left) -> None:
    code, out = run(scenario(), "--set", "code=3", "--out", "here")
    assert code == 1
    assert "job: failed, exit code 3" in out
    assert "    about to end with 3\n" in out
    assert left_in_workspaces() == []


def test_a_sweep_runs_on_one_compute(run: Run, scenario: Write, left_in_workspaces: Left) -> None:
    code, out = run(scenario("{grid: {score: [0, 1, 2]}}"), "--out", "here")
    assert code == 0, out
    assert out.count("created c ") == 1
    assert {outcome["metrics"]["score"] for outcome in outcomes(Path("here"))} == {0, 1, 2}
    assert left_in_workspaces() == []


def test_the_jobs_own_lines_are_shown_while_it_runs(run: Run, scenario: Write) -> None:
    _, out = run(scenario(), "--set", "pause=4", "--out", "here")
    assert out.index("default | score = 0.5") < out.index("job j is succeeded")


def test_a_job_that_runs_too_long_is_cancelled(run: Run, scenario: Write, left_in_workspaces: Left) -> None:
    path = scenario(limits="limits: {queued: PT1M, running: PT1S}")
    code, _ = run(path, "--set", "pause=600", "--out", "here")
    assert code == 1
    assert outcomes(Path("here"))[0]["state"] == "failed"
    assert left_in_workspaces() == []


@pytest.mark.usefixtures("in_workspace")
def test_in_a_workspace_that_is_there_everything_of_the_run_is_deleted(
    run: Run, scenario: Write, left_in_workspaces: Left
) -> None:
    code, out = run(scenario(), "--out", "here")
    assert code == 0, out
    assert "creating workspace" not in out
    assert left_in_workspaces() == []


@pytest.mark.usefixtures("in_workspace")
def test_a_workspace_that_is_not_there_is_named(
    run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch, left_in_workspaces: Left
) -> None:
    monkeypatch.setenv("HARNESS_AZUREML_WORKSPACE", "nowhere")
    code, out = run(scenario(), "--out", "here")
    assert code == 1
    assert "there is no workspace nowhere in resource group harness-emulator: check the settings" in out
    assert left_in_workspaces() == []


def test_half_of_a_workspace_is_refused(run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_AZUREML_WORKSPACE", "azureml")
    monkeypatch.delenv("HARNESS_AZUREML_RESOURCE_GROUP", raising=False)
    code, out = run(scenario(), "--out", "here")
    assert code == 2
    assert "two settings name an existing workspace, and azureml_resource_group has no value" in out


def test_a_dry_run_says_what_is_used_instead(run: Run, scenario: Write) -> None:
    code, out = run(scenario(), "--dry-run")
    assert code == 0
    assert "c, 2 node(s) Standard_NC4as_T4_v3" in out
    assert "instead         VM size STANDARD_NC6 is retired on 31 August 2023" in out


def test_serverless_jobs_need_no_compute(run: Run, scenario: Write, left_in_workspaces: Left) -> None:
    options = "azureml: {serverless: true, identity: managed, environment: {conda: env.yml}}"
    Path("env.yml").write_text("dependencies: [python=3.11]\n")
    code, out = run(scenario(resource_group=f"resource_group: shortgroup\n{options}"), "--out", "here")
    assert code == 0, out
    assert "Cluster state" not in out
    assert left_in_workspaces() == []
