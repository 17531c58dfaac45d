"""Versions of blobs, which Resource Manager turns on; driven by azure-storage-blob 12.x."""

import base64
import hmac
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import (
    BlobBlock,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    RetentionPolicy,
    generate_blob_sas,
    generate_container_sas,
)

from harness.emulator.endpoint import Endpoint

ACCOUNT = "versioned"
SOON = datetime.now(UTC) + timedelta(hours=1)

Service = Callable[..., requests.Response]


@pytest.fixture
def service(
    session: requests.Session, credential: ClientSecretCredential, resources: ResourceManagementClient
) -> Iterator[Service]:
    """Sends requests about the blob service of an account to Resource Manager: method and body."""
    group = resources.resource_groups.create_or_update("version.group", {"location": "eastus"}).id
    account = f"https://management.azure.com{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    headers = {"Authorization": f"Bearer {credential.get_token('https://management.azure.com/.default').token}"}
    query = {"api-version": "2023-01-01"}
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "eastus"}
    session.put(account, json=body, headers=headers, params=query).raise_for_status()

    def ask(method: str, document: object, path: str = "/blobServices/default") -> requests.Response:
        return session.request(method, f"{account}{path}", json=document, headers=headers, params=query)

    yield ask
    resources.resource_groups.begin_delete("version.group").result()


@pytest.fixture
def blobs(service: Service, endpoint: Endpoint) -> Iterator[BlobServiceClient]:
    service("PUT", {"properties": {"isVersioningEnabled": True}}).raise_for_status()
    with BlobServiceClient(
        f"https://{ACCOUNT}.blob.core.windows.net", service("POST", None, "/listKeys").json()["keys"][0]["value"],
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0,
    ) as client:  # fmt: skip
        yield client


@pytest.fixture
def container(blobs: BlobServiceClient) -> ContainerClient:
    return blobs.create_container("box")


def versions(container: ContainerClient, *include: str) -> list[tuple[str, bool]]:
    """Return the content of each version, and whether it is the current one."""
    listed = container.list_blobs(include=["versions", *include])
    return [
        (
            container.download_blob(blob.name, version_id=blob.version_id).readall().decode(),
            bool(blob.is_current_version),
        )
        for blob in listed
        if not blob.deleted
    ]


def test_each_write_makes_a_version(container: ContainerClient) -> None:
    blob = container.get_blob_client("d/f")
    first = blob.upload_blob(b"1", metadata={"n": "1"}, tags={"t": "1"})
    blob.stage_block("a", b"2")
    second = blob.commit_block_list([BlobBlock("a")])
    ids = [str(response["version_id"]) for response in (first, second)]

    assert versions(container) == [("1", False), ("2", True)]
    assert [item.version_id for item in container.list_blobs(include=["versions"])] == ids
    earlier = container.get_blob_client("d/f", version_id=ids[0])
    properties = earlier.get_blob_properties()
    assert (properties.metadata, properties.version_id, properties.is_current_version) == ({"n": "1"}, ids[0], None)
    assert earlier.get_blob_tags() == {"t": "1"}
    current = blob.get_blob_properties()
    assert (current.version_id, current.is_current_version) == (ids[1], True)
    assert [item.version_id for item in container.list_blobs()] == [None]


def test_other_metadata_is_another_version_of_the_same_content(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"same", metadata={"n": "1"})
    response = blob.set_blob_metadata({"n": "2"})
    old, new = container.list_blobs(include=["versions", "metadata"])

    assert (old.metadata, new.metadata, new.version_id) == ({"n": "1"}, {"n": "2"}, response["version_id"])
    assert versions(container) == [("same", False), ("same", True)]
    blob.set_http_headers()
    blob.set_blob_tags({"a": "1"})
    assert len(versions(container)) == 2


