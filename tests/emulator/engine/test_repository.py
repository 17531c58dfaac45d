"""The indexes of the repository always agree with the store."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Pending, Workspace
from harness.emulator.engine.repository import Repository
from harness.emulator.store import Store

NOW = datetime(2018, 5, 1, tzinfo=UTC)
WORKSPACE = Workspace(Address("sub", "group", ("ws",)), "eastus", None, created=NOW, written=NOW)


@pytest.fixture
def repository() -> Iterator[Repository]:
    with closing(Store(":memory:")) as store:
        yield Repository(store)


def test_a_resource_that_waits_is_pending_until_it_does_no_more(repository: Repository) -> None:
    repository.keep(replace(WORKSPACE, deleting=Pending("", NOW, NOW)))
    assert repository.pending == {WORKSPACE.key: Workspace}
    assert repository.may_move(WORKSPACE)

    repository.keep(WORKSPACE)
    assert repository.pending == {}
    assert not repository.may_move(WORKSPACE)


def test_what_is_taken_back_is_indexed_as_before(repository: Repository) -> None:
    repository.keep(WORKSPACE)

    def fail() -> None:
        with repository.store.transaction():
            repository.keep(replace(WORKSPACE, deleting=Pending("", NOW, NOW)))
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()

    assert repository.pending == {}
    assert repository.store.get(Workspace, WORKSPACE.key) == WORKSPACE
