"""Shares, driven by azure-storage-file-share 12.x."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
from harness.emulator.launch import launch


def test_service_properties_are_set_and_given_back(service: ShareServiceClient) -> None:
    metrics = Metrics(enabled=True, include_apis=True, retention_policy=RetentionPolicy(enabled=True, days=5))
    rule = CorsRule(["https://a.example"], ["GET", "PUT"], allowed_headers=["x-ms-*"], max_age_in_seconds=60)
    service.set_service_properties(hour_metrics=metrics, cors=[rule])
    properties = service.get_service_properties()

    assert (properties["hour_metrics"].enabled, properties["hour_metrics"].retention_policy.days) == (True, 5)
    assert properties["cors"][0].allowed_origins == "https://a.example"
    assert not properties["minute_metrics"].enabled
    assert not properties["protocol"].smb.multichannel.enabled
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
    properties = share.get_share_properties()

    assert (properties.quota, properties.access_tier, properties.metadata) == (7, "Hot", {"Who": "me"})
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

    assert [[listed_share.metadata["n"] for listed_share in page] for page in pages] == [names[:2], names[2:]]
    for name in names:
        service.delete_share(name)


def test_a_snapshot_keeps_what_was(service: ShareServiceClient, share: ShareClient, storage: Endpoint) -> None:
    share.create_directory("d")
    share.get_file_client("d/f").upload_file(b"before", metadata={"m": "1"})
    snapshot = share.create_snapshot(metadata={"s": "2"})
    share.get_file_client("d/f").upload_file(b"after!!")
    listed = list(service.list_shares(share.share_name, include_snapshots=True))
    assert [listed_share.snapshot for listed_share in listed] == [snapshot["snapshot"], None]
    with pytest.raises(HttpResponseError, match="ShareHasSnapshots"):
        share.delete_share()

    name, moment = share.share_name, snapshot["snapshot"]
    with ShareClient.from_connection_string(storage.connection_string, name, snapshot=moment) as old:
        assert old.get_share_properties().metadata == {"s": "2"}
        assert old.get_file_client("d/f").download_file().readall() == b"before"
        assert old.get_file_client("d/f").get_file_properties().metadata == {"m": "1"}
        assert [entry.name for entry in old.list_directories_and_files("d")] == ["f"]
        old.delete_share()
        with pytest.raises(ResourceNotFoundError, match="ShareNotFound"):
            old.get_share_properties()


def test_a_snapshot_is_never_changed(share: ShareClient, storage: Endpoint) -> None:
    share.create_directory("d").upload_file("f", b"before")
    moment = share.create_snapshot()["snapshot"]
    with ShareClient.from_connection_string(storage.connection_string, share.share_name, snapshot=moment) as old:
        file, directory = old.get_file_client("d/f"), old.get_directory_client("d")
        changes: list[Callable[[], object]] = [
            lambda: file.create_file(1),
            lambda: file.upload_range(b"x", 0, 1),
            lambda: file.set_file_metadata({"m": "1"}),
            file.delete_file,
            lambda: directory.set_directory_metadata({"m": "1"}),
            lambda: old.create_directory("new"),
            lambda: old.set_share_metadata({"m": "1"}),
            lambda: old.set_share_quota(1),
            old.create_snapshot,
        ]
        for change in changes:
            with pytest.raises(HttpResponseError, match="ShareSnapshotOperationNotSupported"):
                change()

        assert file.download_file().readall() == b"before"
        assert old.get_share_properties().metadata == {}


def test_a_share_has_no_immutability(share: ShareClient) -> None:
    responses: list[dict[str, str]] = []
    share.get_share_properties(raw_response_hook=lambda reply: responses.append(dict(reply.http_response.headers)))

    assert responses[0]["x-ms-has-immutability-policy"] == "false"
    assert responses[0]["x-ms-has-legal-hold"] == "false"


def test_a_deleted_share_is_restored_with_all_that_is_in_it(service: ShareServiceClient, share: ShareClient) -> None:
    share.get_file_client("f").upload_file(b"kept", metadata={"m": "1"})
    share.delete_share()
    deleted = [item for item in service.list_shares(share.share_name, include_deleted=True) if item.deleted]
    assert deleted[-1].remaining_retention_days == 7

    service.undelete_share(share.share_name, deleted[-1].version)
    assert share.get_file_client("f").download_file().readall() == b"kept"
    assert share.get_file_client("f").get_file_properties().metadata == {"m": "1"}


def test_access_policies_are_set_and_given_back(share: ShareClient) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    policy = AccessPolicy(ShareSasPermissions(read=True, list=True), start + timedelta(days=1), start)
    share.set_share_access_policy({"first": policy, "empty": AccessPolicy()})
    policies = {policy.id: policy.access_policy for policy in share.get_share_access_policy()["signed_identifiers"]}

    assert policies["first"].permission == "rl"
    assert (policies["first"].start, policies["first"].expiry) == (
        "2026-01-01T00:00:00.0000000Z",
        "2026-01-02T00:00:00.0000000Z",
    )
    with pytest.raises(ValueError, match="Too many access policies"):
        share.set_share_access_policy({str(number): policy for number in range(6)})


def test_permissions_are_kept_by_key(share: ShareClient) -> None:
    text = "O:S-1-5-21-2127521184-1604012920-1887927527-21560751G:SYD:AI(A;;FA;;;SY)"
    key = share.create_permission_for_share(text)
    share.get_file_client("f").create_file(1, permission_key=key)

    assert share.get_permission_for_share(key) == f"{text}S:NO_ACCESS_CONTROL"
    assert share.create_permission_for_share(f"{text}S:NO_ACCESS_CONTROL") == key
    assert share.get_file_client("f").get_file_properties().permission_key == key
    with pytest.raises(ResourceNotFoundError):
        share.get_permission_for_share("1*2")
    with pytest.raises(HttpResponseError, match="FileInvalidPermissionKey"):
        share.get_file_client("g").create_file(1, permission_key="1*2")


def test_a_permission_is_given_back_in_the_form_that_is_asked_for(share: ShareClient) -> None:
    text = "O:SYG:BAD:AI(A;;FA;;;SY)S:NO_ACCESS_CONTROL"
    key = share.create_permission_for_share(text)
    binary = share.get_permission_for_share(key, file_permission_format="binary")
    assert isinstance(binary, str)
    file = share.get_file_client("f")
    file.create_file(1, file_permission=binary, file_permission_format="binary")

    assert file.get_file_properties().permission_key == key
    assert share.get_permission_for_share(key, file_permission_format="sddl") == text


@pytest.mark.parametrize(
    ("permission", "form"), [("nonsense", "sddl"), ("O:SYG:SY", "sddl"), ("AAAA", "binary"), ("no base64", "binary")]
)
def test_a_permission_that_is_none_is_refused(share: ShareClient, permission: str, form: str) -> None:
    if form == "sddl":
        with pytest.raises(HttpResponseError, match="FileInvalidPermission"):
            share.create_permission_for_share(permission)
    with pytest.raises(HttpResponseError, match="FileInvalidPermission"):
        share.get_file_client("f").create_file(1, file_permission=permission, file_permission_format=form)
    assert not share.get_file_client("f").exists()


def test_stats_show_the_bytes_on_disk(share: ShareClient) -> None:
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


def test_a_share_provisioned_by_the_second_model_shows_what_comes_with_it(
    service: ShareServiceClient, share_name: str
) -> None:
    with service.get_share_client(share_name) as share:
        share.create_share(provisioned_iops=500, provisioned_bandwidth_mibps=150)
        created = share.get_share_properties()
        [listed] = service.list_shares(share_name)
        share.set_share_properties(access_tier="Hot", provisioned_iops=20_000, provisioned_bandwidth_mibps=200)
        changed = share.get_share_properties()
        with pytest.raises(HttpResponseError, match="x-ms-share-provisioned-iops"):
            share.set_share_properties(access_tier="Hot", provisioned_iops=2_000_000)
        share.delete_share()

    assert (created.provisioned_iops, created.provisioned_bandwidth) == (500, 150)
    assert (created.included_burst_iops, created.max_burst_credits_for_iops) == (5000, 4500 * 3600)
    assert created.next_provisioned_iops_downgrade == created.next_provisioned_bandwidth_downgrade
    assert (listed.included_burst_iops, listed.next_provisioned_iops_downgrade is not None) == (5000, True)
    assert (changed.provisioned_iops, changed.included_burst_iops) == (20_000, 50_000)


def test_an_account_for_premium_files_can_be_had_from_the_start(tmp_path: Path) -> None:
    with (
        launch(tmp_path, only="storage", accounts=["premium:c2VjcmV0:Premium_LRS"]) as endpoint,
        ShareServiceClient(
            f"{endpoint.file_url}/premium",
            {"account_name": "premium", "account_key": "c2VjcmV0"},
        ) as service,
    ):
        properties = service.create_share("share").get_share_properties()

    assert (properties.quota, properties.access_tier, properties.provisioned_iops) == (100, "Premium", 3100)
