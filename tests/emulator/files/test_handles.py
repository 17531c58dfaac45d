"""Handles: opened as the documentation says, listed and closed by azure-storage-file-share."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.fileshare import (
    ShareClient,
    ShareDirectoryClient,
    ShareFileClient,
    ShareServiceClient,
    generate_share_sas,
)

from harness.emulator.endpoint import Endpoint
from harness.emulator.providers.files.open_handles import MAX_HANDLES, Opener, OpenHandles
from harness.emulator.storage_service.errors import StorageError


@pytest.fixture
def sas(storage: Endpoint, share: ShareClient) -> str:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    key = storage.storage_key
    return str(generate_share_sas(storage.storage_account, share.share_name, key, permission="rwl", expiry=expiry))


@pytest.fixture
def tree(share: ShareClient) -> ShareClient:
    share.create_directory("d")
    share.get_file_client("d/f").upload_file(b"f")
    share.get_file_client("g").upload_file(b"g")
    return share


def open_handle(client: ShareFileClient | ShareDirectoryClient, sas: str, **headers: str) -> requests.Response:
    separator = "&" if "?" in client.url else "?"
    url = f"{client.url}{separator}comp=openhandle&{sas}"
    return requests.put(url, headers={f"x-ms-handle-{name}": value for name, value in headers.items()}, timeout=60)


def open_id(client: ShareFileClient | ShareDirectoryClient, sas: str, **headers: str) -> str:
    response = open_handle(client, sas, **headers)
    assert response.status_code == 201, response.text
    return response.headers["x-ms-handle-id"]


def test_a_handle_says_who_opened_what_and_when(tree: ShareClient, sas: str) -> None:
    file = tree.get_file_client("d/f")
    identifier = open_id(file, sas, **{"client-name": "node-1", "access-rights": "delete, Read"})

    (handle,) = file.list_handles()
    properties = file.get_file_properties()

    assert (handle.id, handle.path, handle.client_ip, handle.client_name) == (identifier, "d/f", "127.0.0.1", "node-1")
    assert (handle.file_id, handle.parent_id) == (properties.file_id, properties.parent_id)
    assert handle.access_rights == ["Read", "Delete"]
    assert abs(handle.open_time - datetime.now(UTC)) < timedelta(hours=1)


def test_handles_of_one_client_share_its_session(tree: ShareClient, sas: str) -> None:
    open_id(tree.get_file_client("d/f"), sas)
    open_id(tree.get_file_client("g"), sas)
    open_id(tree.get_file_client("g"), sas, **{"client-name": "another"})

    sessions = [
        (handle.client_name, handle.session_id) for handle in tree.get_directory_client().list_handles(recursive=True)
    ]

    assert sessions[0] == sessions[1]
    assert sessions[2][1] != sessions[0][1]


def test_a_directory_lists_its_own_handles_and_if_asked_those_below(tree: ShareClient, sas: str) -> None:
    root, directory = tree.get_directory_client(), tree.get_directory_client("d")
    ids = [open_id(client, sas) for client in (root, directory, tree.get_file_client("d/f"), tree.get_file_client("g"))]

    assert [handle.id for handle in root.list_handles()] == ids[:1]
    assert [handle.id for handle in directory.list_handles(recursive=True)] == ids[1:3]
    assert [handle.id for handle in root.list_handles(recursive=True)] == ids


def test_handles_are_listed_in_pages(tree: ShareClient, sas: str) -> None:
    ids = [open_id(tree.get_file_client("g"), sas) for _ in range(5)]

    pages = tree.get_directory_client().list_handles(recursive=True, results_per_page=2).by_page()

    assert [[handle.id for handle in page] for page in pages] == [ids[:2], ids[2:4], ids[4:]]


def test_one_handle_is_closed_by_its_id_and_all_by_a_star(tree: ShareClient, sas: str) -> None:
    root, file = tree.get_directory_client(), tree.get_file_client("d/f")
    first, _ = open_id(file, sas), open_id(file, sas)

    assert file.close_handle(first) == {"closed_handles_count": 1, "failed_handles_count": 0}
    assert file.close_handle(first) == {"closed_handles_count": 0, "failed_handles_count": 0}
    assert root.close_all_handles() == {"closed_handles_count": 0, "failed_handles_count": 0}
    assert root.close_all_handles(recursive=True) == {"closed_handles_count": 1, "failed_handles_count": 0}
    assert list(root.list_handles(recursive=True)) == []


def test_what_is_open_is_neither_deleted_nor_renamed_until_its_handle_is_closed(tree: ShareClient, sas: str) -> None:
    file, directory, other = tree.get_file_client("d/f"), tree.get_directory_client("d"), tree.get_file_client("g")
    open_id(file, sas)

    for refused in (
        file.delete_file,
        lambda: file.rename_file("new"),
        lambda: directory.rename_directory("new"),
        lambda: other.rename_file("d/f", overwrite=True),
    ):
        with pytest.raises(ResourceExistsError, match="SharingViolation"):
            refused()
    file.upload_file(b"it can be read and written")
    file.close_all_handles()
    directory.rename_directory("new")


def test_a_snapshot_has_its_own_handles(tree: ShareClient, service: ShareServiceClient, sas: str) -> None:
    snapshot = service.get_share_client(tree.share_name, snapshot=tree.create_snapshot()["snapshot"])
    open_id(snapshot.get_directory_client("d"), sas)

    assert [handle.path for handle in snapshot.get_directory_client().list_handles(recursive=True)] == ["d"]
    assert list(tree.get_directory_client().list_handles(recursive=True)) == []
    snapshot.get_directory_client("d").close_all_handles()
    assert list(snapshot.get_directory_client().list_handles(recursive=True)) == []


def test_the_handles_of_a_share_end_with_it(tree: ShareClient, service: ShareServiceClient, sas: str) -> None:
    open_id(tree.get_file_client("g"), sas)
    tree.delete_share()
    again = service.create_share(tree.share_name)
    again.get_file_client("g").upload_file(b"g")

    assert list(again.get_file_client("g").list_handles()) == []


def test_the_handles_of_a_share_are_not_restored_with_it(
    tree: ShareClient, service: ShareServiceClient, sas: str
) -> None:
    open_id(tree.get_file_client("g"), sas)
    tree.delete_share()
    [deleted] = [share for share in service.list_shares(tree.share_name, include_deleted=True) if share.deleted]
    again = service.undelete_share(tree.share_name, deleted.version)

    assert list(again.get_directory_client().list_handles(recursive=True)) == []
    again.get_file_client("g").delete_file()


@pytest.mark.parametrize(
    ("header", "value"), [("access-rights", "Read, Run"), ("access-rights", ""), ("client-name", "x" * 256)]
)
def test_a_handle_is_opened_with_what_can_be_listed_only(tree: ShareClient, sas: str, header: str, value: str) -> None:
    response = open_handle(tree.get_file_client("g"), sas, **{header: value})

    assert (response.status_code, response.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_a_handle_is_opened_on_what_is_there_by_who_may_write_it(
    tree: ShareClient, storage: Endpoint, sas: str
) -> None:
    expiry = datetime.now(UTC) + timedelta(hours=1)
    account, key = storage.storage_account, storage.storage_key
    reading = generate_share_sas(account, tree.share_name, key, permission="r", expiry=expiry)

    assert open_handle(tree.get_file_client("missing"), sas).status_code == 404
    assert open_handle(tree.get_file_client("g"), reading).status_code == 403


@pytest.mark.parametrize("identifier", ["one", "-1", "²", "1" * 21])
def test_an_id_that_is_none_is_refused(tree: ShareClient, identifier: str) -> None:
    with pytest.raises(HttpResponseError):
        tree.get_file_client("g").close_handle(identifier)


def test_the_number_of_handles_in_an_account_has_a_limit() -> None:
    handles, opener = OpenHandles(), Opener("127.0.0.1", "node", ("Read",))

    def open_one(key: str = "a/c/f") -> None:
        handles.open(key, "f", inode=1, parent=0, opened=datetime.now(UTC), opener=opener)

    for _ in range(MAX_HANDLES):
        open_one()
    with pytest.raises(StorageError, match="10000 handles are open"):
        open_one()
    open_one("b/c/f")
    handles.forget("A", "c")
    open_one()


def test_the_handles_of_an_account_end_with_it() -> None:
    handles, opener = OpenHandles(), Opener("127.0.0.1", "node", ("Read",))
    for key in ("a/c", "a/d/f", "ab/c/f"):
        handles.open(key, "f", inode=1, parent=0, opened=datetime.now(UTC), opener=opener)

    handles.forget("a", "")

    assert [bool(handles.on(key, recursive=True)) for key in ("a/c", "a/d", "ab/c")] == [False, False, True]