def test_a_deleted_blob_lives_on_in_its_versions(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        blob.download_blob()
    assert (list(container.list_blobs()), versions(container)) == ([], [("1", False)])
    (only,) = container.list_blobs(include=["deletedwithversions"])
    assert (only.name, only.has_versions_only, only.version_id) == ("f", True, version)

    source = container.get_blob_client("f", version_id=version)
    blob.upload_blob(source.download_blob().readall())
    assert versions(container) == [("1", False), ("1", True)]
    source.delete_blob()
    assert versions(container) == [("1", True)]
    with pytest.raises(ResourceNotFoundError):
        source.delete_blob()


def test_a_version_becomes_current_again_by_a_copy(container: ContainerClient, blobs: BlobServiceClient) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.upload_blob(b"2", overwrite=True)
    token = generate_container_sas(
        ACCOUNT, "box", account_key=blobs.credential.account_key,
        permission=ContainerSasPermissions(read=True), expiry=SOON,
    )  # fmt: skip
    blob.start_copy_from_url(f"{blob.url}?versionid={version}&{token}", requires_sync=True)

    assert versions(container) == [("1", False), ("2", False), ("1", True)]


def test_the_current_version_is_deleted_without_its_name(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    with pytest.raises(HttpResponseError, match="OperationNotAllowedOnRootBlob"):
        container.get_blob_client("f", version_id=version).delete_blob()

    assert versions(container) == [("1", True)]


def test_a_snapshot_makes_a_version(container: ContainerClient) -> None:
    blob = container.get_blob_client("f")
    first = str(blob.upload_blob(b"1")["version_id"])
    snapshot = blob.create_snapshot()
    listed = list(container.list_blobs(include=["versions", "snapshots"]))

    assert {item.version_id for item in listed} == {first, snapshot["version_id"], None}
    assert [item.snapshot for item in listed if item.snapshot] == [snapshot["snapshot"]]
    assert versions(container) == [("1", False), ("1", True)]


def test_a_deleted_version_is_restored(container: ContainerClient, blobs: BlobServiceClient) -> None:
    blobs.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=3))
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.upload_blob(b"2", overwrite=True)
    container.get_blob_client("f", version_id=version).delete_blob()
    assert versions(container, "deleted") == [("2", True)]
    (deleted,) = (item for item in container.list_blobs(include=["versions", "deleted"]) if item.deleted)
    assert (deleted.version_id, deleted.remaining_retention_days) == (version, 2)

    blob.undelete_blob()
    assert versions(container) == [("1", False), ("2", True)]


def test_what_was_written_before_is_kept_from_the_next_change_on(
    container: ContainerClient, service: Service, endpoint: Endpoint
) -> None:
    service("PUT", {"properties": {"isVersioningEnabled": False}}).raise_for_status()
    blob = container.get_blob_client("f")
    assert blob.upload_blob(b"1").get("version_id") is None
    blob.upload_blob(b"2", overwrite=True)
    service("PUT", {"properties": {"isVersioningEnabled": True}}).raise_for_status()
    Path(endpoint.directory, "storage", ACCOUNT, "blob", "box", "f").write_bytes(b"by a job")
    blob.upload_blob(b"3", overwrite=True)
    assert versions(container) == [("by a job", False), ("3", True)]

    service("PUT", {"properties": {"isVersioningEnabled": False}}).raise_for_status()
    blob.upload_blob(b"4", overwrite=True)
    blob.upload_blob(b"5", overwrite=True)
    listed = list(container.list_blobs(include=["versions"]))
    assert [version.version_id is None for version in listed] == [False, False, True]
    assert blob.download_blob().readall() == b"5"


def test_a_sas_deletes_versions_by_their_own_letter(
    container: ContainerClient, blobs: BlobServiceClient, session: requests.Session
) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.upload_blob(b"2", overwrite=True)

    def ask(method: str, permission: BlobSasPermissions, version_id: str | None, query: str) -> int:
        token = generate_blob_sas(
            ACCOUNT, "box", "f", version_id=version_id,
            account_key=blobs.credential.account_key, permission=permission, expiry=SOON,
        )  # fmt: skip
        return session.request(method, f"{blob.url}?{query}&{token}").status_code

    of_version = f"versionid={version}"
    assert ask("GET", BlobSasPermissions(read=True), version, of_version) == 200
    assert ask("GET", BlobSasPermissions(read=True), version, "") == 403
    assert ask("GET", BlobSasPermissions(read=True), None, of_version) == 403
    assert ask("DELETE", BlobSasPermissions(delete=True), version, of_version) == 403
    assert ask("DELETE", BlobSasPermissions(delete_previous_version=True), None, "") == 403
    assert ask("DELETE", BlobSasPermissions(delete_previous_version=True), version, of_version) == 202
    assert versions(container) == [("2", True)]


