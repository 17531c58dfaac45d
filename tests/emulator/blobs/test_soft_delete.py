"""Deleted blobs that can be restored, driven by azure-storage-blob 12.x."""

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
def retaining_container(blobs: BlobServiceClient, container: ContainerClient) -> Iterator[ContainerClient]:
    """A container whose account retains deleted blobs for a week."""
    blobs.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    yield container
    blobs.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))


def entries(container: ContainerClient) -> list[tuple[str, bool, bool]]:
    """Return the name of each entry of a listing, whether it is a snapshot, and whether it is deleted."""
    listed = container.list_blobs(include=["snapshots", "deleted"])
    return [(blob.name, blob.snapshot is not None, bool(blob.deleted)) for blob in listed]


def test_a_deleted_blob_is_restored_as_it_was(retaining_container: ContainerClient, on_disk: Path) -> None:
    blob = retaining_container.upload_blob("a/b/f", b"content", metadata={"k": "v"})
    before = blob.get_blob_properties()
    blob.delete_blob()
    assert not (on_disk / "a").exists()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.download_blob()

    (listed,) = retaining_container.list_blobs(include=["deleted"])
    assert (listed.name, listed.deleted, listed.remaining_retention_days, listed.snapshot) == ("a/b/f", True, 6, None)
    assert listed.deleted_time is not None
    assert list(retaining_container.list_blobs()) == []
    blob.undelete_blob()
    after = blob.get_blob_properties()
    assert (on_disk / "a" / "b" / "f").read_bytes() == b"content"
    assert (after.metadata, after.etag, after.deleted) == (before.metadata, before.etag, False)
    assert entries(retaining_container) == [("a/b/f", False, False)]


def test_what_was_overwritten_is_a_deleted_snapshot(retaining_container: ContainerClient) -> None:
    blob = retaining_container.upload_blob("f", b"1")
    blob.upload_blob(b"2", overwrite=True)
    assert entries(retaining_container) == [("f", True, True), ("f", False, False)]

    blob.undelete_blob()
    assert entries(retaining_container) == [("f", True, False), ("f", False, False)]
    (snapshot, _) = retaining_container.list_blobs(include=["snapshots"])
    assert retaining_container.get_blob_client("f", snapshot=str(snapshot.snapshot)).download_blob().readall() == b"1"


def test_a_blob_is_restored_with_its_snapshots(retaining_container: ContainerClient) -> None:
    blob = retaining_container.upload_blob("f", b"1")
    blob.create_snapshot()
    blob.upload_blob(b"2", overwrite=True)
    blob.delete_blob(delete_snapshots="include")
    assert entries(retaining_container) == [("f", True, True), ("f", True, True), ("f", False, True)]

    blob.undelete_blob()
    assert entries(retaining_container) == [("f", True, False), ("f", True, False), ("f", False, False)]
    assert blob.download_blob().readall() == b"2"
    blob.delete_blob(delete_snapshots="only")
    assert entries(retaining_container) == [("f", True, True), ("f", True, True), ("f", False, False)]


def test_what_was_deleted_before_a_new_blob_is_its_snapshot(retaining_container: ContainerClient) -> None:
    blob = retaining_container.upload_blob("f", b"1")
    blob.delete_blob()
    blob.upload_blob(b"2")
    assert entries(retaining_container) == [("f", True, True), ("f", False, False)]
    blob.delete_blob()
    assert entries(retaining_container) == [("f", True, True), ("f", False, True)]

    blob.undelete_blob()
    assert (blob.download_blob().readall(), entries(retaining_container)) == (
        b"2",
        [("f", True, False), ("f", False, False)],
    )


def test_nothing_is_undeleted_of_what_never_was(retaining_container: ContainerClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        retaining_container.get_blob_client("f").undelete_blob()
    blob = retaining_container.upload_blob("f", b"1")
    blob.undelete_blob()

    assert entries(retaining_container) == [("f", False, False)]


def test_a_deleted_snapshot_is_missing_until_it_is_restored(retaining_container: ContainerClient) -> None:
    blob = retaining_container.upload_blob("f", b"1")
    snapshot = retaining_container.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    snapshot.delete_blob()
    for act in (snapshot.download_blob, snapshot.delete_blob):
        with pytest.raises(ResourceNotFoundError):
            act()

    blob.undelete_blob()
    assert snapshot.download_blob().readall() == b"1"


def test_deleted_snapshots_are_deleted_permanently_if_the_account_permits_it(
    retaining_container: ContainerClient, blobs: BlobServiceClient
) -> None:
    blob = retaining_container.upload_blob("f", b"1")
    snapshot = retaining_container.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    snapshot.delete_blob()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        snapshot.delete_blob(params={"deletetype": "permanent"})
    policy = RetentionPolicy(enabled=True, days=7)
    policy.allow_permanent_delete = True
    blobs.set_service_properties(delete_retention_policy=policy)

    snapshot.delete_blob(params={"deletetype": "permanent"})
    assert entries(retaining_container) == [("f", False, False)]


def test_without_retention_a_deleted_blob_cannot_be_restored(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"1")
    blob.upload_blob(b"2", overwrite=True)
    blob.delete_blob()

    assert entries(container) == []
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        blob.undelete_blob()


def test_the_permission_for_permanent_deletion_deletes_no_blob(
    retaining_container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    blob = retaining_container.upload_blob("f", b"x")
    token = generate_container_sas(
        endpoint.storage_account, retaining_container.container_name, account_key=endpoint.storage_key,
        permission=ContainerSasPermissions.from_string("y"), expiry=SOON,
    )  # fmt: skip
    assert session.delete(f"{blob.url}?deletetype=permanent&{token}").status_code == 403
    assert blob.download_blob().readall() == b"x"
