import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.fileshare import ShareClient, ShareServiceClient

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An emulator of storage alone, at plain ports."""
    with launch(Path(tmp_path_factory.mktemp("storage")), only="storage", accounts=["other:c2VjcmV0"]) as running:
        yield running


@pytest.fixture
def service(storage: Endpoint) -> Iterator[ShareServiceClient]:
    with ShareServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service_client:
        yield service_client


@pytest.fixture
def share_name(request: pytest.FixtureRequest) -> str:
    return "t-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]


@pytest.fixture
def share(service: ShareServiceClient, share_name: str) -> Iterator[ShareClient]:
    share_client = service.create_share(share_name)
    yield share_client
    share_client.delete_share(delete_snapshots="include-leased" if list(service.list_shares(share_name)) else None)


@pytest.fixture
def on_disk(storage: Endpoint, share: ShareClient) -> Path:
    """The directory of the share, which jobs mount."""
    return Path(storage.directory, "storage", storage.storage_account, "file", share.share_name)
