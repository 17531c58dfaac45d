"""``harness reap``, against real orphans of killed processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.clouds import open_cloud
from harness.compute.paths import MARK
from harness.compute.process_handle import ends
from harness.config import Settings
from harness.emulator.launch import launch
from harness.resources import Entry, Journal
from harness.resources.owner import Owner, this_process
from harness.resources.reap import find

RUN = """
import sys
from pathlib import Path
from harness.clouds import open_cloud
from harness.compute.paths import MARK
from harness.config import Settings
from harness.resources import FileShare, Journal, Provisioning, ResourceGroup
settings = Settings(emulator_dir=Path(sys.argv[1]) if sys.argv[1] else None)
with open_cloud("emulator", settings, cassettes=Path()) as cloud, cloud.clients("run") as clients:
    made = Provisioning(cloud, clients, Journal(Path(sys.argv[2])), lambda event: None, "killed-run")
    with ResourceGroup(made, name="leftgroup", location="eastus"), FileShare(made, group="leftgroup", name="leftshare", directory="d"):
        print("made", flush=True)
        input()
"""  # noqa: E501


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data directory of an emulator that serves."""
    directory = tmp_path_factory.mktemp("emulator")
    with launch(directory):
        yield directory


@pytest.fixture
def project(own_orphans: None, tmp_path: Path, emulator: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with its own journal; of this machine, only the emulator is searched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_JOURNAL", str(tmp_path / "journal.jsonl"))
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", str(emulator))
    return tmp_path


@contextmanager
def running(directory: Path | str, journal: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has made a group and a share, and waits."""
    command = [sys.executable, "-c", RUN, str(directory), str(journal)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": {**os.environ, **environment}}
    with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "made\n"
        yield process
        process.kill()


@pytest.fixture
def run(emulator: Path, project: Path) -> Iterator[subprocess.Popen[str]]:
    with running(emulator, project / "journal.jsonl") as process:
        yield process
    main(["reap", "--yes"])


def left(directory: Path) -> list[str]:
    settings = Settings(emulator_dir=directory)
    with open_cloud("emulator", settings, cassettes=directory) as cloud, cloud.clients("look") as clients:
        return [resource.name for resource in find(cloud, clients)]


def test_it_says_that_nothing_is_left_behind(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reap"]) == 0
    assert capsys.readouterr().out == "nothing is left behind\n"


def test_what_a_killed_run_left_is_deleted_and_struck_from_the_journal(
    run: subprocess.Popen[str], project: Path, emulator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "deleted resource group leftgroup" in out
    assert "deleted file share leftshare" in out
    assert left(emulator) == []
    assert Journal(project / "journal.jsonl").open_entries() == []


def test_what_a_running_run_owns_is_kept_and_shown(
    run: subprocess.Popen[str], project: Path, emulator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reap", "--yes"]) == 0
    assert f"its run is alive (process {run.pid})" in capsys.readouterr().out
    assert left(emulator) == ["leftgroup", "leftshare"]


def test_a_dry_run_deletes_nothing(
    run: subprocess.Popen[str], project: Path, emulator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--dry-run"]) == 0
    assert "delete" in capsys.readouterr().out
    assert left(emulator) == ["leftgroup", "leftshare"]


def test_without_a_terminal_nothing_is_deleted_unless_an_option_allows_it(
    run: subprocess.Popen[str], project: Path, emulator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap"]) == 2
    assert "nothing was deleted: no terminal can confirm it; add --yes" in capsys.readouterr().err
    assert left(emulator) == ["leftgroup", "leftshare"]


def test_what_is_younger_than_the_age_is_kept(run: subprocess.Popen[str], project: Path, emulator: Path) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--yes", "--older-than", "1h"]) == 0
    assert left(emulator) == ["leftgroup", "leftshare"]


@pytest.mark.slow  # a separate emulator, stopped and started
def test_it_is_found_from_anywhere_by_the_journal_and_its_emulator_started_for_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(project / "another", project / "journal.jsonl") as process:
        process.kill()
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    assert main(["reap", "--yes"]) == 0
    assert left(project / "another") == []


@pytest.mark.slow  # a whole run, killed
def test_the_own_emulator_of_a_killed_run_is_deleted_with_its_content(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    with running("", project / "journal.jsonl", TMPDIR=str(project)) as process:
        [directory] = project.glob("batchai-*")
        process.kill()
    assert main(["reap", "--yes", "--older-than", "1h"]) == 0
    assert directory.exists()
    assert main(["reap", "--yes"]) == 0
    assert f"deleted {directory}" in capsys.readouterr().out
    assert not directory.exists()
    assert Journal(project / "journal.jsonl").open_entries() == []


def test_an_emulator_that_does_not_start_does_not_keep_others_from_being_searched(
    run: subprocess.Popen[str], project: Path, emulator: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    broken = project / "broken"
    broken.mkdir()
    (broken / "lock").touch()
    (broken / "emulator.db").write_text("this is no database" * 100)
    Journal(project / "journal.jsonl").append(Entry("r", "cluster", "g", "c", "creating", "emulator", str(broken)))
    assert main(["reap", "--yes"]) == 1
    captured = capsys.readouterr()
    assert f"NOT searched {broken}: the emulator did not start" in captured.err
    assert "deleted resource group leftgroup" in captured.out


def test_a_path_in_the_journal_that_cannot_be_checked_is_skipped_and_stays_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(project / "journal.jsonl")
    paths = [f"/{'long' * 200}", "/a/\x00", "/dev/null/a"]
    for path in paths:
        ended = Owner(this_process().host, os.getpid(), "1")
        journal.append(Entry("r", "cluster", "g", path, "creating", "emulator", path, owner=ended))
    assert main(["reap", "--yes"]) == 0
    assert "nothing is left behind" in capsys.readouterr().out
    assert [entry.place for entry in journal.open_entries()] == paths[:1]


@pytest.mark.parametrize("age", ["soon", "99999999999d", f"{'9' * 5000}s"])
def test_an_age_that_is_none_is_bad_input(project: Path, capsys: pytest.CaptureFixture[str], age: str) -> None:
    assert main(["reap", "--older-than", age]) == 2
    assert f"'{age}' is not an age; write 90m, 2h, 7d or PT2H" in capsys.readouterr().err


def test_azure_without_settings_names_the_one_that_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "HARNESS_SUBSCRIPTION_ID"):
        monkeypatch.delenv(name, raising=False)
    assert main(["reap", "--cloud", "azure"]) == 2
    assert "the setting subscription_id has no value" in capsys.readouterr().err


SLEEPER = """
scenario: sleeper
resource_group: sleepers
share: {name: sleepers}
cluster: {name: bed}
job: {name: sleep, toolkit: customToolkit, command: sleep 120, stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare}
"""


@pytest.mark.slow  # a whole run, killed
def test_a_run_that_is_killed_while_its_job_runs_leaves_nothing_after_a_reap(project: Path) -> None:
    (project / "sleeper.yaml").write_text(SLEEPER)
    environment = {name: value for name, value in os.environ.items() if name != "HARNESS_EMULATOR_DIR"}
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "sleeper.yaml"],
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, "TMPDIR": str(project)},
    ) as process:
        assert process.stdout is not None
        while "is running" not in process.stdout.readline():
            assert process.poll() is None
        [directory] = project.glob("batchai-*")
        process.kill()
    sleeping = [sleeper for sleeper in psutil.process_iter() if _job_of(sleeper).startswith(str(directory))]
    assert sleeping != []
    journal = Journal(project / "journal.jsonl")
    assert {entry.kind for entry in journal.open_entries()} >= {"resource group", "cluster", "job"}
    assert main(["reap", "--yes"]) == 0
    assert all(ends(sleeper.pid, seconds=0) for sleeper in sleeping)
    assert not directory.exists()
    assert Journal(project / "journal.jsonl").open_entries() == []


def _job_of(process: psutil.Process) -> str:
    """The directory of the job that a process belongs to, empty for others."""
    try:
        return process.environ().get(MARK, "")
    except (psutil.Error, OSError):
        return ""
