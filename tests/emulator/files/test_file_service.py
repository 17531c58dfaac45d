"""Azure Files, driven by azure-storage-file 2.1.0."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from azure.common import AzureConflictHttpError, AzureException, AzureHttpError, AzureMissingResourceHttpError
from azure.storage.file import FilePermissions, FileService

from harness.emulator.endpoint import Endpoint


@pytest.fixture
def files(endpoint: Endpoint, session: requests.Session) -> FileService:
    return FileService(endpoint.storage_account, endpoint.storage_key, request_session=session)


@pytest.fixture
def share(files: FileService, request: pytest.FixtureRequest) -> Iterator[str]:
    name = "t-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:20]
    files.create_share(name, fail_on_exist=True)
    yield name
    files.delete_share(name)


def on_disk(endpoint: Endpoint, share: str, *names: str) -> Path:
    return Path(endpoint.directory, "storage", endpoint.storage_account, "file", share, *names)


def test_a_share_is_created_once_and_listed(files: FileService, share: str) -> None:
    with pytest.raises(AzureConflictHttpError, match="The specified share already exists"):
        files.create_share(share, fail_on_exist=True)
    assert share in [listed_share.name for listed_share in files.list_shares()]
    assert files.get_share_properties(share).properties.quota == 5120


def test_what_is_uploaded_is_a_plain_file_and_comes_back(files: FileService, share: str, endpoint: Endpoint) -> None:
    content = os.urandom(5 << 20)
    files.create_directory(share, "a dir")
    files.create_file_from_bytes(share, "a dir", "ünïcode & more.bin", content)

    assert on_disk(endpoint, share, "a dir", "ünïcode & more.bin").read_bytes() == content
    assert files.get_file_to_bytes(share, "a dir", "ünïcode & more.bin").content == content


def test_a_file_that_a_job_changed_is_right_over_rest(files: FileService, share: str, endpoint: Endpoint) -> None:
    files.create_file_from_text(share, None, "log.txt", "old")
    on_disk(endpoint, share, "log.txt").write_text("longer than before")

    assert files.get_file_properties(share, None, "log.txt").properties.content_length == 18
    assert files.get_file_to_text(share, None, "log.txt").content == "longer than before"


def test_an_empty_file_comes_back_empty(files: FileService, share: str) -> None:
    files.create_file(share, None, "empty", 0)

    assert files.get_file_to_bytes(share, None, "empty").content == b""


def test_names_differ_by_more_than_casing(files: FileService, share: str) -> None:
    files.create_directory(share, "Models")

    assert not files.create_directory(share, "models")
    assert files.exists(share, "MODELS")
    assert [entry.name for entry in files.list_directories_and_files(share)] == ["Models"]


def test_listing_pages_and_filters(files: FileService, share: str) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        files.create_file(share, None, name, 1)
    first = files.list_directories_and_files(share, num_results=2)

    assert [entry.name for entry in first] == ["a1", "a2"]
    rest = files.list_directories_and_files(share, marker=first.next_marker)
    assert [entry.name for entry in rest] == ["a3", "b1"]
    assert [entry.name for entry in files.list_directories_and_files(share, prefix="a")] == ["a1", "a2", "a3"]


def test_metadata_and_content_type_are_kept(files: FileService, share: str) -> None:
    files.create_file(share, None, "f", 3, metadata={"who": "me"})

    assert files.get_file_metadata(share, None, "f") == {"who": "me"}


def test_a_directory_with_files_is_not_deleted(files: FileService, share: str) -> None:
    files.create_directory(share, "d")
    files.create_file(share, "d", "f", 1)
    with pytest.raises(AzureConflictHttpError, match="The specified directory is not empty"):
        files.delete_directory(share, "d")

    files.delete_file(share, "d", "f")
    assert files.delete_directory(share, "d")


def test_what_is_missing_is_named_by_azures_code(files: FileService, share: str) -> None:
    with pytest.raises(AzureMissingResourceHttpError, match="share does not exist"):
        files.get_share_properties("no-such-share")
    with pytest.raises(AzureMissingResourceHttpError, match="parent path does not exist"):
        files.create_file(share, "no-dir", "f", 1)


def test_a_range_outside_the_file_is_refused(files: FileService, share: str) -> None:
    files.create_file(share, None, "small", 10)
    with pytest.raises(AzureHttpError, match="InvalidRange"):
        files.update_range(share, None, "small", b"0123456789ABCDEF", 0, 15)


def test_a_link_by_sas_reads_and_nothing_else(files: FileService, share: str, session: requests.Session) -> None:
    files.create_file_from_text(share, None, "f.txt", "hello")
    token = files.generate_file_shared_access_signature(
        share, None, "f.txt", permission=FilePermissions.READ, expiry="2099-01-01T00:00:00Z"
    )
    url = files.make_file_url(share, None, "f.txt", sas_token=token)

    assert session.get(url).text == "hello"
    assert "AuthorizationPermissionMismatch" in session.delete(url).text
    assert session.get(url.replace("f.txt", "g.txt")).status_code == 403


@pytest.mark.parametrize("expiry", ["2001-01-01T00:00:00Z", "2001-01-01"])
def test_an_expired_link_is_refused(files: FileService, share: str, session: requests.Session, expiry: str) -> None:
    token = files.generate_file_shared_access_signature(share, None, "f", permission="r", expiry=expiry)

    assert session.get(files.make_file_url(share, None, "f", sas_token=token)).status_code == 403


def test_a_wrong_key_is_refused(endpoint: Endpoint, session: requests.Session) -> None:
    stranger = FileService(endpoint.storage_account, "c3RyYW5nZXI=", request_session=session)
    with pytest.raises(AzureException, match="Server failed to authenticate"):
        list(stranger.list_shares())


def test_an_anonymous_request_is_refused(endpoint: Endpoint, session: requests.Session) -> None:
    response = session.get(f"https://{endpoint.storage_account}.file.core.windows.net/?comp=list")

    assert (response.status_code, response.headers["x-ms-error-code"]) == (401, "NoAuthenticationInformation")


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "x" * 256, "ü" * 200, "a:b", "nul\x01", "a\\b"])
def test_hostile_names_are_refused(files: FileService, share: str, endpoint: Endpoint, name: str) -> None:
    before = sorted(on_disk(endpoint, share).parent.iterdir())
    with pytest.raises((AzureException, requests.RequestException)):
        files.create_file(share, None, name, 1)

    assert list(on_disk(endpoint, share).iterdir()) == []
    assert sorted(on_disk(endpoint, share).parent.iterdir()) == before


def test_a_link_on_disk_leads_nowhere(files: FileService, share: str, endpoint: Endpoint) -> None:
    on_disk(endpoint, share, "way-out").symlink_to("/etc")
    on_disk(endpoint, share, "passwd").symlink_to("/etc/passwd")

    assert list(files.list_directories_and_files(share)) == []
    assert not files.exists(share, None, "passwd")
    with pytest.raises(AzureMissingResourceHttpError):
        files.get_file_to_bytes(share, "way-out", "hostname")
