"""Metadata keeps the casing of its names on every resource, although header names are case-insensitive."""

import http.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, ContainerSasPermissions, generate_container_sas
from azure.storage.fileshare import ShareClient, ShareServiceClient

from harness.emulator.endpoint import Endpoint

METADATA = {"OwnerName": "Utah", "lower": "a", "UPPER": "B", "_x1": "c"}


@pytest.fixture
def share(storage: Endpoint) -> Iterator[ShareClient]:
    with ShareServiceClient.from_connection_string(storage.connection_string) as service:
        client = service.create_share("metadata", metadata=METADATA)
        yield client
        client.delete_share(delete_snapshots="include")


@pytest.fixture
def container(storage: Endpoint) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        client = service.create_container("metadata", metadata=METADATA)
        yield client
        client.delete_container()


def test_a_share(share: ShareClient, storage: Endpoint) -> None:
    with ShareServiceClient.from_connection_string(storage.connection_string) as service:
        listed = next(iter(service.list_shares("metadata", include_metadata=True)))
    assert share.get_share_properties().metadata == METADATA
    assert listed.metadata == METADATA

    moment = share.create_snapshot(metadata={"Of": "snapshot"})
    share.set_share_metadata({"oWNER": "2"})
    assert share.get_share_properties().metadata == {"oWNER": "2"}
    with ShareClient.from_connection_string(storage.connection_string, "metadata", snapshot=moment) as snapshot:
        assert snapshot.get_share_properties().metadata == {"Of": "snapshot"}


def test_a_directory(share: ShareClient) -> None:
    directory = share.create_directory("d", metadata=METADATA)
    assert directory.get_directory_properties().metadata == METADATA

    directory.set_directory_metadata({"oWNER": "2"})
    assert directory.rename_directory("e").get_directory_properties().metadata == {"oWNER": "2"}


def test_a_file_and_its_copy(share: ShareClient) -> None:
    file, copy = share.get_file_client("f"), share.get_file_client("g")
    file.upload_file(b"x", metadata=METADATA)
    copy.start_copy_from_url(file.url)
    assert (file.get_file_properties().metadata, copy.get_file_properties().metadata) == (METADATA, METADATA)

    file.set_file_metadata({"oWNER": "2"})
    assert file.download_file().properties.metadata == {"oWNER": "2"}


def test_a_container(container: ContainerClient, storage: Endpoint) -> None:
    with BlobServiceClient.from_connection_string(storage.connection_string) as service:
        listed = next(iter(service.list_containers("metadata", include_metadata=True)))
    assert container.get_container_properties().metadata == METADATA
    assert listed.metadata == METADATA


def test_a_blob(container: ContainerClient) -> None:
    blob = container.upload_blob("b", b"x", metadata=METADATA)
    listed = next(iter(container.list_blobs(include=["metadata"])))
    assert (blob.get_blob_properties().metadata, listed.metadata) == (METADATA, METADATA)

    blob.set_blob_metadata({"oWNER": "2"})
    assert blob.get_blob_properties().metadata == {"oWNER": "2"}


def test_a_directory_is_one_in_any_casing(container: ContainerClient) -> None:
    """blobfuse2 writes the name with a capital."""
    blob = container.upload_blob("d", b"", metadata={"Hdi_isfolder": "true"})

    assert blob.get_blob_properties().metadata == {"Hdi_isfolder": "true"}
    assert next(iter(container.list_blobs(include=["metadata"]))).metadata == {"Hdi_isfolder": "true"}


def test_names_are_on_the_wire_as_they_were_sent(container: ContainerClient, storage: Endpoint) -> None:
    """The test reads the socket, because clients that fold names would hide a fault."""
    container.upload_blob("b", b"x", metadata={"CustomerId": "7"})
    permission = ContainerSasPermissions(read=True)
    token = generate_container_sas(
        storage.storage_account, "metadata", account_key=storage.storage_key, permission=permission, expiry="2099-01-01"
    )
    address = urlsplit(storage.blob_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    connection.request("GET", f"/{storage.storage_account}/metadata/b?{token}")
    names = [name for name, _ in connection.getresponse().getheaders()]
    connection.close()

    assert "x-ms-meta-CustomerId" in names
    assert {name for name in names if name != "x-ms-meta-CustomerId"} == {name.lower() for name in names} - {
        "x-ms-meta-customerid"
    }
