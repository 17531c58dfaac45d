"""Blobs that were deleted and can be restored, driven by azure-storage-blob 12.x."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    RetentionPolicy,
    generate_container_sas,
)

from harness.emulator.endpoint import Endpoint
from tests.emulator.blobs.conftest import SOON


@pytest.fixture
def kept(blobs: BlobServiceClient, container: ContainerClient) -> Iterator[ContainerClient]:
    """A container whose account keeps what is deleted for a week."""
    blobs.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    yield container
    blobs.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))


def shown(container: ContainerClient) -> list[tuple[str, bool, bool]]:
    """Of each entry that a listing has: its name, whether it is a snapshot, whether it is deleted."""
    listed = container.list_blobs(include=["snapshots", "deleted"])
    return [(found.name, found.snapshot is not None, bool(found.deleted)) for found in listed]


def test_a_deleted_blob_is_restored_as_it_was(kept: ContainerClient, on_disk: Path) -> None:
    blob = kept.upload_blob("a/b/f", b"content", metadata={"k": "v"})
    before = blob.get_blob_properties()
    blob.delete_blob()
    assert not (on_disk / "a").exists()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.download_blob()

    (found,) = kept.list_blobs(include=["deleted"])
    assert (found.name, found.deleted, found.remaining_retention_days, found.snapshot) == ("a/b/f", True, 6, None)
    assert found.deleted_time is not None
    assert list(kept.list_blobs()) == []
    blob.undelete_blob()
    after = blob.get_blob_properties()
    assert (on_disk / "a" / "b" / "f").read_bytes() == b"content"
    assert (after.metadata, after.etag, after.deleted) == (before.metadata, before.etag, False)
    assert shown(kept) == [("a/b/f", False, False)]


def test_what_was_overwritten_is_a_deleted_snapshot(kept: ContainerClient) -> None:
    blob = kept.upload_blob("f", b"1")
    blob.upload_blob(b"2", overwrite=True)
    assert shown(kept) == [("f", True, True), ("f", False, False)]

    blob.undelete_blob()
    assert shown(kept) == [("f", True, False), ("f", False, False)]
    (taken, _) = kept.list_blobs(include=["snapshots"])
    assert kept.get_blob_client("f", snapshot=str(taken.snapshot)).download_blob().readall() == b"1"


def test_a_blob_is_restored_with_its_snapshots(kept: ContainerClient) -> None:
    blob = kept.upload_blob("f", b"1")
    blob.create_snapshot()
    blob.upload_blob(b"2", overwrite=True)
    blob.delete_blob(delete_snapshots="include")
    assert shown(kept) == [("f", True, True), ("f", True, True), ("f", False, True)]

    blob.undelete_blob()
    assert shown(kept) == [("f", True, False), ("f", True, False), ("f", False, False)]
    assert blob.download_blob().readall() == b"2"
    blob.delete_blob(delete_snapshots="only")
    assert shown(kept) == [("f", True, True), ("f", True, True), ("f", False, False)]


def test_what_was_deleted_before_a_new_blob_is_its_snapshot(kept: ContainerClient) -> None:
    blob = kept.upload_blob("f", b"1")
    blob.delete_blob()
    blob.upload_blob(b"2")
    assert shown(kept) == [("f", True, True), ("f", False, False)]
    blob.delete_blob()
    assert shown(kept) == [("f", True, True), ("f", False, True)]

    blob.undelete_blob()
    assert (blob.download_blob().readall(), shown(kept)) == (b"2", [("f", True, False), ("f", False, False)])


def test_nothing_is_undeleted_of_what_never_was(kept: ContainerClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        kept.get_blob_client("f").undelete_blob()
    blob = kept.upload_blob("f", b"1")
    blob.undelete_blob()

    assert shown(kept) == [("f", False, False)]


def test_a_deleted_snapshot_is_missing_until_it_is_restored(kept: ContainerClient) -> None:
    blob = kept.upload_blob("f", b"1")
    taken = kept.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    taken.delete_blob()
    for act in (taken.download_blob, taken.delete_blob):
        with pytest.raises(ResourceNotFoundError):
            act()

    blob.undelete_blob()
    assert taken.download_blob().readall() == b"1"


def test_where_the_account_lets_what_was_deleted_is_deleted_for_good(
    kept: ContainerClient, blobs: BlobServiceClient
) -> None:
    blob = kept.upload_blob("f", b"1")
    taken = kept.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    taken.delete_blob()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        taken.delete_blob(params={"deletetype": "permanent"})
    policy = RetentionPolicy(enabled=True, days=7)
    policy.allow_permanent_delete = True
    blobs.set_service_properties(delete_retention_policy=policy)

    taken.delete_blob(params={"deletetype": "permanent"})
    assert shown(kept) == [("f", False, False)]


def test_without_retention_what_is_deleted_is_gone(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"1")
    blob.upload_blob(b"2", overwrite=True)
    blob.delete_blob()

    assert shown(container) == []
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.undelete_blob()


def test_the_letter_for_deleting_for_good_deletes_no_blob(
    kept: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    blob = kept.upload_blob("f", b"x")
    token = generate_container_sas(
        endpoint.storage_account, kept.container_name, account_key=endpoint.storage_key,
        permission=ContainerSasPermissions.from_string("y"), expiry=SOON,
    )  # fmt: skip
    assert session.delete(f"{blob.url}?deletetype=permanent&{token}").status_code == 403
    assert blob.download_blob().readall() == b"x"
