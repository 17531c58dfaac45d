"""Microsoft.Storage in Resource Manager, driven by azure-mgmt-resource and, for raw responses, by plain HTTP."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.file import FileService
from azure.storage.fileshare import ShareServiceClient
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint

ARM = "https://management.azure.com"
VERSION = "2017-10-01"
BODY: dict[str, Any] = {"sku": {"name": "Standard_LRS"}, "kind": "Storage", "location": "northeurope"}


class Storage:
    """The requests of one test, in their own resource group."""

    def __init__(self, session: requests.Session, credential: ClientSecretCredential, group: str) -> None:
        self.group = group
        self.accounts = f"{group}/providers/Microsoft.Storage/storageAccounts"
        self._session = session
        self._headers = {"Authorization": f"Bearer {credential.get_token(f'{ARM}/.default').token}"}

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        url = path if path.startswith("https:") else f"{ARM}{path}?api-version={VERSION}"
        return self._session.request(method, url, json=body, headers=self._headers)

    def create(self, name: str, **changes: object) -> requests.Response:
        return self.send("PUT", f"{self.accounts}/{name}", BODY | changes)

    def keys(self, name: str) -> list[str]:
        answer = self.send("POST", f"{self.accounts}/{name}/listKeys")
        return [key["value"] for key in answer.json()["keys"]]


@pytest.fixture
def storage(
    session: requests.Session, credential: ClientSecretCredential, resources: ResourceManagementClient
) -> Iterator[Storage]:
    group = resources.resource_groups.create_or_update("storage.group", {"location": "northeurope"})
    yield Storage(session, credential, group.id)
    resources.resource_groups.begin_delete("storage.group").result()


def test_shares_of_a_premium_account_show_their_provisioned_limits(storage: Storage, endpoint: Endpoint) -> None:
    storage.create("premium", sku={"name": "Premium_LRS"}, kind="FileStorage")
    with ShareServiceClient(
        "https://premium.file.core.windows.net", storage.keys("premium")[0],
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as service:  # fmt: skip
        share = service.create_share("share")
        listed = next(iter(service.list_shares()))
        for properties in (share.get_share_properties(), listed):
            assert (properties.quota, properties.provisioned_iops, properties.provisioned_bandwidth) == (100, 3100, 110)
            assert (properties.provisioned_ingress_mbps, properties.provisioned_egress_mbps) == (110, 110)
            assert (properties.access_tier, properties.protocols) == ("Premium", ["SMB"])
            assert properties.next_allowed_quota_downgrade_time == properties.last_modified
        share.set_share_quota(1000)
        after = share.get_share_properties()

        assert (after.provisioned_iops, after.provisioned_bandwidth) == (4000, 200)
        assert after.next_allowed_quota_downgrade_time - after.last_modified == timedelta(days=1)


def test_an_account_is_created_as_recorded(storage: Storage, endpoint: Endpoint) -> None:
    accepted = storage.create("recorded", properties={"supportsHttpsTrafficOnly": False})
    answer = storage.send("GET", accepted.headers["location"])
    account = answer.json()

    assert (accepted.status_code, accepted.content) == (202, b"")
    assert accepted.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-type"] == "application/json"
    assert list(account) == ["sku", "kind", "id", "name", "type", "location", "tags", "properties"]
    assert account["id"] == f"{storage.accounts}/recorded"
    assert account["properties"]["trustedDirectories"] == [endpoint.tenant_id]
    assert account["properties"]["primaryEndpoints"]["file"] == "https://recorded.file.core.windows.net/"


def test_the_sdk_creates_and_deletes_an_account(storage: Storage, resources: ResourceManagementClient) -> None:
    path = f"{storage.accounts}/bysdk"
    account = resources.resources.begin_create_or_update_by_id(path, BODY, api_version=VERSION).result()
    assert (account.name, account.type) == ("bysdk", "Microsoft.Storage/storageAccounts")

    resources.resources.begin_delete_by_id(path, api_version=VERSION).result()
    with pytest.raises(ResourceNotFoundError, match="storageAccounts/bysdk' under resource group"):
        resources.resources.get_by_id(path, api_version=VERSION)
    assert storage.send("DELETE", path).status_code == 204


def test_either_key_opens_the_account_and_no_longer_once_regenerated(
    storage: Storage, session: requests.Session
) -> None:
    storage.create("keyed")
    # A new account's keys are equal, as in the recorded sessions.
    storage.send("POST", f"{storage.accounts}/keyed/regenerateKey", {"keyName": "key1"})
    old = storage.keys("keyed")
    assert [len(base64.b64decode(key)) for key in old] == [64, 64]
    for number, key in enumerate(old):
        assert FileService("keyed", key, request_session=session).create_share(f"share{number}")

    storage.send("POST", f"{storage.accounts}/keyed/regenerateKey", {"keyName": "key2"})
    assert storage.keys("keyed")[0] == old[0]
    assert storage.keys("keyed")[1] != old[1]
    with pytest.raises(Exception, match="Server failed to authenticate"):
        FileService("keyed", old[1], request_session=session).create_share("late")


def test_accounts_are_listed_by_group_and_subscription(storage: Storage, endpoint: Endpoint) -> None:
    storage.create("listed1")
    storage.create("listed2")
    of_group = storage.send("GET", storage.accounts)
    everywhere = storage.send(
        "GET", f"/subscriptions/{endpoint.subscription_id}/providers/Microsoft.Storage/storageAccounts"
    )

    assert [account["name"] for account in of_group.json()["value"]] == ["listed1", "listed2"]
    accounts_of_group = [
        account for account in everywhere.json()["value"] if account["id"].startswith(f"{storage.group}/")
    ]
    assert of_group.json()["value"] == accounts_of_group
    assert everywhere.headers["content-type"] == "application/json; charset=utf-8"
    assert "x-ms-original-request-ids" in everywhere.headers


def test_creating_again_changes_the_account_and_keeps_its_keys(storage: Storage) -> None:
    storage.create("again", tags={"a": "b"})
    keys = storage.keys("again")
    answer = storage.create("again", sku={"name": "standard_grs"})

    assert (answer.status_code, answer.json()["sku"]) == (200, {"name": "Standard_GRS", "tier": "Standard"})
    assert answer.json()["tags"] == {"a": "b"}
    assert storage.keys("again") == keys
    assert storage.send("PATCH", f"{storage.accounts}/AGAIN", {"tags": {"c": "d"}}).json()["tags"] == {"c": "d"}


def test_a_name_is_taken_in_every_group(storage: Storage, endpoint: Endpoint) -> None:
    answer = storage.create(endpoint.storage_account)
    check = f"/subscriptions/{endpoint.subscription_id}/providers/Microsoft.Storage/checkNameAvailability"

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "StorageAccountAlreadyTaken")
    assert storage.send("POST", check, {"name": endpoint.storage_account}).json()["reason"] == "AlreadyExists"
    assert storage.send("POST", check, {"name": "No!"}).json()["reason"] == "AccountNameInvalid"
    assert storage.send("POST", check, {"name": "free"}).json() == {"nameAvailable": True}


def test_an_account_and_its_shares_are_deleted_with_their_group(
    storage: Storage, resources: ResourceManagementClient, session: requests.Session, endpoint: Endpoint
) -> None:
    storage.create("shortlived")
    files = FileService("shortlived", storage.keys("shortlived")[0], request_session=session)
    files.create_share("data")
    files.create_file_from_text("data", None, "f", "x")
    resources.resource_groups.begin_delete("storage.group").result()
    resources.resource_groups.create_or_update("storage.group", {"location": "northeurope"})

    assert storage.send("GET", f"{storage.accounts}/shortlived").status_code == 404
    assert not Path(endpoint.directory, "storage", "shortlived", "file", "data").exists()
    storage.create("shortlived")
    files = FileService("shortlived", storage.keys("shortlived")[0], request_session=session)
    assert list(files.list_shares()) == []


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("UPPER", {}, "AccountNameInvalid"),
        ("ab", {}, "AccountNameInvalid"),
        ("x" * 25, {}, "AccountNameInvalid"),
        ("fine", {"sku": {"name": "Best_LRS"}}, "InvalidValuesForRequestParameters"),
        ("fine", {"sku": None}, "InvalidValuesForRequestParameters"),
        ("fine", {"kind": 7}, "InvalidValuesForRequestParameters"),
        ("fine", {"properties": []}, "InvalidValuesForRequestParameters"),
        ("fine", {"properties": {"supportsHttpsTrafficOnly": "no"}}, "InvalidValuesForRequestParameters"),
        ("fine", {"location": None}, "LocationRequired"),
    ],
)
def test_invalid_values_are_named(storage: Storage, name: str, changes: dict[str, object], code: str) -> None:
    answer = storage.create(name, **changes)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)
HOSTILE = st.dictionaries(st.sampled_from([*BODY, "tags", "properties"]), JSON)


@settings(max_examples=60)
@given(changes=HOSTILE)
def test_hostile_bodies_never_break_it(storage: Storage, changes: dict[str, Any]) -> None:
    answer = storage.create("hostile", **changes)

    assert answer.status_code < 500
    assert answer.status_code in (200, 202) or set(answer.json()["error"]) == {"code", "message"}


def test_an_unknown_operation_is_refused(resources: ResourceManagementClient, endpoint: Endpoint) -> None:
    path = f"/subscriptions/{endpoint.subscription_id}/providers/Microsoft.Storage/locations/eastus/asyncoperations/0"
    with pytest.raises(HttpResponseError, match="operation could not be found"):
        resources.resources.get_by_id(path, api_version=VERSION)


def test_a_client_finds_the_emulators_own_account_and_its_key_by_name(storage: Storage, endpoint: Endpoint) -> None:
    """Microsoft's utilities and ``az batchai`` list the accounts, take the group from the id, and list the keys."""
    subscription = f"/subscriptions/{endpoint.subscription_id}"
    listed = storage.send("GET", f"{subscription}/providers/Microsoft.Storage/storageAccounts")
    [account] = [item for item in listed.json()["value"] if item["name"] == endpoint.storage_account]
    group = account["id"].split("/")[4]

    keys = storage.send("POST", f"{account['id']}/listKeys").json()["keys"]

    assert keys[0]["value"] == endpoint.storage_key
    group_document = storage.send("GET", f"{subscription}/resourceGroups/{group}").json()
    assert group_document["properties"]["provisioningState"] == "Succeeded"
    accounts = storage.send("GET", account["id"].rpartition("/")[0]).json()["value"]
    assert [item["id"] for item in accounts] == [account["id"]]


