"""The deletion of directories."""

import threading
from pathlib import Path
from threading import enumerate as threads

import pytest

from harness.emulator.storage_service import Trash
from tests.nested_directories import nested


def wait() -> None:
    for thread in threads():
        if thread.name == "trash":
            thread.join(60)


@pytest.fixture
def full(tmp_path: Path) -> Path:
    directory = tmp_path / "full"
    (directory / "sub" / "closed").mkdir(parents=True)
    (directory / "sub" / "closed" / "f").write_text("x")
    (directory / "sub" / "out").symlink_to(tmp_path)
    (directory / "sub" / "closed").chmod(0)
    return directory


def test_a_directory_is_moved_away_at_once_and_deleted_soon(tmp_path: Path, full: Path) -> None:
    Trash(tmp_path / "trash").take(full)
    assert not full.exists()

    wait()
    assert list((tmp_path / "trash").iterdir()) == []


def test_directories_nested_without_end_are_deleted(tmp_path: Path) -> None:
    with nested(tmp_path / "deep", depth=3000) as deep:
        Trash(tmp_path / "trash").take(deep)

        wait()
    assert list((tmp_path / "trash").iterdir()) == []


def test_what_a_killed_process_left_is_deleted_by_the_next(tmp_path: Path, full: Path) -> None:
    (tmp_path / "trash").mkdir()
    full.rename(tmp_path / "trash" / "left")
    Trash(tmp_path / "trash")

    wait()
    assert list((tmp_path / "trash").iterdir()) == []


def test_a_directory_is_moved_away_even_if_no_thread_can_start(
    tmp_path: Path, full: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trash = Trash(tmp_path / "trash")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    trash.take(full)

    assert not full.exists()
    assert "is deleted at the next start: can't start new thread" in caplog.text


def refuse(_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_missing_directory_is_no_error(tmp_path: Path) -> None:
    Trash(tmp_path / "trash").take(tmp_path / "missing")

    assert list((tmp_path / "trash").iterdir()) == []
