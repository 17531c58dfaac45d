"""A copy of a share's directory holds nothing from outside the share, even if a job changes it during the copy."""

from pathlib import Path

import pytest

from harness.emulator.providers.files.directory_copy import copy_directory
from harness.emulator.providers.files.names import MAX_DEPTH
from harness.emulator.providers.files.usage import used_bytes
from tests.nested_directories import nested


def contents(directory: Path) -> set[bytes]:
    return {path.read_bytes() for path in directory.rglob("*") if path.is_file() and not path.is_symlink()}


@pytest.mark.parametrize("links", [False, True])
def test_a_directory_that_becomes_a_link_is_not_followed(tmp_path: Path, links: bool) -> None:
    share, outside = tmp_path / "share", tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"secret")
    for number in range(10):
        (share / f"d{number}").mkdir(parents=True)
        (share / f"d{number}" / "f").write_bytes(b"ours")
    entries = copy_directory(share, tmp_path / "copy", links=links)
    assert next(entries)[0] == []
    (name,), _, _ = next(entries)

    for directory in share.iterdir():
        if directory.name != name:
            directory.rename(tmp_path / directory.name)
            directory.symlink_to(outside)

    assert [names for names, _, _ in entries] == [[name, "f"]]
    assert contents(tmp_path / "copy") == {b"ours"}


def test_a_file_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "outside").write_bytes(b"secret")
    for number in range(10):
        (share / f"f{number}").write_bytes(b"ours")
    entries = copy_directory(share, tmp_path / "copy", links=True)
    next(entries)
    (name,), _, _ = next(entries)

    for file in share.iterdir():
        if file.name != name:
            file.unlink()
            file.symlink_to(tmp_path / "outside")

    assert list(entries) == []
    assert contents(tmp_path / "copy") == {b"ours"}


def test_what_no_path_over_rest_can_name_is_left_out(tmp_path: Path) -> None:
    """Each level keeps descriptors open, and a job can nest as many directories as it likes."""
    with nested(tmp_path / "share", depth=1200) as share:
        entries = [names for names, _, _ in copy_directory(share, tmp_path / "copy", links=False)]

    assert max(map(len, entries)) == MAX_DEPTH


def test_the_usage_of_directories_nested_without_end_is_measured(tmp_path: Path) -> None:
    with nested(tmp_path / "share", depth=3000) as share:
        (share / "f").write_bytes(b"x" * 4096)

        assert used_bytes(share) == 4096
