import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from harness.emulator.checkpoints import Checkpoints


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    """A database with one row, which is only in the write-ahead log."""
    path = tmp_path / "emulator.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE rows (value)")
        connection.execute("PRAGMA wal_checkpoint")
        connection.execute("INSERT INTO rows VALUES (7)")
        yield path


def without_log(database: Path) -> list[tuple[int]]:
    """The rows in the database file without its write-ahead log."""
    alone = shutil.copy(database, database.with_name("alone.db"))
    with closing(sqlite3.connect(alone)) as connection:
        return connection.execute("SELECT value FROM rows").fetchall()


def test_after_many_writes_the_log_is_in_the_file(database: Path) -> None:
    checkpoints = Checkpoints(database)
    for _ in range(100):
        checkpoints.count()
    checkpoints.close()

    assert without_log(database) == [(7,)]


def test_after_a_few_writes_it_is_not_yet(database: Path) -> None:
    checkpoints = Checkpoints(database)
    for _ in range(99):
        checkpoints.count()
    checkpoints.close()

    assert without_log(database) == []


def test_a_write_is_stored_also_where_no_thread_can_start(
    database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(database)
    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", refuse)
        for _ in range(100):
            checkpoints.count()
    assert "the thread for checkpoints cannot be started yet: can't start new thread" in caplog.text
    for _ in range(100):
        checkpoints.count()
    checkpoints.close()

    assert without_log(database) == [(7,)]


def refuse(_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_a_checkpoint_that_fails_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = Checkpoints(tmp_path / "no folder" / "emulator.db")
    for _ in range(100):
        checkpoints.count()
    checkpoints.close()

    assert "unable to open database file" in caplog.text
