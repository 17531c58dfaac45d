"""A temporary data directory is recognised by its mark, and by nothing else."""

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from harness.emulator.paths import DataDirectory
from harness.emulator.temporary_directory import (
    Mark,
    claim,
    creation_time,
    delete_directory,
    delete_without_mark,
    read_mark,
    state_of,
    temporary_directories,
    temporary_directory,
)
from harness.process_identity import this_machine

NOBODY = 65534
MAKE = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from harness.emulator.temporary_directory import temporary_directory
with temporary_directory() as directory:
    print(directory, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def orphan(tmp_path: Path) -> Path:
    """The directory of a process that was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", MAKE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as maker:
        assert maker.stdout is not None
        directory = Path(maker.stdout.readline().strip())
        maker.kill()
    return directory


def rewrite(temporary: Path, **changes: object) -> None:
    """Change fields of the mark of a directory."""
    mark = read_mark(temporary)
    assert mark is not None
    DataDirectory(temporary).temporary.write_bytes(msgspec.json.encode(msgspec.structs.replace(mark, **changes)))


def test_it_is_owned_inside_the_block_and_deleted_after(tmp_path: Path) -> None:
    with temporary_directory() as directory:
        (directory / "file").touch()
        assert temporary_directories() == [directory]
        assert state_of(directory) == "owned"
        assert directory.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_it_is_left_when_its_maker_was_killed(orphan: Path) -> None:
    assert state_of(orphan) == "orphaned"
    assert creation_time(orphan) is not None


def test_one_that_another_reap_has_deleted_was_made_at_no_time(orphan: Path) -> None:
    delete_directory(orphan)
    assert creation_time(orphan) is None


@pytest.fixture
def unmarked(orphan: Path) -> Path:
    """The directory of a process that was killed before it had written a mark."""
    DataDirectory(orphan).temporary.unlink()
    return orphan


def test_one_without_a_mark_is_left_when_its_maker_was_killed(unmarked: Path) -> None:
    assert state_of(unmarked) == "orphaned"
    assert creation_time(unmarked) is not None
    assert delete_without_mark(unmarked)
    assert not unmarked.exists()


def test_the_beginning_of_its_mark_may_be_in_it(orphan: Path) -> None:
    mark = DataDirectory(orphan).temporary
    content = mark.read_bytes()
    mark.unlink()
    for size in (0, 1, len(content)):
        mark.with_suffix(".new").write_bytes(content[:size])
        assert state_of(orphan) == "orphaned"
    mark.with_suffix(".new").write_bytes(content + b" ")
    assert state_of(orphan) is None


def test_one_without_a_mark_that_holds_anything_proves_nothing(unmarked: Path) -> None:
    (unmarked / "thesis").touch()
    assert state_of(unmarked) is None
    assert not delete_without_mark(unmarked)
    assert (unmarked / "thesis").exists()


def test_one_without_a_mark_is_owned_while_the_process_of_its_name_lives() -> None:
    with temporary_directory() as directory:
        mark = DataDirectory(directory).temporary
        content = mark.read_bytes()
        mark.unlink()
        assert state_of(directory) == "owned"
        assert not delete_without_mark(directory)
        mark.write_bytes(content)


def test_an_empty_directory_of_another_machine_or_boot_is_elsewhere(unmarked: Path) -> None:
    digest = unmarked.name.split("-")[1]
    other = unmarked.rename(unmarked.with_name(unmarked.name.replace(digest, "0123456789ab")))
    assert state_of(other) == "elsewhere"
    assert not delete_without_mark(other)


@pytest.mark.parametrize("name", ["batchai-thesis", "batchai-x8d2k1ab", "batchai-data-x8d2k1ab", "batchai-1-1-1-1"])
def test_an_empty_directory_of_another_name_proves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert state_of(tmp_path / name) is None
    assert not delete_without_mark(tmp_path / name)


def test_a_lock_that_is_held_keeps_it_owned_whatever_its_mark_says(orphan: Path) -> None:
    """A child of the maker may hold the lock, and still work in the directory."""
    hold = "import fcntl, sys; file = open(sys.argv[1]); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(DataDirectory(orphan).temporary)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert state_of(orphan) == "owned"
        holder.kill()


def test_a_maker_that_lives_keeps_it_owned_whoever_holds_the_lock(orphan: Path) -> None:
    with temporary_directory() as directory:
        mark = read_mark(directory)
        assert mark is not None
        rewrite(orphan, pid=mark.pid, started=mark.started)
        assert state_of(orphan) == "owned"


def test_one_of_another_machine_or_boot_is_elsewhere(orphan: Path) -> None:
    rewrite(orphan, machine=f"{this_machine().partition('.')[0]}.0123456789ab")
    assert state_of(orphan) == "elsewhere"


@pytest.mark.parametrize(
    "changes",
    [{"maker": "another"}, {"directory": "/tmp/batchai-other"}, {"inode": 1}],
    ids=lambda changes: str(*changes),
)
def test_a_mark_that_was_made_for_something_else_proves_nothing(orphan: Path, changes: dict[str, object]) -> None:
    rewrite(orphan, **changes)
    assert state_of(orphan) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"7", b"\xff", b"{" * 20_000, b" " * (1 << 20)])
def test_a_file_that_is_no_mark_proves_nothing(tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / "batchai-thesis"
    directory.mkdir()
    DataDirectory(directory).temporary.write_bytes(content)
    assert state_of(directory) is None


def test_a_directory_or_a_pipe_in_place_of_a_mark_proves_nothing(orphan: Path) -> None:
    mark = DataDirectory(orphan).temporary
    mark.unlink()
    mark.mkdir()
    assert state_of(orphan) is None
    mark.rmdir()
    os.mkfifo(mark)
    assert state_of(orphan) is None


def test_a_copied_directory_proves_nothing(orphan: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(orphan, tmp_path / "batchai-copy")
    assert state_of(copy) is None


def test_a_moved_directory_proves_nothing(orphan: Path) -> None:
    assert state_of(orphan.rename(orphan.with_name("batchai-moved"))) is None


def test_a_directory_that_was_restored_at_its_path_proves_nothing(orphan: Path, tmp_path: Path) -> None:
    backup = shutil.copytree(orphan, tmp_path / "backup")
    orphan.rename(tmp_path / "batchai-old")
    backup.rename(orphan)
    assert state_of(orphan) is None


def test_a_link_to_one_proves_nothing(orphan: Path, tmp_path: Path) -> None:
    link = tmp_path / "batchai-link"
    link.symlink_to(orphan)
    assert state_of(link) is None


def test_a_mark_behind_a_link_proves_nothing(orphan: Path, tmp_path: Path) -> None:
    mark = DataDirectory(orphan).temporary
    mark.rename(tmp_path / "mark")
    mark.symlink_to(tmp_path / "mark")
    assert state_of(orphan) is None


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_one_of_another_user_proves_nothing(orphan: Path) -> None:
    os.chown(orphan, 1, 1)
    assert state_of(orphan) is None


def test_only_what_is_left_is_seized(orphan: Path) -> None:
    with temporary_directory() as owned, claim(owned) as is_seized:
        assert not is_seized
    with claim(orphan) as is_seized:
        assert is_seized


def seize(directory: Path, results: "multiprocessing.SimpleQueue[bool]") -> None:
    with claim(directory) as is_seized:
        if is_seized:
            delete_directory(directory)
        results.put(is_seized)


def test_of_several_that_delete_it_one_does_and_the_others_wait_for_it(orphan: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.SimpleQueue[bool] = context.SimpleQueue()
    with claim(orphan) as is_seized:
        assert is_seized
        processes = [context.Process(target=seize, args=(orphan, results)) for _ in range(2)]
        for process in processes:
            process.start()
        delete_directory(orphan)
    for process in processes:
        process.join()
    assert [results.get(), results.get()] == [False, False]


@pytest.fixture
def mounted(orphan: Path) -> Iterator[Path]:
    """A folder of the directory at which another file system is mounted, with a file."""
    folder = orphan / "jobs" / "a mount"
    folder.mkdir(parents=True)
    result = subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], capture_output=True, check=False)
    if result.returncode:
        pytest.skip("this user cannot mount anything")
    (folder / "file").touch()
    yield folder
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def test_nothing_is_deleted_while_another_file_system_is_mounted_there(orphan: Path, mounted: Path) -> None:
    delete_directory(orphan)
    assert (mounted / "file").exists()
    assert state_of(orphan) == "orphaned"
    subprocess.run(["umount", str(mounted)], check=True)
    delete_directory(orphan)
    assert not orphan.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can create a file that cannot be deleted")
def test_what_cannot_be_deleted_is_still_recognised_afterwards(orphan: Path) -> None:
    stubborn, other = orphan / "stubborn", orphan / "other"
    stubborn.touch()
    other.touch()
    if subprocess.run(["chattr", "+i", str(stubborn)], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no immutable files")
    try:
        delete_directory(orphan)
        assert not other.exists()
        assert state_of(orphan) == "orphaned"
    finally:
        subprocess.run(["chattr", "-i", str(stubborn)], check=True)
    delete_directory(orphan)
    assert not orphan.exists()


def test_links_are_deleted_and_not_followed(orphan: Path, tmp_path: Path) -> None:
    outside = tmp_path / "kept"
    outside.mkdir()
    (outside / "file").touch()
    (orphan / "jobs").mkdir()
    (orphan / "link").symlink_to(outside)
    (orphan / "jobs" / "link").symlink_to(outside)
    delete_directory(orphan)
    assert not orphan.exists()
    assert (outside / "file").exists()


def leave_unwritable_folders(parent: Path, results: "multiprocessing.SimpleQueue[bool]") -> None:
    """Leave unwritable folders in a temporary directory, as an ordinary user, for whom permissions matter."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    tempfile.tempdir = str(parent)
    with temporary_directory() as directory:
        folder = directory / "a" / "b"
        folder.mkdir(parents=True)
        (folder / "file").touch()
        for path in (folder, folder.parent):
            path.chmod(0o500)
    results.put(directory.exists())


def test_folders_that_a_job_has_made_unwritable_are_deleted_too() -> None:
    # The process changes its user itself: the user may not be able to start Python or to enter pytest's directories.
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.SimpleQueue[bool] = context.SimpleQueue()
    with tempfile.TemporaryDirectory(dir="/tmp") as parent:
        Path(parent).chmod(0o777)
        process = context.Process(target=leave_unwritable_folders, args=(Path(parent), results))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert results.get() is False


def test_a_mark_names_its_maker() -> None:
    with temporary_directory() as directory:
        mark = read_mark(directory)
        assert isinstance(mark, Mark)
        assert (mark.pid, mark.directory) == (os.getpid(), str(directory.resolve()))
