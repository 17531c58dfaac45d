"""Access tiers of blobs, driven by azure-storage-blob 12.x."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobClient, ContainerClient, StandardBlobTier

from harness.emulator.providers.blobs import tiers
from harness.emulator.providers.blobs.model import Blob
from harness.emulator.storage_service.errors import StorageError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TIER, PRIORITY = "x-ms-access-tier", "x-ms-rehydrate-priority"


@pytest.mark.parametrize("tier", ["Hot", "Cool", "Cold", "Smart", "Archive"])
def test_a_tier_is_named_at_the_upload_or_later(container: ContainerClient, tier: str) -> None:
    uploaded = container.upload_blob("a", b"x", standard_blob_tier=StandardBlobTier(tier))
    committed = container.get_blob_client("b")
    committed.commit_block_list([], standard_blob_tier=StandardBlobTier(tier))
    moved = container.upload_blob("c", b"x")
    before = moved.get_blob_properties()
    moved.set_standard_blob_tier(tier)
    after = moved.get_blob_properties()

    for blob in (uploaded, committed):
        properties = blob.get_blob_properties()
        assert (properties.blob_tier, properties.blob_tier_inferred, properties.blob_tier_change_time) == (
            tier,
            None,
            None,
        )
    assert (before.blob_tier, before.blob_tier_inferred) == ("Hot", True)
    assert (after.blob_tier, after.blob_tier_inferred, after.etag) == (tier, None, before.etag)
    assert after.blob_tier_change_time is not None
    assert {blob.blob_tier for blob in container.list_blobs()} == {tier}


@pytest.mark.parametrize(
    "act",
    [
        lambda blob: blob.download_blob(),
        lambda blob: blob.set_blob_metadata({"a": "1"}),
        lambda blob: blob.set_http_headers(),
        lambda blob: blob.create_snapshot(),
    ],
)
def test_a_blob_in_the_archive_is_out_of_reach(container: ContainerClient, act: Callable[[BlobClient], object]) -> None:
    blob = container.upload_blob("f", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    with pytest.raises(ResourceExistsError, match="BlobArchived"):
        act(blob)

    assert blob.get_blob_properties().size == 1
    blob.upload_blob(b"y", overwrite=True)
    assert blob.download_blob().readall() == b"y"


def test_a_blob_leaves_the_archive_after_a_while(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", standard_blob_tier=StandardBlobTier.ARCHIVE)
    statuses: list[int] = []
    blob.set_standard_blob_tier(
        "Cool", rehydrate_priority="High", raw_response_hook=lambda r: statuses.append(r.http_response.status_code)
    )
    pending = blob.get_blob_properties()
    assert (statuses, pending.blob_tier, pending.archive_status) == ([202], "Archive", "rehydrate-pending-to-cool")
    assert pending.rehydrate_priority == "High"
    (listed,) = container.list_blobs()
    assert (listed.blob_tier, listed.archive_status) == ("Archive", "rehydrate-pending-to-cool")

    while blob.get_blob_properties().archive_status:
        pass
    assert blob.get_blob_properties().blob_tier == "Cool"
    assert blob.download_blob().readall() == b"x"


def test_a_snapshot_has_its_own_tier(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    snapshot = container.get_blob_client("f", snapshot=blob.create_snapshot()["snapshot"])
    snapshot.set_standard_blob_tier("Archive")

    assert (snapshot.get_blob_properties().blob_tier, blob.get_blob_properties().blob_tier) == ("Archive", "Hot")
    with pytest.raises(ResourceExistsError, match="BlobArchived"):
        snapshot.download_blob()
    assert blob.download_blob().readall() == b"x"


@pytest.mark.parametrize(("tier", "code"), [("Lukewarm", "InvalidHeaderValue"), ("P10", "InvalidBlobTier")])
def test_tiers_that_a_block_blob_cannot_be_in_are_refused(container: ContainerClient, tier: str, code: str) -> None:
    blob = container.upload_blob("f", b"x")
    with pytest.raises(HttpResponseError, match=code):
        blob.set_standard_blob_tier(tier)

    assert blob.get_blob_properties().blob_tier_inferred
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        container.get_blob_client("g").set_standard_blob_tier("Hot")


def test_a_blob_is_deleted_when_its_tier_has_changed_long_ago(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    blob.set_standard_blob_tier("Cool")
    before, after = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.delete_blob(access_tier_if_modified_since=after)
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.delete_blob(access_tier_if_unmodified_since=before)

    blob.delete_blob(access_tier_if_modified_since=before)
    assert not blob.exists()


def test_a_pending_rehydration_can_only_be_sped_up() -> None:
    pending = tiers.set_tier(Blob(tier="Archive"), {TIER: "hot"}, NOW)
    hurried = tiers.set_tier(pending, {TIER: "Hot", PRIORITY: "high"}, NOW + timedelta(seconds=1))

    assert tiers.tier_properties(hurried, NOW)[1:3] == [
        ("ArchiveStatus", "rehydrate-pending-to-hot"),
        ("RehydratePriority", "High"),
    ]
    for tier in ("Cool", "Archive"):
        with pytest.raises(StorageError, match="being rehydrated"):
            tiers.set_tier(pending, {TIER: tier}, NOW)
    with pytest.raises(StorageError, match="being rehydrated"):
        tiers.check_online(pending, NOW, access="write")
    over = NOW + tiers.REHYDRATION
    tiers.check_online(pending, over, access="write")
    assert tiers.tier_properties(pending, over)[0] == ("AccessTier", "Hot")


def test_page_blobs_have_the_tiers_of_premium_disks() -> None:
    assert tiers.set_tier(Blob(kind="PageBlob"), {TIER: "p10"}, NOW).tier == "P10"
    assert tiers.tier_properties(Blob(kind="PageBlob"), NOW) == []
    with pytest.raises(StorageError, match="tier is invalid"):
        tiers.set_tier(Blob(kind="PageBlob"), {TIER: "Hot"}, NOW)
    with pytest.raises(StorageError, match="blob type is invalid"):
        tiers.set_tier(Blob(kind="AppendBlob"), {TIER: "Hot"}, NOW)
    with pytest.raises(StorageError, match="mandatory"):
        tiers.set_tier(Blob(), {}, NOW)
    with pytest.raises(StorageError, match=PRIORITY):
        tiers.set_tier(Blob(), {TIER: "Hot", PRIORITY: "Now"}, NOW)
