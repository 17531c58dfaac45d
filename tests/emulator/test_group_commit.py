import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from harness.emulator.group_commit import GroupCommit
from harness.emulator.store import Store


class Note(msgspec.Struct, frozen=True):
    text: str


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "emulator.db")) as new_store:
        yield new_store


def read_keys(tmp_path: Path) -> list[str]:
    """The keys that another process can read."""
    with closing(sqlite3.connect(tmp_path / "emulator.db")) as connection:
        return [key for (key,) in connection.execute("SELECT key FROM records ORDER BY key")]


def test_what_is_acknowledged_is_stored(store: Store, tmp_path: Path) -> None:
    async def write() -> list[str]:
        await GroupCommit(store).write(lambda: store.put("a", Note("")))
        return read_keys(tmp_path)

    assert asyncio.run(write()) == ["a"]


def test_writes_of_one_turn_are_stored_at_once(store: Store, tmp_path: Path) -> None:
    snapshots: list[list[str]] = []

    def put(key: str) -> str:
        snapshots.append(read_keys(tmp_path))
        store.put(key, Note(""))
        return key

    async def write() -> list[str]:
        group_commit = GroupCommit(store)
        return await asyncio.gather(*(group_commit.write(lambda key=key: put(key)) for key in "abc"))

    assert asyncio.run(write()) == ["a", "b", "c"]
    assert snapshots == [[], [], []]
    assert read_keys(tmp_path) == ["a", "b", "c"]


def test_each_sees_what_those_before_it_wrote(store: Store) -> None:
    def append(text: str) -> None:
        before = store.get(Note, "a")
        store.put("a", Note((before.text if before else "") + text))

    async def write() -> None:
        group_commit = GroupCommit(store)
        await asyncio.gather(*(group_commit.write(lambda text=text: append(text)) for text in "abc"))

    asyncio.run(write())
    assert store.get(Note, "a") == Note("abc")


def test_a_refused_write_does_not_undo_the_others(store: Store, tmp_path: Path) -> None:
    def refuse() -> None:
        raise ValueError("no such cluster")

    async def write() -> list[object]:
        group_commit = GroupCommit(store)
        writes = (lambda: store.put("a", Note("")), refuse, lambda: store.put("b", Note("")))
        return await asyncio.gather(*map(group_commit.write, writes), return_exceptions=True)

    first, refusal, last = asyncio.run(write())
    assert (first, str(refusal), last) == (None, "no such cluster", None)
    assert read_keys(tmp_path) == ["a", "b"]


def test_where_nothing_can_be_stored_nothing_is_acknowledged(store: Store, tmp_path: Path) -> None:
    def fail() -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async def write() -> list[object]:
        group_commit = GroupCommit(store)
        writes = (lambda: store.put("a", Note("")), fail)
        return await asyncio.gather(*map(group_commit.write, writes), return_exceptions=True)

    assert [str(error) for error in asyncio.run(write())] == ["database or disk is full"] * 2
    assert read_keys(tmp_path) == []
    assert store.get(Note, "a") is None
