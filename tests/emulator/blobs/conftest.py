import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from harness.emulator.endpoint import Endpoint


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
