"""A file is replaced completely, or does not change."""

import os
import threading
from pathlib import Path

import pytest

from harness.atomic_file import replace_file, write_file


def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_file(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_mode_does_not_depend_on_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "file", b"", mode=0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("durable", [True, False])
def test_the_old_content_stays_until_the_block_has_ended(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with replace_file(path, durable=durable) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("beside", [None, "beside"])
def test_the_old_content_stays_when_the_block_fails_and_no_temporary_file_is_left(
    tmp_path: Path, beside: str | None
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail() -> None:
        with replace_file(path, beside=tmp_path / beside if beside else None) as stream:
            stream.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_at_a_fixed_name_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "beside").write_bytes(b"left by a killed process")
    with replace_file(tmp_path / "file", beside=tmp_path / "beside") as stream:
        stream.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "beside").exists()


def test_a_link_at_a_fixed_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"kept")
    (tmp_path / "beside").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), replace_file(tmp_path / "file", beside=tmp_path / "beside"):
        pass
    assert (tmp_path / "victim").read_bytes() == b"kept"


@pytest.mark.parametrize("name", ["x" * 255, "\N{PILE OF POO}" * 63, os.fsdecode(b"\xff\xfe")])
def test_a_name_may_be_as_long_and_odd_as_the_file_system_allows(tmp_path: Path, name: str) -> None:
    write_file(tmp_path / name, b"content")
    assert (tmp_path / name).read_bytes() == b"content"


def test_several_threads_may_replace_one_file(tmp_path: Path) -> None:
    contents = [bytes([number]) * 10_000 for number in range(8)]
    threads = [threading.Thread(target=write_file, args=(tmp_path / "file", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_bytes() in contents
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
