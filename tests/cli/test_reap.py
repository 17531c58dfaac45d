"""``harness reap``, against real leftovers of killed processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import main
from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.launch import start_detached, stop
from harness.resources import Journal
from harness.resources.reap import find

RUN = """
import sys
from pathlib import Path
from harness.clouds import open_cloud
from harness.config import Settings
from harness.resources import FileShare, Journal, Provisioning, ResourceGroup
settings = Settings(emulator_dir=Path(sys.argv[1]))
with open_cloud("emulator", settings, cassettes=Path()) as cloud, cloud.clients("run") as clients:
    made = Provisioning(cloud, clients, Journal(Path(sys.argv[2])), lambda event: None, "killed-run")
    with ResourceGroup(made, name="leftgroup", location="eastus"), FileShare(made, group="leftgroup", name="leftshare", directory="d", upload={}):
        print("made", flush=True)
        input()
"""  # noqa: E501


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with an emulator that runs, and a journal of its own; nothing else of this machine is looked at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_JOURNAL", str(tmp_path / "journal.jsonl"))
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", str(tmp_path / "emulator"))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return tmp_path


@pytest.fixture
def run(project: Path) -> subprocess.Popen[str]:
    """A run that has made a group and a share, and waits."""
    start_detached(project / "emulator")
    words = [sys.executable, "-c", RUN, str(project / "emulator"), str(project / "journal.jsonl")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        yield process
        process.kill()
    stop(project / "emulator")


def left(project: Path) -> list[str]:
    settings = Settings(emulator_dir=project / "emulator")
    with open_cloud("emulator", settings, cassettes=project) as cloud, cloud.clients("look") as clients:
        return [found.name for found in find(cloud, clients)]


def test_nothing_left_is_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reap"]) == 0
    assert capsys.readouterr().out == "nothing is left behind\n"


def test_what_a_killed_run_left_is_deleted_and_struck_from_the_journal(
    run: subprocess.Popen[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "deleted resource group leftgroup" in out
    assert "deleted file share leftshare" in out
    assert left(project) == []
    assert Journal(project / "journal.jsonl").left() == []


def test_what_a_living_run_owns_is_kept_and_said_so(
    run: subprocess.Popen[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reap", "--yes"]) == 0
    assert f"its run is alive (process {run.pid})" in capsys.readouterr().out
    assert left(project) == ["leftgroup", "leftshare"]


def test_a_dry_run_deletes_nothing(
    run: subprocess.Popen[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--dry-run"]) == 0
    assert "delete" in capsys.readouterr().out
    assert left(project) == ["leftgroup", "leftshare"]


def test_without_a_terminal_nothing_is_deleted_unless_told_to(
    run: subprocess.Popen[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run.kill()
    run.wait()
    assert main(["reap"]) == 2
    assert "nothing was deleted: there is no terminal to ask on; add --yes" in capsys.readouterr().err
    assert left(project) == ["leftgroup", "leftshare"]


def test_what_is_younger_than_asked_for_is_spared(run: subprocess.Popen[str], project: Path) -> None:
    run.kill()
    run.wait()
    assert main(["reap", "--yes", "--older-than", "1h"]) == 0
    assert left(project) == ["leftgroup", "leftshare"]


def test_it_is_found_from_anywhere_by_the_journal(
    run: subprocess.Popen[str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.kill()
    run.wait()
    stop(project / "emulator")
    (project / "elsewhere").mkdir()
    monkeypatch.chdir(project / "elsewhere")
    monkeypatch.delenv("HARNESS_EMULATOR_DIR")
    assert main(["reap", "--yes"]) == 0
    assert left(project) == []


def test_an_age_that_is_none_is_bad_input(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reap", "--older-than", "soon"]) == 2
    assert "'soon' is no age; write 90m, 2h, 7d or PT2H" in capsys.readouterr().err


def test_azure_without_settings_names_the_one_that_is_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AZURE_SUBSCRIPTION_ID", "HARNESS_SUBSCRIPTION_ID"):
        monkeypatch.delenv(name, raising=False)
    assert main(["reap", "--cloud", "azure"]) == 2
    assert "the setting subscription_id has no value" in capsys.readouterr().err
