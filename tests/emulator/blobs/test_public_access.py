"""Public containers, which clients read without credentials."""

from collections.abc import Callable, Iterator

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.identity import ClientSecretCredential
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.storage.blob import BlobServiceClient, ContainerClient

from harness.emulator.endpoint import Endpoint

Ask = Callable[..., tuple[int, str]]
READS = {
    "blob": ["/d/f", "/d/f?comp=metadata", "/d/f?comp=blocklist"],
    "container": ["?restype=container&comp=list", "?restype=container", "?restype=container&comp=metadata"],
}
OTHERS = [
    ("GET", "?restype=container&comp=acl"),
    ("PUT", "/new"),
    ("PUT", "/d/f?comp=metadata"),
    ("PUT", "/d/f?comp=lease"),
    ("PUT", "/d/f?comp=snapshot"),
    ("DELETE", "/d/f"),
    ("DELETE", "?restype=container"),
    ("PUT", "?restype=container&comp=acl"),
]


@pytest.fixture
def ask(container: ContainerClient, session: requests.Session) -> Ask:
    """Sends a request without credentials to an address in the container; returns status and error code."""
    container.upload_blob("d/f", b"hello")

    def ask_anonymously(method: str, address: str, **headers: str) -> tuple[int, str]:
        answer = session.request(method, f"{container.url}{address}", headers=headers)
        return answer.status_code, answer.headers.get("x-ms-error-code", "")

    return ask_anonymously


@pytest.mark.parametrize("level", ["blob", "container"])
def test_a_public_container_is_read_without_credentials(container: ContainerClient, ask: Ask, level: str) -> None:
    container.set_container_access_policy({}, public_access=level)
    open_to_all = READS["blob"] + (READS["container"] if level == "container" else [])

    assert container.get_container_properties().public_access == level
    assert [ask("GET", address) for address in open_to_all] == [(200, "")] * len(open_to_all)
    assert ask("HEAD", "/d/f") == (200, "")
    closed = [address for address in READS["container"] if address not in open_to_all]
    assert {ask("GET", address) for address in closed} <= {(401, "NoAuthenticationInformation")}


def test_an_sdk_without_a_credential_reads(container: ContainerClient, ask: Ask, endpoint: Endpoint) -> None:
    container.set_container_access_policy({}, public_access="container")
    with ContainerClient.from_container_url(
        container.url, proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0
    ) as anonymous:
        assert [blob.name for blob in anonymous.list_blobs()] == ["d/f"]
        assert anonymous.download_blob("d/f").readall() == b"hello"
        with pytest.raises(HttpResponseError, match="NoAuthenticationInformation"):
            anonymous.upload_blob("g", b"x")


@pytest.mark.parametrize(("method", "address"), OTHERS)
def test_writes_without_credentials_are_refused(
    container: ContainerClient, ask: Ask, method: str, address: str
) -> None:
    container.set_container_access_policy({}, public_access="container")

    assert ask(method, address, **{"x-ms-blob-type": "BlockBlob"}) == (401, "NoAuthenticationInformation")
    assert container.download_blob("d/f").readall() == b"hello"


def test_wrong_credentials_do_not_count_as_anonymous(container: ContainerClient, ask: Ask) -> None:
    container.set_container_access_policy({}, public_access="container")

    assert ask("GET", "/d/f", Authorization="SharedKey x:c2ln")[0] == 403
    assert ask("GET", "/d/f?sv=2021-08-06&sr=b&sp=r&se=2099-01-01&sig=c2ln")[0] == 403


def test_a_container_is_closed_again(container: ContainerClient, ask: Ask) -> None:
    container.set_container_access_policy({}, public_access="blob")
    container.set_container_access_policy({})

    assert ask("GET", "/d/f") == (401, "NoAuthenticationInformation")


@pytest.fixture
def guarded(
    session: requests.Session, credential: ClientSecretCredential, resources: ResourceManagementClient
) -> Iterator[Callable[[bool], str]]:
    """Sets whether the containers of an account may be public; returns the account's key."""
    group = resources.resource_groups.create_or_update("public.group", {"location": "eastus"}).id
    url = f"https://management.azure.com{group}/providers/Microsoft.Storage/storageAccounts/guarded"
    headers = {"Authorization": f"Bearer {credential.get_token('https://management.azure.com/.default').token}"}
    body = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "location": "eastus"}

    def set_access(allowed: bool) -> str:
        ask = {"headers": headers, "params": {"api-version": "2023-01-01"}}
        settings = body | {"properties": {"allowBlobPublicAccess": allowed}}
        session.put(url, json=settings, **ask).raise_for_status()
        properties = session.get(url, **ask).json()["properties"]
        assert properties["allowBlobPublicAccess"] is allowed
        keys = session.post(f"{url}/listKeys", **ask).json()["keys"]
        return str(keys[0]["value"])

    yield set_access
    resources.resource_groups.begin_delete("public.group").result()


def test_the_owner_of_an_account_closes_all_its_containers(
    guarded: Callable[[bool], str], endpoint: Endpoint, session: requests.Session
) -> None:
    with BlobServiceClient(
        "https://guarded.blob.core.windows.net", guarded(True),
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0,
    ) as service:  # fmt: skip
        opened = service.create_container("opened", public_access="blob")
        url = opened.upload_blob("f", b"x").url
        assert session.get(url).text == "x"

        guarded(False)
        answer = session.get(url)
        assert (answer.status_code, answer.headers["x-ms-error-code"]) == (409, "PublicAccessNotPermitted")
        with pytest.raises(ResourceExistsError, match="PublicAccessNotPermitted"):
            service.create_container("other", public_access="container")
        with pytest.raises(ResourceExistsError, match="PublicAccessNotPermitted"):
            opened.set_container_access_policy({}, public_access="container")
