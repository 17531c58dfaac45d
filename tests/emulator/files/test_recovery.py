"""A share whose deletion or restoration was cut short is whole again at the next start."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.providers.files import AzureFiles
from harness.emulator.storage_service import Accounts, CopySources, Trash
from harness.emulator.storage_service.model import DeletedShare, Share, share_key
from harness.emulator.storage_service.roots import identify
from harness.emulator.store import Store
from tests.emulator.storage_service.lone_authority import authority


class Emulator:
    """The parts of Azure Files on one directory, started as often as one likes."""

    def __init__(self, root: Path) -> None:
        self.root, self.store, self.clock = root, Store(":memory:"), SteppingClock()
        self.shares = root / "storage" / "mine" / "file"
        self.shares.mkdir(parents=True)

    def start(self) -> None:
        accounts = Accounts(self.store, self.clock, root=self.root / "storage")
        trash = Trash(self.root / "trash")
        sources = CopySources(accounts, authority(self.clock))
        AzureFiles(accounts, store=self.store, clock=self.clock, trash=trash, sources=sources)

    def names(self) -> list[str]:
        return sorted(each.name for each in self.shares.iterdir())


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    made = Emulator(tmp_path)
    yield made
    made.store.close()


def test_a_deletion_is_finished(emulator: Emulator) -> None:
    (emulator.shares / "data").mkdir()
    share = Share("data", emulator.clock.now(), directory=identify(emulator.shares / "data"))
    emulator.store.put(share_key("mine", "data!1"), DeletedShare(share, "1", emulator.clock.now()))
    emulator.start()

    assert emulator.names() == ["data!1"]


def test_a_restoration_is_finished(emulator: Emulator) -> None:
    (emulator.shares / "data!1").mkdir()
    share = Share("data", emulator.clock.now(), directory=identify(emulator.shares / "data!1"))
    emulator.store.put(share_key("mine", "data"), share)
    (emulator.shares / "data!1" / "f").write_text("kept")
    emulator.start()

    assert (emulator.shares / "data" / "f").read_text() == "kept"


def test_a_snapshot_that_was_never_acknowledged_goes(emulator: Emulator) -> None:
    emulator.store.put(share_key("mine", "data"), Share("data", emulator.clock.now()))
    (emulator.shares / "data@2026-01-01T00:00:00.0000000Z").mkdir()
    emulator.start()

    assert emulator.names() == ["data"]
