"""A store is a dictionary for each kind of record, whatever it caches; also transactions, and a full disk."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from harness.emulator.store import Store
from tests.emulator.sqlite_steps import steps


class Note(msgspec.Struct, frozen=True):
    text: str


@pytest.fixture
def store() -> Iterator[Store]:
    with closing(Store(":memory:")) as new_store:
        for key in ("a/1", "a/2", "ab/1"):
            new_store.put(key, Note(key))
        yield new_store


def test_all_below_a_prefix_are_forgotten_and_nothing_else(store: Store) -> None:
    store.delete_all(Note, "a/")

    assert [key for key, _ in store.list(Note)] == ["ab/1"]
    assert store.get(Note, "a/1") is None


def test_all_below_a_prefix_are_copied(store: Store) -> None:
    assert len(store.list(Note)) == 3
    store.copy_all(Note, "a/", "copy/")

    assert store.get(Note, "copy/1") == Note("a/1")
    assert store.list(Note, "copy/") == [("copy/1", Note("a/1")), ("copy/2", Note("a/2"))]
    assert store.get(Note, "a/1") == Note("a/1")


def test_a_record_that_was_let_go_of_is_still_there(store: Store) -> None:
    assert len(store.list(Note)) == 3
    store.release(Note, "a/1")

    assert store.get(Note, "a/1") == Note("a/1")


def test_a_change_that_was_taken_back_was_never_made(store: Store) -> None:
    assert len(store.list(Note)) == 3
    with suppress(OSError), store.transaction():
        store.put("a/1", Note("changed"))
        raise OSError("the disk is full")

    assert store.get(Note, "a/1") == Note("a/1")


def test_others_cannot_read_its_files_wherever_they_are(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)

    with closing(Store(tmp_path / "emulator.db")) as new_store:
        new_store.put("a", Note("a"))

        assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
            "emulator.db": 0o600,
            "emulator.db-wal": 0o600,
            "emulator.db-shm": 0o600,
        }


def test_pages_follow_each_other_and_the_last_costs_no_more_than_the_first(store: Store) -> None:
    put_all(store, **{f"b/{number:05}": Note(str(number)) for number in range(5_000)})

    first = steps(store, lambda: store.list(Note, "b/", limit=10))
    last = steps(store, lambda: store.list(Note, "b/", after="b/04900", limit=10))

    assert [key for key, _ in store.list(Note, "b/", after="b/04997", limit=10)] == ["b/04998", "b/04999"]
    assert [key for key, _ in store.list(Note, "a/", after="a", limit=1)] == ["a/1"]
    assert [key for key, _ in store.list(Note, "a/", after="a/2")] == []
    assert last <= first + 1


@contextmanager
def full_disk(database: Path) -> Iterator[None]:
    """Limit the size of all files to the present size of the database's write-ahead log."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (database.with_name(f"{database.name}-wal").stat().st_size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_more_records_than_are_kept_decoded_are_all_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.emulator.store._CACHED", 150)
    with closing(Store(tmp_path / "emulator.db")) as new_store:
        put_all(new_store, **{f"{number:04}": Note(str(number)) for number in range(100)})
        assert len(new_store.list(Note)) == 100
        put_all(new_store, **{f"{number:04}": Note(str(number)) for number in range(100, 1000)})

        assert [new_store.get(Note, f"{number:04}") for number in range(1000)] == [Note(str(n)) for n in range(1000)]
        assert len(new_store._cache[Note]) <= 150


ALL_KEYS = ("a/1", "a/2", "b/1", "b/2")
KEYS = st.sampled_from(ALL_KEYS)


class Dictionary(RuleBasedStateMachine):
    """Compares a store that caches two records of a kind with a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._patch.setattr("harness.emulator.store._CACHED", 2)
        self._patch.setattr("harness.emulator.store._EVICTED", 1)
        self._store, self._model = Store(":memory:"), dict[str, Note]()

    def teardown(self) -> None:
        records = {key: self._store.get(Note, key) for key in ALL_KEYS}
        self._store.close()
        self._patch.undo()
        assert records == {key: self._model.get(key) for key in ALL_KEYS}

    @rule(key=KEYS, text=st.text(max_size=3))
    def put(self, key: str, text: str) -> None:
        self._store.put(key, Note(text))
        self._model[key] = Note(text)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self._store.get(Note, key) == self._model.get(key)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        assert self._store.delete(Note, key) == (self._model.pop(key, None) is not None)

    @rule(key=KEYS)
    def release(self, key: str) -> None:
        self._store.release(Note, key)

    @rule()
    def delete_folder(self) -> None:
        self._store.delete_all(Note, "b/")
        self._model = {key: note for key, note in self._model.items() if not key.startswith("b/")}

    @precondition(lambda self: not any(key.startswith("b/") for key in self._model))
    @rule()
    def copy_folder(self) -> None:
        self._store.copy_all(Note, "a/", "b/")
        self._model |= {f"b{key[1:]}": note for key, note in self._model.items()}

    @rule(key=KEYS)
    def take_back(self, key: str) -> None:
        with suppress(OSError), self._store.transaction():
            self._store.put(key, Note("never"))
            self._store.list(Note)
            raise OSError("the disk is full")

    @rule(prefix=st.sampled_from(["", "a/", "b/"]))
    def list_some(self, prefix: str) -> None:
        expected = sorted((key, note) for key, note in self._model.items() if key.startswith(prefix))
        assert self._store.list(Note, prefix) == expected


TestDictionary = Dictionary.TestCase


def put_all(store: Store, **notes: Note) -> None:
    with store.transaction():
        for key, note in notes.items():
            store.put(key, note)


def test_what_does_not_fit_on_the_disk_is_an_error_and_all_else_stays(tmp_path: Path) -> None:
    database, rollbacks = tmp_path / "emulator.db", []
    with closing(Store(database)) as new_store:
        new_store.when_rolled_back(lambda: rollbacks.append(new_store.list(Note)))
        new_store.put("before", Note("kept"))
        with full_disk(database), pytest.raises(sqlite3.Error):
            put_all(new_store, before=Note("changed"), lost=Note("x" * 100_000))

        assert rollbacks == [[("before", Note("kept"))]]
        assert new_store.get(Note, "lost") is None
        put_all(new_store, after=Note("fits"))

    with closing(Store(database)) as reopened:
        assert reopened.list(Note) == [("after", Note("fits")), ("before", Note("kept"))]


def test_a_single_write_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    database = tmp_path / "emulator.db"
    with closing(Store(database)) as new_store:
        new_store.put("a", Note("kept"))
        with full_disk(database), pytest.raises(sqlite3.Error):
            new_store.put("a", Note("x" * 100_000))

        assert new_store.get(Note, "a") == Note("kept")


@pytest.mark.parametrize("forget", [lambda store: store.delete(Note, "a"), lambda store: store.delete_all(Note, "a")])
def test_a_record_that_could_not_be_forgotten_is_still_there(tmp_path: Path, forget: Callable[[Store], None]) -> None:
    database = tmp_path / "emulator.db"
    with closing(Store(database)) as new_store:
        new_store.put("a", Note("kept"))
        assert len(new_store.list(Note)) == 1
        with full_disk(database), pytest.raises(sqlite3.Error):
            forget(new_store)

        assert new_store.get(Note, "a") == Note("kept")
