"""Shares, driven by azure-storage-file-share 12.x."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.fileshare import (
    AccessPolicy,
    CorsRule,
    Metrics,
    RetentionPolicy,
    ShareClient,
    ShareLeaseClient,
    ShareSasPermissions,
    ShareServiceClient,
)

from harness.emulator.endpoint import Endpoint


def test_service_properties_are_set_and_given_back(service: ShareServiceClient) -> None:
    metrics = Metrics(enabled=True, include_apis=True, retention_policy=RetentionPolicy(enabled=True, days=5))
    rule = CorsRule(["https://a.example"], ["GET", "PUT"], allowed_headers=["x-ms-*"], max_age_in_seconds=60)
    service.set_service_properties(hour_metrics=metrics, cors=[rule])
    found = service.get_service_properties()

    assert (found["hour_metrics"].enabled, found["hour_metrics"].retention_policy.days) == (True, 5)
    assert found["cors"][0].allowed_origins == "https://a.example"
    assert not found["minute_metrics"].enabled
    assert not found["protocol"].smb.multichannel.enabled
    with pytest.raises(HttpResponseError, match="InvalidXmlDocument"):
        service.set_service_properties(cors=[rule] * 6)
    service.set_service_properties(hour_metrics=Metrics(), cors=[])


def test_a_share_is_created_once(share: ShareClient) -> None:
    with pytest.raises(ResourceExistsError, match="The specified share already exists"):
        share.create_share()


def test_quota_tier_and_metadata_are_set(service: ShareServiceClient, share: ShareClient) -> None:
    share.set_share_quota(7)
    share.set_share_properties(access_tier="Hot")
    share.set_share_metadata({"Who": "me"})
    found = share.get_share_properties()

    assert (found.quota, found.access_tier, found.metadata) == (7, "Hot", {"who": "me"})
    with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
        share.set_share_properties(access_tier="Lukewarm")


@pytest.mark.parametrize("name", ["ab", "-ab", "a--b", "Abc", "a.b", "x" * 64])
def test_a_share_has_azures_names_only(service: ShareServiceClient, name: str) -> None:
    with pytest.raises(HttpResponseError, match="InvalidResourceName"):
        service.create_share(name)


def test_shares_are_listed_by_prefix_and_page(service: ShareServiceClient, share_name: str) -> None:
    names = [f"{share_name}-{number}" for number in range(3)]
    for name in names:
        service.create_share(name, metadata={"n": name})
    pages = service.list_shares(share_name, include_metadata=True, results_per_page=2).by_page()

    assert [[found.metadata["n"] for found in page] for page in pages] == [names[:2], names[2:]]
    for name in names:
        service.delete_share(name)


def test_a_snapshot_keeps_what_was(service: ShareServiceClient, share: ShareClient, storage: Endpoint) -> None:
    share.create_directory("d")
    share.get_file_client("d/f").upload_file(b"before", metadata={"m": "1"})
    taken = share.create_snapshot(metadata={"s": "2"})
    share.get_file_client("d/f").upload_file(b"after!!")
    listed = list(service.list_shares(share.share_name, include_snapshots=True))
    assert [found.snapshot for found in listed] == [taken["snapshot"], None]
    with pytest.raises(HttpResponseError, match="ShareHasSnapshots"):
        share.delete_share()

    name, moment = share.share_name, taken["snapshot"]
    with ShareClient.from_connection_string(storage.connection_string, name, snapshot=moment) as old:
        assert old.get_share_properties().metadata == {"s": "2"}
        assert old.get_file_client("d/f").download_file().readall() == b"before"
        assert old.get_file_client("d/f").get_file_properties().metadata == {"m": "1"}
        assert [found.name for found in old.list_directories_and_files("d")] == ["f"]
        old.delete_share()
        with pytest.raises(ResourceNotFoundError, match="ShareSnapshotNotFound"):
            old.get_share_properties()


def test_a_deleted_share_is_restored_with_all_that_is_in_it(service: ShareServiceClient, share: ShareClient) -> None:
    share.get_file_client("f").upload_file(b"kept", metadata={"m": "1"})
    share.delete_share()
    deleted = [found for found in service.list_shares(share.share_name, include_deleted=True) if found.deleted]
    assert deleted[-1].remaining_retention_days == 7

    service.undelete_share(share.share_name, deleted[-1].version)
    assert share.get_file_client("f").download_file().readall() == b"kept"
    assert share.get_file_client("f").get_file_properties().metadata == {"m": "1"}


def test_access_policies_are_set_and_given_back(share: ShareClient) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    policy = AccessPolicy(ShareSasPermissions(read=True, list=True), start + timedelta(days=1), start)
    share.set_share_access_policy({"first": policy, "empty": AccessPolicy()})
    found = {policy.id: policy.access_policy for policy in share.get_share_access_policy()["signed_identifiers"]}

    assert found["first"].permission == "rl"
    assert found["first"].expiry.startswith("2026-01-02T00:00:00")
    with pytest.raises(ValueError, match="Too many access policies"):
        share.set_share_access_policy({str(number): policy for number in range(6)})


def test_permissions_are_kept_by_key(share: ShareClient) -> None:
    text = "O:S-1-5-21-2127521184-1604012920-1887927527-21560751G:SYD:AI(A;;FA;;;SY)"
    key = share.create_permission_for_share(text)
    share.get_file_client("f").create_file(1, permission_key=key)

    assert share.get_permission_for_share(key) == text
    assert share.get_file_client("f").get_file_properties().permission_key == key
    with pytest.raises(ResourceNotFoundError):
        share.get_permission_for_share("1*2")
    with pytest.raises(HttpResponseError, match="InvalidInput"):
        share.create_permission_for_share("nonsense")


def test_stats_tell_the_bytes_on_disk(share: ShareClient) -> None:
    assert share.get_share_stats() == 0
    share.get_file_client("f").upload_file(b"x" * 5000)
    share.get_file_client("hole").create_file(1 << 30)

    assert share.get_share_stats() == 5000


def test_a_lease_on_a_share_is_acquired_renewed_changed_broken_and_released(share: ShareClient) -> None:
    lease = share.acquire_lease(lease_duration=15)
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        share.delete_share()
    with pytest.raises(HttpResponseError, match="LeaseAlreadyPresent"):
        share.acquire_lease()
    lease.renew()
    lease.change("11111111-2222-3333-4444-555555555555")
    assert share.get_share_properties(lease=lease).lease.state == "leased"
    assert lease.break_lease(lease_break_period=10) in (9, 10)
    assert share.get_share_properties().lease.state == "breaking"
    lease.release()
    assert share.get_share_properties().lease.state == "available"
    with pytest.raises(HttpResponseError, match="LeaseIdMismatchWithLeaseOperation"):
        ShareLeaseClient(share, "11111111-2222-3333-4444-555555555555").release()
