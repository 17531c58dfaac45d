"""``reset`` deletes the directory of an emulator, and no file of others."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main
from harness.compute.paths import MARK
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import load_identity
from harness.emulator.launch import find, start_detached, stop
from harness.emulator.options import Options
from harness.emulator.paths import DataDirectory
from harness.emulator.reset import reset
from harness.emulator.store import Store
from harness.errors import EmulatorError

MakeDirectory = Callable[[], Path]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The data directory of an emulator that has ended, with a file on a share."""
    paths = DataDirectory(tmp_path / "data")
    paths.prepare()
    load_identity(paths)
    Store(paths.database).close()
    paths.lock.write_text("1")
    (paths.storage / "account").mkdir()
    (paths.storage / "account" / "f.txt").write_text("a file on a share")
    return paths.root


def content(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def test_the_directory_of_an_emulator_is_deleted(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emulator", "reset", "--dir", str(directory)]) == 0
    assert not directory.exists()
    assert capsys.readouterr().err == f"{directory} is empty\n"


def test_a_directory_that_only_holds_something_called_lock_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lock").write_text("")
    (tmp_path / "thesis.tex").write_text("years of work")

    assert main(["emulator", "reset", "--dir", str(tmp_path)]) == 2
    assert content(tmp_path) == {"lock", "thesis.tex"}
    assert "is not an emulator's data directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name",
    [
        "thesis.tex",
        "emulator.db.bak",
        "identity.json~",
        ".git",
        "storage2",
        "ca.pem.d",
        "jobs/a",
        "nodes/a",
        "storage/a",
    ],
)
def test_anything_else_in_it_refuses_the_whole_and_is_named(directory: Path, name: str) -> None:
    (directory / name).write_text("mine")
    before = content(directory)

    with pytest.raises(EmulatorError, match=f"holds entries that no emulator created: '{name}'; nothing was deleted"):
        reset(directory)
    assert content(directory) == before


@pytest.mark.parametrize("name", ["storage", "emulator.log"])
def test_a_link_by_a_name_of_ours_refuses_the_whole(directory: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").write_text("mine")
    if (directory / name).is_dir():
        shutil.rmtree(directory / name)
    (directory / name).symlink_to(elsewhere)

    with pytest.raises(EmulatorError, match="holds entries that no emulator created"):
        reset(directory)
    assert content(elsewhere) == {"kept.txt"}


def test_links_in_a_share_are_not_followed(directory: Path, tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    (directory / "storage" / "account" / "link").symlink_to(tmp_path)
    reset(directory)

    assert content(tmp_path) == {"kept.txt"}


@pytest.mark.parametrize("name", ["identity.json", "emulator.db"])
@pytest.mark.parametrize("content_of_it", [None, b"", b"{}", b"SQLite format 3\0"])
def test_without_an_identity_and_a_store_of_ours_nothing_is_deleted(
    directory: Path, name: str, content_of_it: bytes | None
) -> None:
    if content_of_it is None:
        (directory / name).unlink()
    else:
        (directory / name).write_bytes(content_of_it)
    before = content(directory)

    with pytest.raises(EmulatorError, match="is not an emulator's data directory"):
        reset(directory)
    assert content(directory) == before


def test_a_database_of_another_program_is_not_deleted(directory: Path) -> None:
    import sqlite3

    (directory / "emulator.db").unlink()
    connection = sqlite3.connect(directory / "emulator.db")
    connection.execute("CREATE TABLE photographs (name TEXT)")
    connection.close()

    with pytest.raises(EmulatorError, match="is not an emulator's data directory"):
        reset(directory)


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    reset(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    reset(tmp_path / "empty")


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(EmulatorError, match="is not a directory of yours"):
        reset(tmp_path / "file")


def test_a_job_that_took_its_own_rights_away_does_not_keep_its_files(directory: Path) -> None:
    folder = directory / "jobs" / "1" / "locked"
    folder.mkdir(parents=True)
    (folder / "f").write_text("")
    folder.chmod(0)
    reset(directory)

    assert not directory.exists()


def test_what_comes_into_it_while_its_jobs_end_stays(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_file(root: Path) -> None:
        (root / "thesis.tex").write_text("years of work")

    monkeypatch.setattr("harness.emulator.reset.end_jobs", write_file)
    with pytest.raises(EmulatorError, match=r"these could not be deleted from .*: 'thesis\.tex'"):
        reset(directory)
    assert (directory / "thesis.tex").read_text() == "years of work"


@pytest.mark.slow  # starts a new emulator
def test_a_running_emulator_is_stopped_and_its_jobs_end(tmp_path: Path) -> None:
    directory = tmp_path / "a directory"
    start_detached(Options(directory))
    job = directory / "jobs" / "1"
    job.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={MARK: str(job)}) as process:
        reset(directory)

        assert process.wait() < 0
    assert not directory.exists()
    assert find(directory) is None


@pytest.mark.slow  # starts a new emulator
def test_a_refused_directory_keeps_its_emulator(tmp_path: Path) -> None:
    endpoint = start_detached(Options(tmp_path / "data"))
    try:
        (tmp_path / "data" / "mine.txt").write_text("mine")
        with pytest.raises(EmulatorError, match=r"'mine\.txt'"):
            reset(tmp_path / "data")
        assert find(tmp_path / "data") == endpoint
    finally:
        stop(tmp_path / "data")


@pytest.mark.slow  # starts a new emulator
def test_an_emulator_that_another_run_owns_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint
) -> None:
    from harness.emulator.launch import launch

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with launch() as running:
        with pytest.raises(EmulatorError, match="belongs to a run that has not ended"):
            reset(Path(running.directory))
        assert find(Path(running.directory)) == running


def test_everything_that_an_emulator_makes_is_known(endpoint: Endpoint) -> None:
    paths = DataDirectory(Path(endpoint.directory))

    assert [entry.name for entry in paths.root.iterdir() if not paths.is_own_entry(entry)] == []
