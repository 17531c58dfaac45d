"""Snapshots of blobs, driven by azure-storage-blob 12.x."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobBlock, BlobClient, BlobSasPermissions, ContainerClient, generate_blob_sas

from harness.emulator.endpoint import Endpoint

SOON = datetime.now(UTC) + timedelta(hours=1)


def snapshot_of(container: ContainerClient, blob: BlobClient, **options: object) -> BlobClient:
    snapshot = blob.create_snapshot(**options)
    return container.get_blob_client(blob.blob_name, snapshot=snapshot["snapshot"])


def entries(container: ContainerClient, *include: str) -> list[tuple[str, bool]]:
    """Return the entries of a listing: the name, and whether it is a snapshot."""
    return [(blob.name, blob.snapshot is not None) for blob in container.list_blobs(include=list(include))]


def test_a_snapshot_stays_as_the_blob_was(container: ContainerClient, on_disk: Path) -> None:
    blob = container.upload_blob("a/f", b"first", metadata={"k": "1"})
    before = blob.get_blob_properties()
    snapshot = snapshot_of(container, blob)
    (on_disk / "a" / "f").write_bytes(b"a job writes in place")
    blob.upload_blob(b"second", overwrite=True, metadata={"k": "2"})
    after = snapshot.get_blob_properties()

    assert snapshot.download_blob().readall() == b"first"
    assert snapshot.download_blob(offset=1, length=2).readall() == b"ir"
    assert (after.metadata, after.etag, after.last_modified) == ({"k": "1"}, before.etag, before.last_modified)
    assert after.content_settings.content_md5 == before.content_settings.content_md5
    assert (after.lease.state, blob.download_blob().readall()) == (None, b"second")


def test_a_snapshot_with_its_own_metadata_is_another_resource(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", metadata={"k": "1"})
    answer = blob.create_snapshot(metadata={"of": "snapshot"})
    snapshot = container.get_blob_client("f", snapshot=answer["snapshot"])

    assert snapshot.get_blob_properties().metadata == {"of": "snapshot"}
    assert answer["etag"] != blob.get_blob_properties().etag
    assert snapshot.get_blob_properties().etag.strip('"') == answer["etag"].strip('"')


def test_snapshots_are_listed_before_their_blob_page_by_page(container: ContainerClient) -> None:
    for name in ("a", "a-b", "b/c"):
        blob = container.upload_blob(name, b"x")
        for _ in range(3 if name == "a" else 1):
            blob.create_snapshot()
    container.upload_blob("c", b"x")
    expected = [*[("a", True)] * 3, ("a", False), ("a-b", True), ("a-b", False), ("b/c", True), ("b/c", False)]

    assert entries(container, "snapshots") == [*expected, ("c", False)]
    for size in (1, 2, 3, 5):
        pages = list(container.list_blobs(include=["snapshots"], results_per_page=size).by_page())
        listed_pages = [[(blob.name, blob.snapshot) for blob in page] for page in pages]
        flat = [item for page in listed_pages for item in page]
        assert (len(flat), len(set(flat)), {len(page) for page in listed_pages[:-1]}) == (9, 9, {size})
    assert entries(container) == [("a", False), ("a-b", False), ("b/c", False), ("c", False)]
    assert {item.name for item in container.walk_blobs(include=["snapshots"])} == {"a", "a-b", "b/", "c"}


def test_a_blob_with_snapshots_is_deleted_only_on_request(container: ContainerClient) -> None:
    blob = container.upload_blob("a/b/f", b"x")
    first, second = snapshot_of(container, blob), snapshot_of(container, blob)
    with pytest.raises(ResourceExistsError, match="SnapshotsPresent"):
        blob.delete_blob()

    first.delete_blob()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        first.get_blob_properties()
    assert entries(container, "snapshots") == [("a/b/f", True), ("a/b/f", False)]
    blob.delete_blob(delete_snapshots="only")
    assert entries(container, "snapshots") == [("a/b/f", False)]
    assert not second.exists()
    blob.create_snapshot()
    blob.delete_blob(delete_snapshots="include")
    assert entries(container, "snapshots") == []


def test_a_snapshot_is_deleted_without_an_option_for_snapshots(container: ContainerClient) -> None:
    snapshot = snapshot_of(container, container.upload_blob("f", b"x"))
    for value in ("include", "only"):
        with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
            snapshot.delete_blob(headers={"x-ms-delete-snapshots": value})
    with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
        container.delete_blob("f", headers={"x-ms-delete-snapshots": "all"})

    assert entries(container, "snapshots") == [("f", True), ("f", False)]


@pytest.mark.parametrize(
    "write",
    [
        lambda blob, query: blob.upload_blob(b"y", overwrite=True, params=query),
        lambda blob, query: blob.set_blob_metadata({"a": "1"}, params=query),
        lambda blob, query: blob.set_http_headers(params=query),
        lambda blob, query: blob.acquire_lease(params=query),
        lambda blob, query: blob.create_snapshot(params=query),
        lambda blob, query: blob.stage_block("1", b"x", params=query),
    ],
)
def test_a_snapshot_is_never_written(
    container: ContainerClient, write: Callable[[BlobClient, dict[str, str]], object]
) -> None:
    blob = container.upload_blob("f", b"x")
    snapshot = snapshot_of(container, blob)
    with pytest.raises(HttpResponseError, match="InvalidQueryParameterValue"):
        write(blob, {"snapshot": str(snapshot.snapshot)})

    assert snapshot.download_blob().readall() == b"x"


def test_a_snapshot_is_taken_on_condition_and_under_the_lease(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.create_snapshot(headers={"If-Match": "0x1"})
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.create_snapshot(headers={"If-None-Match": str(blob.get_blob_properties().etag)})
    with pytest.raises(HttpResponseError, match="LeaseNotPresentWithBlobOperation"):
        blob.create_snapshot(lease="11111111-1111-1111-1111-111111111111")
    lease = blob.acquire_lease(15)

    blob.create_snapshot()
    blob.create_snapshot(lease=lease)
    lease.release()
    assert entries(container, "snapshots") == [("f", True), ("f", True), ("f", False)]


def test_what_is_not_there_has_no_snapshot(container: ContainerClient, on_disk: Path) -> None:
    blob = container.upload_blob("f", b"x")
    missing = container.get_blob_client("f", snapshot="2026-01-01T00:00:00.0000000Z")
    for act in (missing.download_blob, missing.get_blob_properties, missing.delete_blob):
        with pytest.raises(ResourceNotFoundError):
            act()
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        container.get_blob_client("g").create_snapshot()
    (on_disk / "made").mkdir()
    with pytest.raises(HttpResponseError, match="NotImplemented"):
        container.get_blob_client("made").create_snapshot()
    blob.delete_blob()


def test_a_link_to_a_snapshot_opens_that_snapshot_alone(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    blob = container.upload_blob("f", b"old")
    snapshot = snapshot_of(container, blob)
    blob.upload_blob(b"new", overwrite=True)

    def token(snapshot: str | None) -> str:
        return generate_blob_sas(
            endpoint.storage_account, container.container_name, "f", snapshot=snapshot,
            account_key=endpoint.storage_key, permission=BlobSasPermissions(read=True), expiry=SOON,
        )  # fmt: skip

    of_snapshot, of_blob = token(str(snapshot.snapshot)), token(None)
    assert session.get(f"{blob.url}?snapshot={snapshot.snapshot}&{of_snapshot}").text == "old"
    assert session.get(f"{blob.url}?{of_snapshot}").status_code == 403
    assert session.get(f"{blob.url}?snapshot={snapshot.snapshot}&{of_blob}").status_code == 403
    assert session.get(f"{blob.url}?{of_blob}").text == "new"


def test_a_snapshot_has_the_blocks_of_its_time(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    blob.stage_block("1", b"111")
    blob.commit_block_list([BlobBlock("1")])
    snapshot = snapshot_of(container, blob)
    blob.upload_blob(b"whole", overwrite=True)
    blob.stage_block("2", b"2")
    committed, uncommitted = snapshot.get_block_list("all")

    assert ([(block.id, block.size) for block in committed], uncommitted) == ([("1", 3)], [])
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        snapshot.get_block_list(if_tags_match_condition="\"a\" = '1'")


def test_a_container_goes_with_its_snapshots(container: ContainerClient, endpoint: Endpoint) -> None:
    root = Path(endpoint.directory, "storage", endpoint.storage_account, "earlier")
    names = {folder.name for folder in root.glob("*")} if root.exists() else set()
    container.upload_blob("f", b"x").create_snapshot()
    assert {folder.name for folder in root.glob("*")} > names
    container.delete_container()
    assert {folder.name for folder in root.glob("*")} == names
    container.create_container()
    assert entries(container, "snapshots") == []


def test_a_snapshot_has_the_blocks_that_the_blob_had(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    blob.stage_block("1", b"x")
    blob.commit_block_list(["1"])
    snapshot = snapshot_of(container, blob)
    blob.stage_block("2", b"y")
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.get_block_list("all", if_tags_match_condition="a = '1'")
    blob.commit_block_list(["2"])
    blob.stage_block("3", b"z")

    assert [[block.id for block in blocks] for blocks in snapshot.get_block_list("all")] == [["1"], []]
