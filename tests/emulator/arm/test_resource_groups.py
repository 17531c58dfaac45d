"""Resource groups, driven by azure-mgmt-resource."""

from collections.abc import Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint

ARM = "https://management.azure.com"


@pytest.fixture
def signed_in(session: requests.Session, credential: ClientSecretCredential) -> requests.Session:
    """Plain HTTP with a token in every request."""
    session.headers["Authorization"] = f"Bearer {credential.get_token(f'{ARM}/.default').token}"
    return session


def test_a_group_is_created_found_and_listed(resources: ResourceManagementClient) -> None:
    created = resources.resource_groups.create_or_update("First.Group", {"location": "East US", "tags": {"a": "b"}})

    assert (created.name, created.location, created.tags) == ("First.Group", "eastus", {"a": "b"})
    assert resources.resource_groups.get("first.group").id == created.id
    assert "First.Group" in [group.name for group in resources.resource_groups.list()]
    assert resources.resource_groups.check_existence("FIRST.GROUP")


def test_creating_again_keeps_the_name_and_changes_the_tags(resources: ResourceManagementClient) -> None:
    resources.resource_groups.create_or_update("Again", {"location": "eastus", "tags": {"old": "1"}})
    group = resources.resource_groups.create_or_update("again", {"location": "eastus", "tags": {"new": "2"}})

    assert (group.name, group.tags) == ("Again", {"new": "2"})


def test_a_group_does_not_move(resources: ResourceManagementClient) -> None:
    resources.resource_groups.create_or_update("stays", {"location": "eastus"})

    with pytest.raises(HttpResponseError, match="already exists in location 'eastus'"):
        resources.resource_groups.create_or_update("stays", {"location": "westus"})


def test_a_deleted_group_does_not_exist_when_the_operation_ends(resources: ResourceManagementClient) -> None:
    resources.resource_groups.create_or_update("short-lived", {"location": "eastus"})
    resources.resource_groups.begin_delete("short-lived").result()

    assert not resources.resource_groups.check_existence("short-lived")
    with pytest.raises(ResourceNotFoundError, match="Resource group 'short-lived' could not be found"):
        resources.resource_groups.get("short-lived")


def test_a_provider_registers_by_way_of_registering(resources: ResourceManagementClient) -> None:
    resources.providers.unregister("Microsoft.Batch")

    assert resources.providers.register("microsoft.batch").registration_state == "Registering"
    assert resources.providers.get("Microsoft.Batch").registration_state == "Registered"


def test_a_provider_that_is_still_registering_can_be_used(
    resources: ResourceManagementClient, signed_in: requests.Session
) -> None:
    group = resources.resource_groups.create_or_update("registers", {"location": "eastus"})
    url = f"{ARM}{group.id}/providers/Microsoft.Batch/batchAccounts/none?api-version=2018-12-01"
    resources.providers.unregister("Microsoft.Batch")
    assert signed_in.get(url).json()["error"]["code"] == "MissingSubscriptionRegistration"

    resources.providers.register("Microsoft.Batch")

    assert signed_in.get(url).json()["error"]["code"] != "MissingSubscriptionRegistration"
    assert resources.providers.get("Microsoft.Batch").registration_state == "Registered"


def test_an_unknown_subscription_is_refused(endpoint: Endpoint, credential: ClientSecretCredential) -> None:
    with ResourceManagementClient(
        credential, "11111111-1111-1111-1111-111111111111",
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as other, pytest.raises(ResourceNotFoundError, match=r"'1{8}-.*' could not be found"):  # fmt: skip
        list(other.resource_groups.list())


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer x.y.z", "Basic abc", "Bearer " + "a" * 5000])
def test_every_call_needs_a_valid_token(session: requests.Session, token: str) -> None:
    response = session.get(f"{ARM}/subscriptions?api-version=2020-01-01", headers={"Authorization": token})

    assert (response.status_code, response.json()["error"]["code"]) == (401, "AuthenticationFailed")
    assert response.headers["www-authenticate"].startswith("Bearer authorization_uri=")


BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"{", b"[]", b"null", b'"x"', b"1e999", b"[" * 10_000, b'{"location":1}', b'{"location":""}']),
    st.sampled_from([b'{"location":"eastus","tags":[]}', b'{"location":"eastus","tags":{"a":1}}', b"\xff\xfe"]),
)
NAMES = st.text(min_size=1, max_size=100).filter(lambda name: name.strip("./") != "")


@settings(max_examples=100)
@given(name=NAMES, body=BODIES)
def test_hostile_groups_get_an_error_envelope_and_never_a_500(
    endpoint: Endpoint, signed_in: requests.Session, name: str, body: bytes
) -> None:
    path = "".join(f"%{byte:02X}" for byte in name.encode("utf-8", "surrogatepass"))
    url = f"{ARM}/subscriptions/{endpoint.subscription_id}/resourceGroups/{path}?api-version=2020-01-01"
    response = signed_in.put(url, data=body)

    assert 400 <= response.status_code < 500
    assert set(response.json()["error"]) == {"code", "message"}


def test_a_deletion_says_when_to_poll(
    signed_in: requests.Session, endpoint: Endpoint, resources: ResourceManagementClient
) -> None:
    resources.resource_groups.create_or_update("polled", {"location": "eastus"})
    url = f"{ARM}/subscriptions/{endpoint.subscription_id}/resourceGroups/polled?api-version=2018-05-01"
    accepted = signed_in.delete(url)

    assert (accepted.status_code, accepted.headers["retry-after"]) == (202, "1")
    assert signed_in.get(accepted.headers["location"]).status_code == 200


def test_a_change_that_comes_slowly_brings_no_group_back_that_was_deleted_in_between(
    signed_in: requests.Session, endpoint: Endpoint, resources: ResourceManagementClient
) -> None:
    resources.resource_groups.create_or_update("slowly", {"location": "eastus"})

    def body() -> Iterator[bytes]:
        yield b'{"tags": '
        resources.resource_groups.begin_delete("slowly").result()
        yield b"{}}"

    url = f"{ARM}/subscriptions/{endpoint.subscription_id}/resourceGroups/slowly?api-version=2018-05-01"
    response = signed_in.patch(url, data=body())

    assert response.status_code == 404
    assert not resources.resource_groups.check_existence("slowly")


@pytest.mark.parametrize("location", ["east\r\nus", "east/us", "e" * 61, "\0"])
def test_a_region_is_letters_and_digits(resources: ResourceManagementClient, location: str) -> None:
    with pytest.raises(HttpResponseError, match="A region is written in letters and digits, for example 'eastus'"):
        resources.resource_groups.create_or_update("nowhere", {"location": location})
