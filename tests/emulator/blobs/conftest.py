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
    """A bare PUT, signed, to an address below the container."""

    def __call__(self, address: str, headers: dict[str, str], body: bytes = b"") -> requests.Response: ...


def refusal(refused: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str]:
    """Status and code of what the SDK raised."""
    assert refused.value.response is not None
    return refused.value.status_code, refused.value.response.headers.get("x-ms-error-code", "")


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator of storage alone, at plain ports, with a second account."""
    with launch(tmp_path_factory.mktemp("storage"), only="storage", accounts=["other:c2VjcmV0"]) as running:
        yield running


@pytest.fixture
def blobs(endpoint: Endpoint) -> Iterator[BlobServiceClient]:
    with BlobServiceClient(
        f"https://{endpoint.storage_account}.blob.core.windows.net", endpoint.storage_key,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path, retry_total=0,
    ) as made:  # fmt: skip
        yield made


@pytest.fixture
def container(blobs: BlobServiceClient, request: pytest.FixtureRequest) -> Iterator[ContainerClient]:
    made = blobs.create_container("t-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20])
    yield made
    made.delete_container()


@pytest.fixture
def on_disk(endpoint: Endpoint, container: ContainerClient) -> Path:
    """Where a job finds the container."""
    return Path(endpoint.directory, "storage", endpoint.storage_account, "blob", container.container_name)


@pytest.fixture
def token(container: ContainerClient, endpoint: Endpoint) -> str:
    """A SAS that reads, writes and tags what is in the container."""
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
    """The URL of a blob, with a signature that reads it."""
    return lambda blob: f"{blob.url}?{token}"


@pytest.fixture
def put(container: ContainerClient, session: requests.Session, token: str) -> Put:
    def ask(address: str, headers: dict[str, str], body: bytes = b"") -> requests.Response:
        return session.put(f"{container.url}{address}{'&' if '?' in address else '?'}{token}", body, headers=headers)

    return ask
