"""``harness run`` on a real emulator, with jobs of a second at most."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.cli import main
from harness.clouds import open_cloud
from harness.compute.process_handle import ends
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import stop

OWN_GROUP = "harness-emulator"  # a group that every emulator has
Write = Callable[..., Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command in this process: exit code, standard output and standard error."""

    def run_it(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["run", *map(str, words)])
        return code, *capsys.readouterr()

    return run_it


@pytest.fixture
def groups(emulator: Endpoint, tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists the resource groups in the emulator."""

    def list_them() -> list[str]:
        with (
            open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
            cloud.clients("s/groups") as clients,
        ):
            names = [group.name for group in clients.resources.resource_groups.list()]
            return [name for name in names if name != OWN_GROUP]

    return list_them


def outcomes(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "outcomes.jsonl").read_text().splitlines()]


def test_a_run_that_does_as_expected_ends_with_0(run: Run, scenario: Write, groups: Callable[[], list[str]]) -> None:
    code, out, _ = run(scenario(), "--out", "here")
    assert code == 0
    assert "Cluster state: steady Target: 2; Allocated: 2; Idle: 2;" in out
    assert groups() == []
    (outcome,) = outcomes(Path("here"))
    assert outcome["scenario"] == "short"
    assert outcome["trial"] == "default"
    assert outcome["parameters"] == {"score": 0.5, "code": 0, "pause": 0}
    assert (outcome["state"], outcome["exit_code"]) == ("succeeded", 0)
    assert outcome["metrics"] == {"score": 0.5}
    assert outcome["files"]["MODEL"] == ["net_1.txt", "net_10.txt", "net_2.txt"]
    assert (outcome["data"], outcome["cloud"]) == (None, "emulator")
    assert outcome["toolkit"].startswith("custom command line")
    assert outcome["durations"].keys() == {"queued", "running"}
    assert outcome["versions"]["azure-mgmt-batchai"] == "7.0.0"


def test_logs_and_the_last_model_are_downloaded(run: Run, scenario: Write) -> None:
    run(scenario(), "--out", "here")
    paths = {str(path.relative_to("here/default")) for path in Path("here/default").rglob("*") if path.is_file()}
    assert paths == {"stdout.txt", "stderr.txt", "execution.log", "MODEL/net_10.txt"}
    assert Path("here/default/stderr.txt").read_text() == "about to end with 0\n"


def test_a_run_without_out_gets_its_own_directory_and_prints_it(run: Run, scenario: Write) -> None:
    _, out, _ = run(scenario())
    (directory,) = (path for path in Path("runs").iterdir() if path.is_dir())
    assert f"run directory: {directory}" in out


def test_every_trial_of_a_sweep_runs_on_one_cluster(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario("{grid: {score: [0, 1], pause: [0, 0.1]}}"), "--out", "here")
    assert code == 0
    assert out.count("created c ") == 1
    assert {outcome["trial"] for outcome in outcomes(Path("here"))} == {
        "score=0,pause=0", "score=0,pause=0.1", "score=1,pause=0", "score=1,pause=0.1",
    }  # fmt: skip


def test_a_failing_trial_shows_lines_parameters_values_and_log(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario("{grid: {score: [1, 3]}}"), "--out", "here")
    assert code == 1
    failure = out[out.index("trial score=3 of") :]
    for part in (
        "short.yaml:15: expect.metrics.score",
        "observed: 3",
        "expected: at most 2",
        "score=3",
        "about to end with 0",
        "files: here/score=3",
    ):
        assert part in failure


def test_a_job_that_exits_3_reports_its_exit_code_and_stderr(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario(), "--set", "code=3", "--out", "here")
    assert code == 1
    assert "observed: failed (JobFailed: Job failed with non-zero exit code)" in out
    assert "job: failed, exit code 3" in out
    assert "    about to end with 3\n" in out


def test_the_jobs_own_lines_are_shown_while_it_runs(run: Run, scenario: Write) -> None:
    _, out, _ = run(scenario(), "--set", "pause=1", "--out", "here")
    assert out.index("default | score = 0.5") < out.index("job j is succeeded")


def test_resuming_runs_what_has_no_outcome_yet(run: Run, scenario: Write) -> None:
    path = scenario("{grid: {score: [0, 1, 2]}}")
    assert run(path, "--out", "here", "--limit", "2")[0] == 0
    # The order is that of their ends, because they ran in parallel.
    assert {outcome["trial"] for outcome in outcomes(Path("here"))} == {"score=0", "score=1"}
    code, out, _ = run(path, "--out", "here", "--resume")
    assert (code, [outcome["trial"] for outcome in outcomes(Path("here"))][2:]) == (0, ["score=2"])
    assert [row.split()[0] for row in out.rstrip().splitlines()[-3:]] == ["0", "1", "2"]  # the table shows all


def test_resuming_what_is_complete_creates_nothing(run: Run, scenario: Write) -> None:
    run(scenario(), "--out", "here")
    code, out, _ = run(scenario(), "--out", "here", "--resume")
    assert (code, "created" in out) == (0, False)


def test_a_run_directory_is_not_used_twice_by_accident(run: Run, scenario: Write) -> None:
    run(scenario(), "--out", "here")
    code, _, err = run(scenario(), "--out", "here")
    assert code == 2
    assert "continue it with --resume, or name another directory" in err


def test_resume_needs_a_directory(run: Run, scenario: Write) -> None:
    code, _, err = run(scenario(), "--resume")
    assert (code, err) == (2, "harness: --resume continues an earlier run: name the run directory with --out\n")


def test_a_dry_run_prints_the_plan_and_touches_nothing(run: Run, scenario: Write, project: Path) -> None:
    path = scenario("{grid: {score: [0, 1]}}")
    before = sorted(project.rglob("*"))
    code, out, _ = run(path, "--dry-run")
    assert code == 0
    for part in ("shortgroup", "shortshare", "train.sh", "2 node(s)", "score=0: customToolkit job j-score-0-"):
        assert part in out
    assert sorted(project.rglob("*")) == before


def test_a_million_trials_are_counted_and_a_part_of_them_can_be_run(run: Run, scenario: Write) -> None:
    numbers = f"[{', '.join(map(str, range(1000)))}]"
    path = scenario(f"{{grid: {{pause: [0], score: {numbers}, code: {numbers}}}}}", expect="expect: {}")
    code, out, _ = run(path, "--dry-run")
    assert (code, "trials          1000000" in out, "and 999950 more" in out) == (0, True, True)
    code, _, err = run(path, "--out", "here")
    assert code == 2
    assert "has 1000000 trials, a run takes at most 10000" in err
    assert not Path("here").exists()
    assert run(path, "--out", "here", "--limit", "1")[0] == 0
    assert [outcome["trial"] for outcome in outcomes(Path("here"))] == ["pause=0,score=0,code=0"]


def test_uploads_from_elsewhere_need_the_option(run: Run, scenario: Write, project: Path) -> None:
    (project / "scenarios").mkdir()
    path = scenario().rename(project / "scenarios" / "short.yaml")
    path.write_text(path.read_text().replace("file: train.sh", "file: ../train.sh"))
    code, _, err = run(path, "--dry-run")
    assert code == 2
    assert f"outside of the scenario's folder {path.parent}; to upload it nevertheless" in err
    code, out, _ = run(path, "--dry-run", "--upload-from", project)
    assert (code, f"./train.sh from {path.parent}/../train.sh" in out) == (0, True)
    assert run(path, "--upload-from", project, "--out", "here")[0] == 0


def test_two_scenarios_share_a_run_directory(run: Run, scenario: Write) -> None:
    code, _, _ = run(scenario(), scenario(name="other"), "--out", "here", "--set", "score=1")
    assert code == 0
    assert [outcome["scenario"] for outcome in outcomes(Path("here"))] == ["short", "other"]
    assert Path("here/other/default/stdout.txt").read_text() == "score = 1\n"


def test_a_kept_cluster_is_found_again(
    run: Run, scenario: Write, groups: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    path = scenario()
    try:
        code, out, _ = run(path, "--reuse", "--out", "first")
        assert (code, "an emulator keeps running in .harness/emulator" in out) == (0, True)
        code, out, _ = run(path, "--reuse", "--out", "second")
        assert code == 0
        assert "cluster c exists already and is used again" in out
        assert "created c " not in out
    finally:
        stop(project / ".harness/emulator")


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({"cluster": "clustr: {name: c}"}, (), "short.yaml:4: clustr: there is no such field; did you mean 'cluster'?"),
        ({}, ("--set", "epochs=1"), "--set epochs: no such parameter; one of: score, code, pause"),
        ({}, ("--set", "epochs"), "--set epochs: write NAME=VALUE, for example --set epochs=5"),
        ({"share": "share: {name: abc, upload: [{file: gone}]}"}, (), "short.yaml:3: share.upload.0: there is no file"),
        ({"cluster": "cluster: {name: c, nodes: 2, vm_size: NC6}"}, (), "short.yaml:4: cluster.vm_size: there is no"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_2_and_one_message(
    run: Run, scenario: Write, changes: dict[str, str], words: tuple[str, ...], message: str
) -> None:
    code, _, err = run(scenario(**changes), *words, "--out", "here")
    assert code == 2
    assert message in err
    assert "Traceback" not in err


def test_a_wrong_client_secret_names_the_setting(run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    code, _, err = run(scenario(), "--out", "here")
    assert code == 1
    assert "client_secret" in err
    assert "wrong\n" not in err
    assert "Traceback" not in err


def test_a_script_that_is_not_on_the_share_is_reported_before_a_job_is_submitted(
    run: Run, scenario: Write, groups: Callable[[], list[str]]
) -> None:
    job = "  toolkit: pyTorch\n  script: $AZ_BATCHAI_INPUT_S/tain.py\n"
    path = scenario()
    path.write_text(path.read_text().replace("  toolkit: customToolkit\n", job).replace("  command:", "  args:"))
    code, out, err = run(path, "--out", "here")
    assert code == 1
    assert "the script tain.py is not on share shortshare; uploaded to its root: train.sh" in err
    assert ("is queued" in out, "created c" in out, groups()) == (False, False, [])


def test_a_job_over_its_limit_is_stopped_and_says_so(run: Run, scenario: Write) -> None:
    path = scenario(limits="limits: {queued: PT1M, running: PT1S}")
    code, out, _ = run(path, "--set", "pause=60", "--out", "here")
    assert code == 1
    (outcome,) = outcomes(Path("here"))
    assert (outcome["state"], outcome["exit_code"]) == ("failed", None)
    assert "observed: failed (" in out


@pytest.fixture
def started(project: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the command in another process."""
    processes: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "harness", "run", *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[str], words: str) -> None:
    """Read the output of a process until a line contains a text."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return
    pytest.fail(f"{words!r} was not printed: {''.join(lines)}{process.stderr.read() if process.stderr else ''}")


@pytest.mark.parametrize(
    ("moment", "signum", "code"),
    [
        pytest.param("trial(s)", signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param("created shortgroup", signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param("uploaded train.sh", signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param("Cluster state", signal.SIGTERM, 143, marks=pytest.mark.slow),
        ("is running", signal.SIGINT, 130),
        ("deleted c", signal.SIGTERM, 143),
    ],
)
def test_a_signal_leaves_nothing_behind(  # noqa: PLR0917 - half of them are parameters
    started: Callable[..., subprocess.Popen[str]],
    scenario: Write,
    groups: Callable[[], list[str]],
    moment: str,
    signum: int,
    code: int,
) -> None:
    pause = 0 if moment.startswith("deleted") else 60
    process = started(scenario(), "--set", f"pause={pause}", "--out", "here")
    until(process, moment)
    process.send_signal(signum)
    _, err = process.communicate(timeout=300)
    assert process.returncode == code
    assert "Traceback" not in err
    assert groups() == []


@pytest.mark.usefixtures("with_hangups")
def test_a_terminal_that_closes_leaves_nothing_behind(
    started: Callable[..., subprocess.Popen[str]], scenario: Write, groups: Callable[[], list[str]]
) -> None:
    process = started(scenario(), "--set", "pause=60", "--out", "here")
    until(process, "is running")
    assert process.stdout is not None
    process.stdout.close()
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=300) > 0
    assert groups() == []


@pytest.mark.slow  # a whole run, ended
def test_a_second_ctrl_c_does_not_break_the_teardown(
    started: Callable[..., subprocess.Popen[str]],
    scenario: Write,
    groups: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")  # the run then ends a temporary emulator
    process = started(scenario(), "--set", "pause=60", "--out", "here")
    until(process, "is running")
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert all(ends(child.pid, seconds=60) for child in children)


@pytest.mark.slow  # a whole run, and another one
def test_a_run_whose_own_emulator_is_killed_says_so_and_can_be_resumed(
    started: Callable[..., subprocess.Popen[str]], scenario: Write, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    path = scenario()
    process = started(path, "--set", "pause=60", "--out", "here", "--fault", "throttle=0.1")
    until(process, "is running")
    (emulator,) = [child for child in psutil.Process(process.pid).children() if "harness.emulator" in child.cmdline()]
    emulator.kill()
    out, err = process.communicate(timeout=300)
    cause = "the emulator that this run started was ended by SIGKILL"
    remedy = "to run the remaining trials, use --out here --resume"
    assert (process.returncode, err) == (1, f"harness: {cause}; {remedy}; it printed nothing\n")
    assert "left behind" not in out
    assert run(path, "--out", "here", "--resume")[0] == 0


def test_resuming_with_another_value_keeps_the_files_of_the_earlier_outcome(run: Run, scenario: Write) -> None:
    run(scenario(), "--out", "here")
    run(scenario(), "--out", "here", "--resume", "--set", "score=1.5")
    scores = {outcome["parameters"]["score"]: outcome["directory"] for outcome in outcomes(Path("here"))}

    assert {score: (Path("here") / name / "stdout.txt").read_text() for score, name in scores.items()} == {
        0.5: "score = 0.5\n",
        1.5: "score = 1.5\n",
    }


def test_a_run_that_is_refused_before_it_begins_leaves_no_directory(
    run: Run, scenario: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CLIENT_SECRET", "wrong")
    code, _, err = run(scenario())

    assert (code, "sign-in was refused" in err) == (1, True)
    assert not Path("runs").exists()


def test_trials_run_on_the_clusters_that_they_name_and_the_best_is_reported(run: Run, scenario: Write) -> None:
    swept = {
        "cluster": "cluster: {name: c, vm_size: '{size}'}",
        "parameters": "parameters: {score: 0.5, code: 0, pause: 0, size: STANDARD_NC6}",
    }
    path = scenario("{zip: {size: [STANDARD_NC6, STANDARD_NC12], score: [1, 0.25]}, goal: {minimize: score}}", **swept)
    code, out, _ = run(path, "--out", "here")
    assert code == 0
    assert out.count("created c-") == out.count("deleted c-") == 2
    assert "best: size=STANDARD_NC12,score=0.25 (score 0.25)" in out
    _, plan, _ = run(path, "--dry-run")
    assert plan.count(" for 1 of the trials") == 2


def test_what_came_out_of_a_trial_of_a_sweep_is_reported_while_others_run(run: Run, scenario: Write) -> None:
    expect = {"expect": "expect: {metrics: {score: {max: 1}}}"}
    code, out, _ = run(scenario("{grid: {score: [1, 2]}}", **expect), "--out", "here")
    assert code == 1
    before = out.partition("\ndeleted ")[0].splitlines()
    assert "score=1: score 1" in before
    assert "score=2: score 2; not as expected: expect.metrics.score: 2, expected at most 1" in before


def test_what_failed_and_is_not_run_again_yet_still_counts(run: Run, scenario: Write) -> None:
    path = scenario("{grid: {code: [3, 4]}}", expect="expect: {exit_code: 0}")
    assert run(path, "--out", "here")[0] == 1
    Path("train.sh").write_text("echo score = 1\n")
    code, out, _ = run(path, "--out", "here", "--rerun", "failed", "--limit", "1")
    assert (code, "trial code=4 of" in out) == (1, True)
    assert run(path, "--out", "here", "--rerun", "failed")[0] == 0


def test_what_is_expected_of_a_sweep_is_judged_when_all_trials_have_ended(run: Run, scenario: Write) -> None:
    path = scenario("{grid: {score: [1, 2]}, goal: {minimize: score}, expect: {best: {score: {max: 0.5}}}}")
    code, out, _ = run(path, "--out", "here", "--limit", "1")
    assert code == 0
    assert "the expectations of the sweep are checked when all its trials have an outcome" in out
    code, out, _ = run(path, "--out", "here", "--resume")
    assert code == 1
    assert (
        "sweep.expect.best.score\n    observed: 1, of trial score=1\n    expected: a best score of at most 0.5" in out
    )


def test_failures_that_are_alike_are_reported_once_and_the_table_comes_last(run: Run, scenario: Write) -> None:
    code, out, _ = run(scenario("{grid: {score: [1, 1.5, 1.75]}}"), "--set", "code=3", "--out", "here")
    assert code == 1
    assert out.count("observed: failed") == 1
    assert "2 more trial(s) failed alike: score=1.5, score=1.75" in out
    heading, *rows = out.rstrip().splitlines()[-4:]
    assert heading.split()[:2] == ["parameters.score", "metrics.score"]
    assert "code" not in heading.split()
    assert [row.split()[0] for row in rows] == ["1", "1.5", "1.75"]
    assert all("failed" in row and "no" in row for row in rows)
