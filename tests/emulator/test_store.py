"""Many records at once."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from harness.emulator.store import Store


class Note(msgspec.Struct, frozen=True):
    text: str


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as made:
        for key in ("a/1", "a/2", "ab/1"):
            made.put(key, Note(key))
        yield made


def test_all_below_a_prefix_are_forgotten_and_nothing_else(store: Store) -> None:
    store.delete_all(Note, "a/")

    assert [key for key, _ in store.list(Note)] == ["ab/1"]
    assert store.get(Note, "a/1") is None


def test_all_below_a_prefix_are_copied(store: Store) -> None:
    store.copy_all(Note, "a/", "copy/")

    assert store.list(Note, "copy/") == [("copy/1", Note("a/1")), ("copy/2", Note("a/2"))]
    assert store.get(Note, "a/1") == Note("a/1")


def test_others_cannot_read_its_files_wherever_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with closing(Store(tmp_path / "emulator.db")) as made:
        made.put("a", Note("a"))

        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
            "emulator.db": 0o600,
            "emulator.db-wal": 0o600,
            "emulator.db-shm": 0o600,
        }
