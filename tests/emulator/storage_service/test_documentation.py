"""The page of Azure Files names every operation that is there."""

import re
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.routes import operations as blob_operations
from harness.emulator.providers.files.routes import operations as file_operations
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import Accounts, CopySources, Trash
from harness.emulator.store import Store
from tests.emulator.storage_service.lone_authority import authority

PAGE = Path(__file__).parents[3] / "docs" / "azure-files.md"


@pytest.fixture
def names(tmp_path: Path) -> set[str]:
    store, clock = Store(":memory:"), SteppingClock()
    accounts, trash = Accounts(store, clock, root=tmp_path), Trash(tmp_path / "trash")
    shares = Shares(accounts, store=store, clock=clock, trash=trash)
    containers = Containers(accounts, store=store, clock=clock, trash=trash)
    store.close()
    judge = authority(clock)
    tables = (
        file_operations(shares, accounts, CopySources(accounts, judge)), blob_operations(containers, accounts, judge),
    )  # fmt: skip
    return {operation.name for table in tables for operation in table.values()}


def test_the_page_names_what_is_there_and_nothing_else(names: set[str]) -> None:
    tables = PAGE.read_text(encoding="utf-8").partition("## Operations")[2].partition("Everything else")[0]
    documented = set(re.findall(r"`([A-Z][A-Za-z]+)`", tables))

    assert documented - {"CopyFile"} == names  # a copy is made by the request that creates a file
