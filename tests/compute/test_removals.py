"""Directories of jobs are renamed at once, and deleted soon."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.compute.removals import Removals
from tests.nested_directories import nested


@pytest.fixture
def removals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Removals]:
    """Removals that wait in ``close`` until everything is deleted, even on a busy machine."""
    monkeypatch.setattr("harness.compute.removals._TIMEOUT", 3600.0)
    waiting_removals = Removals()
    yield waiting_removals
    waiting_removals.close()


def test_a_directory_is_renamed_at_once_and_deleted_by_the_end(removals: Removals, tmp_path: Path) -> None:
    job, target = tmp_path / "job", tmp_path / "kept"
    target.mkdir()
    (target / "file").touch()
    (job / "deep").mkdir(parents=True)
    (job / "link").symlink_to(target)
    removals.remove(job)
    assert not job.exists()
    removals.close()
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_what_a_killed_process_has_left_under_the_other_name_is_no_hindrance(
    removals: Removals, tmp_path: Path
) -> None:
    job, left = tmp_path / "job", tmp_path / ".job"
    for directory in (job, left):
        directory.mkdir()
        (directory / "file").touch()
    removals.remove(job)
    assert not job.exists()
    removals.close()
    assert [path.name for path in tmp_path.iterdir()] == [".job"]


def test_a_directory_that_is_not_there_is_no_error(removals: Removals, tmp_path: Path) -> None:
    removals.remove(tmp_path / "job")


def test_a_tree_that_is_nested_without_end_keeps_no_other_from_being_deleted(
    removals: Removals, tmp_path: Path
) -> None:
    (tmp_path / "job").mkdir()
    with nested(tmp_path / "deep", depth=3000) as deep:
        removals.remove(deep)
        removals.remove(tmp_path / "job")
        removals.close()
        assert list(tmp_path.iterdir()) == []


def test_what_has_been_left_is_deleted_under_the_name_that_it_has(removals: Removals, tmp_path: Path) -> None:
    left = tmp_path / ".job"
    left.mkdir()
    removals.remove(left)
    removals.close()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_the_disk_refuses_to_delete_is_logged(
    removals: Removals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "job").mkdir()
    monkeypatch.setattr(os, "rmdir", refuse)
    monkeypatch.setattr(Path, "rmdir", refuse)
    removals.remove(tmp_path / "job")
    removals.close()
    assert (
        f"{tmp_path / '.job'} of a job is deleted at the next start: [Errno 1] Operation not permitted" in caplog.text
    )