def test_the_emulators_own_account_and_its_group_cannot_be_deleted(storage: Storage, endpoint: Endpoint) -> None:
    group = f"/subscriptions/{endpoint.subscription_id}/resourceGroups/harness-emulator"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{endpoint.storage_account}"

    for path in (group, account, group.upper(), f"{account}/"):
        answer = storage.send("DELETE", path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "ScopeLocked"), path

    assert storage.send("GET", account).status_code == 200


def retention(storage: Storage, name: str, policy: object) -> requests.Response:
    body = {"properties": {"shareDeleteRetentionPolicy": policy}}
    return storage.send("PUT", f"{storage.accounts}/{name}/fileServices/default", body)


def test_deleted_shares_are_kept_for_the_days_of_the_file_services_policy(storage: Storage, endpoint: Endpoint) -> None:
    storage.create("softly")
    service = storage.send("GET", f"{storage.accounts}/softly/fileServices/default").json()
    assert service["properties"] == {"shareDeleteRetentionPolicy": {"enabled": True, "days": 7}}
    assert service["id"] == f"{storage.accounts}/softly/fileServices/default"
    with ShareServiceClient(
        "https://softly.file.core.windows.net", storage.keys("softly")[0],
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as shares:  # fmt: skip
        shares.create_share("seven").delete_share()
        assert retention(storage, "softly", {"enabled": True, "days": 30}).status_code == 200
        shares.create_share("thirty").delete_share()
        assert retention(storage, "softly", {"enabled": False}).status_code == 200
        shares.create_share("gone").delete_share()

        days = {share.name: share.remaining_retention_days for share in shares.list_shares(include_deleted=True)}
        assert days == {"seven": 7, "thirty": 30}
        [deleted] = [share for share in shares.list_shares(include_deleted=True) if share.name == "thirty"]
        assert shares.undelete_share(deleted.name, deleted.version).get_share_properties().name == "thirty"
    [listed] = storage.send("GET", f"{storage.accounts}/softly/fileServices").json()["value"]
    assert listed["properties"] == {"shareDeleteRetentionPolicy": {"enabled": False}}


@pytest.mark.parametrize(
    "policy",
    [[], {}, {"enabled": "true"}, {"enabled": True}, {"enabled": True, "days": 0}, {"enabled": True, "days": 366},
     {"enabled": True, "days": True}],
)  # fmt: skip
def test_an_invalid_retention_policy_is_refused(storage: Storage, policy: object) -> None:
    storage.create("softlyno")

    answer = retention(storage, "softlyno", policy)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidValuesForRequestParameters")


def test_unsupported_properties_of_the_file_service_are_refused_by_name(storage: Storage) -> None:
    storage.create("softlycors")
    path = f"{storage.accounts}/softlycors/fileServices"

    response = storage.send("PUT", f"{path}/default", {"properties": {"cors": {"corsRules": []}}})
    assert (response.status_code, "properties.cors" in response.text) == (400, True)
    assert storage.send("GET", f"{path}/other").json()["error"]["code"] == "InvalidResourceName"
    assert storage.send("GET", path.replace("softlycors", "missing")).status_code == 404
