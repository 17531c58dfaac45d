"""The container image of the storage emulator: built by the Containerfile, run, and used by SDKs from outside."""

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient
from azure.storage.fileshare import ShareServiceClient

from tests.deploy.images import CONTAINERFILE, Container, built_image, endpoint_of
from tests.distributions import imported, with_requirements
from tests.podman import NoEngineError, PodmanEngine

pytestmark = pytest.mark.slow


def packages() -> list[str]:
    """Return the packages that the Containerfile installs for storage."""
    [line] = re.findall(r"--target /storage -c \S+ \\\n\s+(.*)", CONTAINERFILE.read_text(encoding="utf-8"))
    return str(line).split()


def test_the_storage_emulator_needs_no_package_that_its_image_lacks() -> None:
    modules = ["harness.emulator.command", "harness.emulator.health"]

    assert imported(modules) <= with_requirements(packages())


@pytest.fixture(scope="module")
def image(container_engine: PodmanEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The image ``storage``."""
    directory = tmp_path_factory.mktemp("image")
    try:
        with built_image(container_engine, directory, "storage", with_requirements(packages())) as name:
            yield name
    except NoEngineError as error:
        pytest.skip(f"podman builds no image here: {error}")


class Storage(Container):
    """A container of the image with an account."""

    def __init__(self, engine: PodmanEngine, image: str) -> None:
        self._account, self._key = "mine", b64encode(secrets.token_bytes(48)).decode()
        super().__init__(engine, image, f"--env=HARNESS_EMULATOR_ACCOUNTS={self._account}:{self._key}")

    def connection(self) -> str:
        """Return the connection string of its account."""
        endpoint = json.loads(self.read("/data/endpoint.json"))
        blobs, files = (f"{endpoint[name].rstrip('/')}/{self._account}" for name in ("blob_url", "file_url"))
        blobs, files = (re.sub(r"//[^:/]+:", "//127.0.0.1:", url) for url in (blobs, files))
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self._account};AccountKey={self._key};"
            f"BlobEndpoint={blobs};FileEndpoint={files}"
        )


@pytest.fixture
def running(container_engine: PodmanEngine, image: str) -> Iterator[Storage]:
    container = Storage(container_engine, image)
    yield container
    container.remove()


def test_the_image_is_small_and_has_no_rights(container_engine: PodmanEngine, image: str) -> None:
    facts = container_engine.podman(
        "image", "inspect", "--format", "{{.Size}} {{.User}} {{.Config.Volumes}} {{.HealthCheck.Test}}", image
    )

    size, user, rest = facts.split(" ", 2)
    assert int(size) < 120_000_000
    assert user == "65532:65532"
    assert "/data" in rest
    assert "harness.emulator.health" in rest


def test_sdks_use_it_from_outside_and_a_killed_container_loses_nothing(running: Storage) -> None:
    running.start()
    with (
        ShareServiceClient.from_connection_string(running.connection()) as files,
        BlobServiceClient.from_connection_string(running.connection()) as blobs,
    ):
        files.create_share("share")
        files.get_share_client("share").get_file_client("kept.txt").upload_file(b"kept")
        blobs.create_container("container").upload_blob("kept.txt", b"kept, too")

    running.kill()
    running.start()

    with (
        ShareServiceClient.from_connection_string(running.connection()) as files,
        BlobServiceClient.from_connection_string(running.connection()) as blobs,
    ):
        assert files.get_share_client("share").get_file_client("kept.txt").download_file().readall() == b"kept"
        assert blobs.get_blob_client("container", "kept.txt").download_blob().readall() == b"kept, too"
    assert running.execute("-c", "import os; print(os.getuid())").strip() == "65532"


def test_sdks_sign_in_to_it_from_outside(running: Storage, tmp_path: Path) -> None:
    running.start()
    endpoint = endpoint_of(running, tmp_path)
    access: dict[str, Any] = {"proxies": {"https": endpoint.proxy_url}, "connection_verify": endpoint.ca_path}
    with (
        ClientSecretCredential(endpoint.tenant_id, endpoint.client_id, endpoint.client_secret, **access) as credential,
        ShareServiceClient(f"https://{endpoint.storage_account}.file.core.windows.net", credential,
                           token_intent="backup", **access) as files,
        BlobServiceClient(f"https://{endpoint.storage_account}.blob.core.windows.net", credential, **access) as blobs,
    ):  # fmt: skip
        files.create_share("share").get_file_client("signed-in.txt").upload_file(b"kept")
        blobs.create_container("container").upload_blob("signed-in.txt", b"kept, too")

        assert files.get_share_client("share").get_file_client("signed-in.txt").download_file().readall() == b"kept"
        assert blobs.get_blob_client("container", "signed-in.txt").download_blob().readall() == b"kept, too"
