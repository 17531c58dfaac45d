"""``harness run --resume`` after its process was killed: jobs that still run are reported, continued or ended."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.clouds import Clients, open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from tests.commands import harness_command
from tests.fakes import SCRIPT

Write = Callable[..., Path]
Kill = Callable[[Path], None]

WAITING = f"""\
until [ -e $AZ_BATCHAI_MOUNT_ROOT/azurefileshare/go ]; do sleep 0.05; done
{SCRIPT}"""


@pytest.fixture
def kill(tmp_path: Path) -> Iterator[Kill]:
    """Start a run, and kill its process as soon as its job runs."""
    with ExitStack() as stack:

        def start_and_kill(scenario: Path) -> None:
            command = harness_command("run", str(scenario), "--out", "here")
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            assert process.stdout is not None
            for line in process.stdout:
                if "is running" in line:
                    break
            process.send_signal(signal.SIGKILL)
            process.wait()

        yield start_and_kill


@pytest.fixture
def clients(emulator: Endpoint, tmp_path: Path) -> Iterator[Clients]:
    with (
        open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
        cloud.clients("s/look") as opened,
    ):
        yield opened


def test_a_trial_whose_job_still_runs_continues_with_it(
    scenario: Write, kill: Kill, clients: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(script=WAITING)
    kill(path)
    (path.parent / "go").touch()
    path.write_text(path.read_text().replace("[{file: train.sh}]", "[{file: train.sh}, {file: go}]"))
    assert main(["run", str(path), "--out", "here", "--resume"]) == 0
    shown = capsys.readouterr().out

    assert "jobs of the killed run still run: j (" in shown
    assert "trials with the same parameters continue with them; to end them first, add --end-jobs" in shown
    assert not clients.files.exists("shortshare"), "a resumed run deletes what the killed one has made"
    assert "shortgroup" not in [group.name for group in clients.resources.resource_groups.list()]


def test_jobs_of_a_killed_run_are_ended_on_request(
    scenario: Write, kill: Kill, clients: Clients, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scenario(script=WAITING)
    kill(path)
    (path.parent / "train.sh").write_text(SCRIPT)
    assert main(["run", str(path), "--out", "here", "--resume", "--end-jobs", "--set", "score=1.5"]) == 0
    shown = capsys.readouterr().out

    assert "jobs of the killed run still run: j (running)\ndeleted shortgroup\ndeleted shortshare\n" in shown
    assert "score = 1.5" in shown


def test_a_run_that_left_nothing_running_says_nothing(scenario: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = scenario("{grid: {score: [0.5, 1]}}")
    main(["run", str(path), "--out", "here", "--limit", "1"])
    assert main(["run", str(path), "--out", "here", "--resume"]) == 0

    assert "killed run" not in capsys.readouterr().out


def test_ending_jobs_needs_a_run_to_continue(scenario: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(scenario()), "--end-jobs"]) == 2
    assert "--end-jobs ends jobs of the run that --resume continues: add --resume and --out" in capsys.readouterr().err


@pytest.mark.slow  # two emulators start
def test_jobs_of_an_emulator_that_ended_with_the_killed_run_are_found_on_this_machine(
    scenario: Write, kill: Kill, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    path = scenario(script=WAITING)
    kill(path)
    (path.parent / "train.sh").write_text(SCRIPT)
    assert main(["run", str(path), "--out", "here", "--resume", "--end-jobs"]) == 0
    shown = capsys.readouterr().out

    assert "jobs of the killed run still run on this machine: processes " in shown
    assert f"deleted {tmp_path / 'tmp'}" in shown
    assert [process.pid for process in psutil.process_iter() if str(tmp_path) in " ".join(cmdline(process))] == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
