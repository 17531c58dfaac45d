"""Files with several names: their records and their disk usage after names are replaced, renamed or deleted."""

import shutil
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.usage import used_bytes
from tests.emulator.storage_service.lone_storage import Call, LoneStorage, lone_storage, run

META = ("x-ms-meta-of", "file")


def file(path: str) -> Call:
    return Call("file", "PUT", path, (("x-ms-type", "file"), ("x-ms-content-length", "4096"), META))


def hard_link(path: str, target: str) -> Call:
    return Call("file", "PUT", f"{path}?restype=hardlink", (("x-ms-file-target-file", target),))


def rename(path: str, source: str) -> Call:
    address = f"https://mine.file.core.windows.net/{source}"
    headers = (("x-ms-file-rename-source", address), ("x-ms-file-rename-replace-if-exists", "true"))
    return Call("file", "PUT", f"{path}?comp=rename", headers)


NFS = Call("file", "PUT", "share?restype=share", (("x-ms-enabled-protocols", "NFS"),))


def succeed(storage: LoneStorage, *calls: Call) -> None:
    assert [response.status for response in run(storage, *calls) if response.status >= 300] == []


@pytest.mark.parametrize(
    "replacing",
    [(), (file("share/a"),), (file("share/other"), rename("share/a", "share/other"))],
    ids=["deleted", "replaced", "renamed over"],
)
def test_no_record_is_left_of_a_file_whose_names_are_deleted(tmp_path: Path, replacing: tuple[Call, ...]) -> None:
    with lone_storage(tmp_path, SteppingClock()) as storage:
        succeed(storage, NFS)
        for _ in range(2):
            succeed(storage, file("share/a"), hard_link("share/b", "a"), Call("file", "DELETE", "share/b"))
            succeed(storage, *replacing, Call("file", "DELETE", "share/a"))

        assert storage.store.list(Properties) == []


def test_a_name_that_is_replaced_leaves_the_record_of_the_others(tmp_path: Path) -> None:
    with lone_storage(tmp_path, SteppingClock()) as storage:
        succeed(storage, NFS, file("share/a"), hard_link("share/b", "a"))
        succeed(storage, file("share/a"))

        [response] = run(storage, Call("file", "HEAD", "share/b"))

        assert META in response.headers


def test_a_renamed_directory_keeps_the_records_of_its_linked_files_in_a_copy(tmp_path: Path) -> None:
    with lone_storage(tmp_path / "first", SteppingClock()) as storage:
        directory = Call("file", "PUT", "share/d?restype=directory")
        address = "https://mine.file.core.windows.net/share/d"
        moved = Call("file", "PUT", "share/e?restype=directory&comp=rename", (("x-ms-file-rename-source", address),))
        succeed(storage, NFS, directory, file("share/d/a"), hard_link("share/b", "d/a"), moved)
        succeed(storage, Call("file", "DELETE", "share/b"))
    shutil.copytree(tmp_path / "first", tmp_path / "second")

    with lone_storage(tmp_path / "second", SteppingClock()) as storage:
        [response] = run(storage, Call("file", "HEAD", "share/e/a"))

    assert META in response.headers


def test_a_snapshot_and_the_quota_count_a_file_once_whatever_its_names(tmp_path: Path) -> None:
    with lone_storage(tmp_path, SteppingClock()) as storage:
        write = Call(
            "file", "PUT", "share/a?comp=range", (("x-ms-range", "bytes=0-4095"), ("x-ms-write", "update")), b"x" * 4096
        )
        succeed(storage, NFS, file("share/a"), write, hard_link("share/b", "a"), hard_link("share/c", "a"))
        succeed(storage, Call("file", "PUT", "share?restype=share&comp=snapshot"))

        [snapshot] = [path for path in (storage.directory / "file").iterdir() if "@" in path.name]

        assert len({path.stat().st_ino for path in snapshot.iterdir()}) == 1
        assert [used_bytes(path) for path in (snapshot, storage.directory / "file" / "share")] == [4096, 4096]
        stamp = snapshot.name.partition("@")[2]
        for name in "abc":
            [response] = run(storage, Call("file", "HEAD", f"share/{name}?sharesnapshot={stamp}"))
            assert META in response.headers
