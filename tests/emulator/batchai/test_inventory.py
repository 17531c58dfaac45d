"""What the indexes hold is what is stored, whatever happens."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from harness.emulator.engine.model.address import Address
from harness.emulator.engine.model.records import Pending, Workspace
from harness.emulator.providers.batchai.inventory import Inventory
from harness.emulator.store import Store

NOW = datetime(2018, 5, 1, tzinfo=UTC)
WORKSPACE = Workspace(Address("sub", "group", ("ws",)), "eastus", None, created=NOW, written=NOW)


@pytest.fixture
def inventory() -> Iterator[Inventory]:
    with closing(Store(":memory:")) as store:
        yield Inventory(store)


def test_a_resource_that_waits_is_pending_until_it_does_no_more(inventory: Inventory) -> None:
    inventory.keep(replace(WORKSPACE, deleting=Pending("", NOW, NOW)))
    assert inventory.pending == {WORKSPACE.key: Workspace}
    assert inventory.may_move(WORKSPACE)

    inventory.keep(WORKSPACE)
    assert inventory.pending == {}
    assert not inventory.may_move(WORKSPACE)


def test_what_is_taken_back_is_indexed_as_before(inventory: Inventory) -> None:
    inventory.keep(WORKSPACE)

    def fail() -> None:
        with inventory.store.transaction():
            inventory.keep(replace(WORKSPACE, deleting=Pending("", NOW, NOW)))
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()

    assert inventory.pending == {}
    assert inventory.store.get(Workspace, WORKSPACE.key) == WORKSPACE
