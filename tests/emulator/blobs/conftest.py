import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

SOON = datetime.now(UTC) + timedelta(hours=1)

Sign = Callable[[BlobClient], str]


class Put(Protocol):
    """Sends a signed PUT to an address in the container."""

    def __call__(self, address: str, headers: dict[str, str], body: bytes = b"") -> requests.Response: ...


def refusal(error: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str]:
    """Return status and code of an error that the SDK raised."""
    assert error.value.response is not None
    return error.value.status_code, error.value.response.headers.get("x-ms-error-code", "")


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator with storage only, at plain HTTP ports, with a second account."""
    with launch(tmp_path_factory.mktemp("storage"), only="storage", accounts=["other:c2VjcmV0"]) as running:
        yield running


@pytest.fixture
def blobs(endpoint: Endpoint) -> Iterator[BlobServiceClient]:
    with BlobServiceClient(
        f"https://{endpoint.storage_account}.blob.core.windows.net", endpoint.storage_key,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0,
    ) as client:  # fmt: skip
        yield client


@pytest.fixture
def container(blobs: BlobServiceClient, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    client = blobs.create_container("t-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20])
    yield client
    client.delete_container()


@pytest.fixture
def on_disk(endpoint: Endpoint, container: ContainerClient) -> Path:
    """The directory in which a job finds the container."""
    return Path(endpoint.directory, "storage", endpoint.storage_account, "blob", container.container_name)


@pytest.fixture
def token(container: ContainerClient, endpoint: Endpoint) -> str:
    """A SAS that reads, writes and tags blobs of the container."""
    return str(
        generate_container_sas(
            endpoint.storage_account,
            container.container_name,
            account_key=endpoint.storage_key,
            permission=ContainerSasPermissions(read=True, write=True, tag=True),
            expiry=SOON,
        )
    )


@pytest.fixture
def sign(token: str) -> Sign:
    """Returns the URL of a blob with a SAS that reads it."""
    return lambda blob: f"{blob.url}?{token}"


@pytest.fixture
def put(container: ContainerClient, session: requests.Session, token: str) -> Put:
    def send(address: str, headers: dict[str, str], body: bytes = b"") -> requests.Response:
        return session.put(f"{container.url}{address}{'&' if '?' in address else '?'}{token}", body, headers=headers)

    return send
