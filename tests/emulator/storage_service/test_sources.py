"""Authorization of the sources of copies and renames: by the caller's key, or by a SAS of the source."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, ContainerClient, generate_blob_sas
from azure.storage.fileshare import (
    AccountSasPermissions,
    FileSasPermissions,
    ResourceTypes,
    ShareClient,
    ShareFileClient,
    ShareSasPermissions,
    ShareServiceClient,
    generate_account_sas,
    generate_file_sas,
    generate_share_sas,
)

from harness.emulator.endpoint import Endpoint

SOON = datetime.now(UTC) + timedelta(hours=1)
SECRET = b"secret"

Sign = Callable[..., str]


@pytest.fixture
def share(storage: Endpoint) -> Iterator[ShareClient]:
    """A share with a file ``secret`` and a directory ``vault``."""
    with ShareServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service:
        client = service.create_share("sources")
        client.get_file_client("secret").upload_file(SECRET)
        client.create_directory("vault")
        yield client
        client.delete_share()


@pytest.fixture
def container(storage: Endpoint) -> Iterator[ContainerClient]:
    """A container with a blob ``secret``."""
    with BlobServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service:
        client = service.create_container("sources")
        client.upload_blob("secret", SECRET)
        yield client
        client.delete_container()


@pytest.fixture
def web() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["x-ms-version"] = "2022-11-02"
        yield session


@pytest.fixture
def sas(storage: Endpoint) -> Sign:
    """A SAS for one file of the share."""

    def signed(path: str, permission: str) -> str:
        permitted = FileSasPermissions.from_string(permission)
        account, key = storage.storage_account, storage.storage_key
        return str(generate_file_sas(account, "sources", path.split("/"), key, permission=permitted, expiry=SOON))

    return signed


def code(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.headers.get("x-ms-error-code", "")


def source_refusal(refused: pytest.ExceptionInfo[HttpResponseError]) -> tuple[int | None, str, str, str]:
    assert refused.value.response is not None
    headers = refused.value.response.headers
    names = ("x-ms-error-code", "x-ms-copy-source-status-code", "x-ms-copy-source-error-code")
    first, second, third = (headers.get(name, "") for name in names)
    return refused.value.status_code, first, second, third


def with_sas(share: ShareClient, name: str, token: str) -> ShareFileClient:
    return ShareFileClient(share.url.rpartition("/")[0], share.share_name, name, credential=token, retry_total=0)


def test_a_caller_by_sas_copies_no_source_that_is_not_signed(share: ShareClient, sas: Sign) -> None:
    mine = with_sas(share, "mine", sas("mine", "rcw"))
    with pytest.raises(HttpResponseError) as refused:
        mine.start_copy_from_url(share.get_file_client("secret").url)

    assert source_refusal(refused) == (404, "CannotVerifyCopySource", "404", "ResourceNotFound")
    assert not share.get_file_client("mine").exists()


def test_a_caller_by_sas_copies_what_the_sas_of_the_source_opens(share: ShareClient, sas: Sign) -> None:
    mine, secret = with_sas(share, "mine", sas("mine", "rcw")), share.get_file_client("secret").url
    with pytest.raises(HttpResponseError) as refused:
        mine.start_copy_from_url(f"{secret}?{sas('mine', 'r')}")  # for another file
    assert source_refusal(refused) == (403, "CannotVerifyCopySource", "403", "AuthenticationFailed")
    with pytest.raises(HttpResponseError) as refused:
        mine.start_copy_from_url(f"{secret}?{sas('secret', 'w')}")  # which does not permit reading
    assert source_refusal(refused) == (403, "CannotVerifyCopySource", "403", "AuthorizationPermissionMismatch")

    mine.start_copy_from_url(f"{secret}?{sas('secret', 'r')}")
    assert mine.download_file().readall() == SECRET


def test_an_account_sas_does_not_read_sources_either(share: ShareClient, storage: Endpoint) -> None:
    permitted = AccountSasPermissions(read=True, write=True, create=True)
    everything = ResourceTypes(service=True, container=True, object=True)
    token = str(generate_account_sas(storage.storage_account, storage.storage_key, everything, permitted, SOON))
    mine = with_sas(share, "mine", token)

    with pytest.raises(HttpResponseError, match="CannotVerifyCopySource"):
        mine.start_copy_from_url(share.get_file_client("secret").url)
    mine.start_copy_from_url(f"{share.get_file_client('secret').url}?{token}")
    assert mine.download_file().readall() == SECRET


def test_the_key_copies_files_of_its_own_account_and_no_others(share: ShareClient, storage: Endpoint) -> None:
    other = storage.connection_string_of("other", "c2VjcmV0")
    share.get_file_client("copy").start_copy_from_url(share.get_file_client("secret").url)
    with ShareServiceClient.from_connection_string(other, retry_total=0) as elsewhere:
        foreign = elsewhere.create_share("foreign")
        with pytest.raises(HttpResponseError) as refused:
            foreign.get_file_client("copy").start_copy_from_url(share.get_file_client("secret").url)
        elsewhere.delete_share("foreign")

    assert source_refusal(refused) == (404, "CannotVerifyCopySource", "404", "ResourceNotFound")
    assert share.get_file_client("copy").download_file().readall() == SECRET


def test_a_copy_from_another_account_is_waited_for(share: ShareClient, storage: Endpoint, sas: Sign) -> None:
    url = f"{share.get_file_client('secret').url}?{sas('secret', 'r')}"
    with ShareServiceClient.from_connection_string(
        storage.connection_string_of("other", "c2VjcmV0"), retry_total=0
    ) as elsewhere:
        copy = elsewhere.create_share("awaited").get_file_client("copy")
        started = copy.start_copy_from_url(url)
        while (status := copy.get_file_properties().copy.status) == "pending":
            pass
        content = copy.download_file().readall()
        elsewhere.delete_share("awaited")

    assert (started["copy_status"], status, content) == ("pending", "success", SECRET)


def test_a_blob_needs_a_sas_even_for_the_key(share: ShareClient, container: ContainerClient, storage: Endpoint) -> None:
    blob, copy = container.get_blob_client("secret"), share.get_file_client("copy")
    with pytest.raises(HttpResponseError, match="CannotVerifyCopySource"):
        copy.start_copy_from_url(blob.url)
    permitted = BlobSasPermissions(read=True)
    token = generate_blob_sas(
        storage.storage_account, "sources", "secret", account_key=storage.storage_key, permission=permitted, expiry=SOON
    )
    copy.start_copy_from_url(f"{blob.url}?{token}")

    assert copy.download_file().readall() == SECRET


def test_a_range_from_a_url_needs_a_sas_from_every_caller(share: ShareClient, sas: Sign) -> None:
    target, secret = share.get_file_client("target"), share.get_file_client("secret").url
    target.create_file(len(SECRET))
    with pytest.raises(HttpResponseError) as refused:
        target.upload_range_from_url(secret, 0, len(SECRET), 0)
    assert source_refusal(refused) == (401, "CannotVerifyCopySource", "401", "NoAuthenticationInformation")
    with pytest.raises(HttpResponseError) as refused:
        target.upload_range_from_url(f"{secret}?{sas('target', 'r')}", 0, len(SECRET), 0)
    assert source_refusal(refused) == (403, "CannotVerifyCopySource", "403", "AuthenticationFailed")

    target.upload_range_from_url(f"{secret}?{sas('secret', 'r')}", 0, len(SECRET), 0)
    assert target.download_file().readall() == SECRET


def test_a_token_that_is_none_opens_no_source(share: ShareClient, sas: Sign) -> None:
    target, secret = share.get_file_client("target"), share.get_file_client("secret").url
    target.create_file(len(SECRET))
    with pytest.raises(HttpResponseError) as refused:
        target.upload_range_from_url(secret, 0, len(SECRET), 0, source_authorization="Bearer abc")

    assert source_refusal(refused) == (401, "CannotVerifyCopySource", "401", "InvalidAuthenticationInfo")


def rename(web: requests.Session, target: str, source: str, **headers: str) -> tuple[int, str]:
    address = f"{target}{'&' if '?' in target else '?'}comp=rename"
    return code(web.put(address, headers={"x-ms-file-rename-source": source, "content-length": "0", **headers}))


def test_a_caller_by_sas_moves_no_file_that_the_sas_does_not_cover(
    share: ShareClient, sas: Sign, web: requests.Session
) -> None:
    mine, secret = f"{share.get_file_client('mine').url}?{sas('mine', 'rcw')}", share.get_file_client("secret").url

    assert rename(web, mine, secret) == (403, "AuthenticationFailed")
    assert rename(web, mine, f"{secret}?{sas('mine', 'rcw')}") == (403, "AuthenticationFailed")
    assert rename(web, mine, f"{secret}?{sas('secret', 'r')}") == (403, "AuthorizationPermissionMismatch")
    assert share.get_file_client("secret").download_file().readall() == SECRET
    assert rename(web, mine, f"{secret}?{sas('secret', 'rw')}")[0] == 200
    assert share.get_file_client("mine").download_file().readall() == SECRET


def test_the_sas_of_a_rename_source_may_be_in_a_header(share: ShareClient, sas: Sign, web: requests.Session) -> None:
    mine, secret = f"{share.get_file_client('mine').url}?{sas('mine', 'rcw')}", share.get_file_client("secret").url
    name = "x-ms-file-rename-source-authorization"

    assert rename(web, mine, secret, **{name: "Bearer abc"}) == (400, "InvalidAuthenticationInfo")
    assert rename(web, mine, secret, **{name: sas("mine", "rw")}) == (403, "AuthenticationFailed")
    assert rename(web, mine, secret, **{name: sas("secret", "rw")})[0] == 200


def test_a_caller_by_sas_moves_no_directory_that_the_sas_does_not_cover(
    share: ShareClient, sas: Sign, storage: Endpoint, web: requests.Session
) -> None:
    vault, target = share.get_directory_client("vault").url, share.get_directory_client("mine").url
    permitted = ShareSasPermissions(read=True, write=True)
    share_sas = generate_share_sas(
        storage.storage_account, "sources", storage.storage_key, permission=permitted, expiry=SOON
    )

    assert rename(web, f"{target}?restype=directory&{sas('mine', 'cw')}", vault) == (403, "AuthenticationFailed")
    assert share.get_directory_client("vault").exists()
    assert rename(web, f"{target}?restype=directory&{share_sas}", f"{vault}?{share_sas}")[0] == 200


def test_a_signature_in_a_rename_source_holds_for_the_key_too(share: ShareClient, sas: Sign) -> None:
    secret = share.get_file_client("secret")
    forged = f"{secret.url}?{sas('secret', 'r').replace('sp=r', 'sp=rw')}"

    def claim(request: Any) -> None:
        request.http_request.headers["x-ms-file-rename-source"] = forged

    with pytest.raises(HttpResponseError, match="AuthenticationFailed"):
        secret.rename_file("moved", raw_request_hook=claim)


def test_a_sas_that_only_creates_replaces_nothing(
    share: ShareClient, container: ContainerClient, sas: Sign, storage: Endpoint
) -> None:
    secret = share.get_file_client("secret")
    creator = with_sas(share, "secret", sas("secret", "c"))
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        creator.create_file(1)
    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        creator.start_copy_from_url(f"{secret.url}?{sas('secret', 'r')}")
    with_sas(share, "new", sas("new", "c")).create_file(1)

    def blob_by_sas(name: str) -> Any:
        permitted = BlobSasPermissions(create=True)
        token = generate_blob_sas(
            storage.storage_account, "sources", name, account_key=storage.storage_key, permission=permitted, expiry=SOON
        )
        return BlobServiceClient(
            f"{storage.blob_url}/{storage.storage_account}", credential=token, retry_total=0
        ).get_blob_client("sources", name)

    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        blob_by_sas("secret").upload_blob(b"x", overwrite=True)
    blob_by_sas("new").upload_blob(b"x", overwrite=True)
    assert container.download_blob("secret").readall() == SECRET
