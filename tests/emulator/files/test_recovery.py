"""Recovery of a share whose deletion or restoration was interrupted, and of a copied data directory."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.clock import SteppingClock
from harness.emulator.paths import DataDirectory
from harness.emulator.providers.files import AzureFiles
from harness.emulator.storage_service import Accounts, CopySources, Trash
from harness.emulator.storage_service.model import DeletedShare, Share, share_key
from harness.emulator.storage_service.rebinding import Home
from harness.emulator.storage_service.roots import identify
from harness.emulator.store import Store
from tests.emulator.storage_service.lone_authority import authority
from tests.emulator.storage_service.lone_storage import Call, lone_storage, run


class Emulator:
    """The parts of Azure Files on one directory, which can start several times."""

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
        return sorted(directory.name for directory in self.shares.iterdir())


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    new_emulator = Emulator(tmp_path)
    yield new_emulator
    new_emulator.store.close()


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


def test_files_of_several_names_that_have_swapped_numbers_in_a_copied_directory_keep_their_metadata(
    tmp_path: Path,
) -> None:
    names, clock = ("a", "b"), SteppingClock()
    of_file, nfs = (("x-ms-type", "file"), ("x-ms-content-length", "0")), ("x-ms-enabled-protocols", "NFS")
    with lone_storage(tmp_path, clock) as storage:
        run(storage, Call("file", "PUT", "nfs?restype=share", (nfs,)))
        for name in names:
            target = (("x-ms-type", "file"), ("x-ms-file-target-file", name))
            run(storage, Call("file", "PUT", f"nfs/{name}", (*of_file, ("x-ms-meta-of", name))))
            run(storage, Call("file", "PUT", f"nfs/{name}2?restype=hardlink", target))
        disk = storage.directory / "file" / "nfs"
    for first, second in (("a", "b"), ("a2", "b2")):
        (disk / first).rename(disk / "aside")
        (disk / second).rename(disk / first)
        (disk / "aside").rename(disk / second)
    with closing(Store(DataDirectory(tmp_path).database)) as store:
        store.delete(Home, "file")  # as in a directory that was copied

    with lone_storage(tmp_path, clock) as storage:
        responses = run(storage, *(Call("file", "HEAD", f"nfs/{name}") for name in ("a", "a2", "b", "b2")))

    assert [dict(response.headers).get("x-ms-meta-of") for response in responses] == ["a", "a", "b", "b"]
