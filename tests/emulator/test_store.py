"""Many records at once."""

from collections.abc import Iterator
from contextlib import closing

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
