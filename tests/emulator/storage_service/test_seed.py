"""Shares and containers from a seed directory."""

import os
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.fileshare import ShareServiceClient

from harness.clock import SteppingClock
from harness.emulator.launch import launch
from harness.emulator.seed import seed
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store
from harness.errors import EmulatorError


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A seed in a path with a space: a share with a file in a directory and a link, and a container with a blob."""
    root = tmp_path / "a seed"
    for name in ("file/data/d/f.txt", "blob/models/m/b.bin"):
        path = root / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"seed")
    (root / "file/data/link").symlink_to("/etc/hostname")
    os.mkfifo(root / "file/data/pipe")
    return root


def test_an_emulator_begins_with_a_tree_and_keeps_what_it_has(tree: Path, tmp_path: Path) -> None:
    for content in (b"seed", b"changed"):
        with launch(tmp_path / "data", only="storage", seed=tree) as endpoint:
            with ShareServiceClient.from_connection_string(endpoint.connection_string) as shares:
                share = shares.get_share_client("data")
                assert [entry.name for entry in share.list_directories_and_files()] == ["d"]
                assert share.get_file_client("d/f.txt").download_file().readall() == content
                share.get_file_client("d/f.txt").upload_file(b"changed")
            with BlobServiceClient.from_connection_string(endpoint.connection_string) as blobs:
                container = blobs.get_container_client("models")
                assert container.download_blob("m/b.bin").readall() == b"seed"
                assert [blob.name for blob in container.list_blobs()] == ["m", "m/b.bin"]  # as blobfuse lists them


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    result = Accounts(Store(":memory:"), SteppingClock(), root=tmp_path / "storage")
    result.ensure("mine", "c2VjcmV0")
    return result


def test_a_start_that_was_killed_copies_again(accounts: Accounts, tree: Path) -> None:
    half = accounts.directory("file", "mine", name="data") / "d"
    half.mkdir(parents=True)
    (half / "f.txt").write_bytes(b"se")
    seed(accounts, "mine", tree)

    assert (half / "f.txt").read_bytes() == b"seed"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("data/f", "it holds 'data'; put shares into"),
        ("file/Data/f", "file/Data must be a directory"),
        ("blob/f", "blob/f must be"),
    ],
)
def test_what_is_no_seed_is_named(accounts: Accounts, tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / "seed" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")

    with pytest.raises(EmulatorError, match=text):
        seed(accounts, "mine", tmp_path / "seed")
    with pytest.raises(EmulatorError, match="there is no such directory"):
        seed(accounts, "mine", tmp_path / "missing")


@pytest.mark.parametrize(("link", "problem"), [("file", "is a symbolic link"), ("file/keys", "must be a directory")])
def test_a_link_at_the_place_of_a_share_leads_nowhere(
    accounts: Accounts, tmp_path: Path, link: str, problem: str
) -> None:
    (tmp_path / "outside" / "keys").mkdir(parents=True)
    path = tmp_path / "seed" / link
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "outside")

    with pytest.raises(EmulatorError, match=f"{link} {problem}"):
        seed(accounts, "mine", tmp_path / "seed")
    assert accounts.share_directory("mine", "keys") is None