def test_a_link_to_one_state_opens_no_other(
    container: ContainerClient, blobs: BlobServiceClient, session: requests.Session
) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.upload_blob(b"2", overwrite=True)
    snapshot = str(blob.create_snapshot()["snapshot"])
    current = str(blob.get_blob_properties().version_id)

    def signed(**of: str) -> str:
        return generate_blob_sas(
            ACCOUNT, "box", "f", account_key=blobs.credential.account_key,
            permission=BlobSasPermissions(read=True, write=True), expiry=SOON, **of,
        )  # fmt: skip

    links = [signed(snapshot=snapshot), signed(version_id=version), signed()]
    for link, other in itertools.product(links, (version, current)):
        both = f"{blob.url}?snapshot={snapshot}&versionid={other}&{link}"
        assert session.get(both).status_code in (400, 403)
        headers = {"x-ms-copy-source": both, "x-ms-blob-type": "BlockBlob"}
        target = f"{blob.url}?{signed()}"
        assert session.put(target, headers=headers).status_code in (400, 403)
    assert blob.download_blob().readall() == b"2"


def test_an_old_link_to_a_blob_opens_none_of_its_earlier_states(
    container: ContainerClient, blobs: BlobServiceClient, session: requests.Session
) -> None:
    blob = container.get_blob_client("f")
    version = str(blob.upload_blob(b"1")["version_id"])
    blob.upload_blob(b"2", overwrite=True)
    # This version does not sign the type of the resource.
    sas = {"sp": "r", "se": f"{SOON:%Y-%m-%dT%H:%M:%SZ}", "sv": "2017-11-09"}
    lines = ["r", "", sas["se"], f"/blob/{ACCOUNT}/box/f", "", "", "", sas["sv"], "", "", "", "", ""]
    key = base64.b64decode(blobs.credential.account_key)
    sas["sig"] = base64.b64encode(hmac.digest(key, "\n".join(lines).encode(), "sha256")).decode()

    assert session.get(blob.url, params=sas | {"sr": "b"}).text == "2"
    for kind in ("b", "bs", "bv", "d", "f"):
        query = {"sr": kind, "versionid": version}
        assert session.get(blob.url, params=sas | query).status_code == 403


def test_resource_manager_shows_what_an_account_keeps(service: Service) -> None:
    assert service("GET", None).json()["properties"]["deleteRetentionPolicy"] == {"enabled": False}
    policy = {"enabled": True, "days": 5, "allowPermanentDelete": True}
    body: dict[str, Any] = {"properties": {"isVersioningEnabled": True, "deleteRetentionPolicy": policy}}
    assert service("PUT", body).json()["properties"] == {"cors": {"corsRules": []}, **body["properties"]}
    service("PUT", {"properties": {"deleteRetentionPolicy": {"enabled": False}}})
    properties = service("GET", None).json()

    assert properties["properties"]["isVersioningEnabled"] is True
    assert properties["properties"]["deleteRetentionPolicy"] == {"enabled": False}
    assert (properties["name"], properties["type"]) == ("default", "Microsoft.Storage/storageAccounts/blobServices")


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"isVersioningEnabled": "yes"}, "InvalidValuesForRequestParameters"),
        ({"deleteRetentionPolicy": {"enabled": True}}, "InvalidValuesForRequestParameters"),
        ({"deleteRetentionPolicy": {"enabled": True, "days": 366}}, "InvalidValuesForRequestParameters"),
        ({"deleteRetentionPolicy": True}, "InvalidValuesForRequestParameters"),
        ({"changeFeed": {"enabled": True}}, "FeatureNotSupported"),
        ("none", "InvalidValuesForRequestParameters"),
    ],
)
def test_settings_that_cannot_be_are_refused(service: Service, properties: object, code: str) -> None:
    answer = service("PUT", {"properties": properties})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_an_account_has_one_blob_service(service: Service) -> None:
    assert [service_document["name"] for service_document in service("GET", None, "/blobServices").json()["value"]] == [
        "default"
    ]
    answer = service("GET", None, "/blobServices/other")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidResourceName")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "immutabilityPolicies/default"), ("POST", "setLegalHold"), ("POST", "clearLegalHold")]
)
def test_immutability_is_refused_by_name(service: Service, method: str, path: str) -> None:
    answer = service(method, {"properties": {}}, f"/blobServices/default/containers/box/{path}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotImplemented")
    assert "immutability policies and legal holds" in answer.json()["error"]["message"]
