"""Block blobs, driven by azure-storage-blob 12.x."""

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    AccessPolicy,
    BlobBlock,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerEncryptionScope,
    ContainerSasPermissions,
    ContentSettings,
    generate_blob_sas,
    generate_container_sas,
)

from harness.emulator.endpoint import Endpoint
from tests.emulator.blobs.conftest import Put

SOON = datetime.now(UTC) + timedelta(hours=1)


def test_what_is_uploaded_is_a_plain_file_and_comes_back(container: ContainerClient, on_disk: Path) -> None:
    content = os.urandom(3 << 20)
    container.upload_blob("a/b c/ünïcode & more.bin", content)

    assert (on_disk / "a" / "b c" / "ünïcode & more.bin").read_bytes() == content
    assert container.download_blob("a/b c/ünïcode & more.bin").readall() == content


def test_a_large_blob_goes_up_in_blocks_and_down_in_ranges(container: ContainerClient, endpoint: Endpoint) -> None:
    content = os.urandom(11 << 20)
    with ContainerClient(
        f"https://{endpoint.storage_account}.blob.core.windows.net", container.container_name, endpoint.storage_key,
        max_single_put_size=1 << 20, max_block_size=1 << 20, max_single_get_size=1 << 20, max_chunk_get_size=1 << 20,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as client:  # fmt: skip
        client.upload_blob("large", content, max_concurrency=3)

        assert client.download_blob("large", max_concurrency=3).readall() == content
        assert client.download_blob("large", offset=5 << 20, length=100).readall() == content[5 << 20 :][:100]


def test_properties_show_length_md5_and_type(container: ContainerClient) -> None:
    settings = ContentSettings(content_type="text/plain", cache_control="no-store", content_language="en")
    blob = container.upload_blob("f.txt", b"hello", content_settings=settings, metadata={"Who": "me"})
    properties = blob.get_blob_properties()

    assert (properties.size, properties.metadata) == (5, {"Who": "me"})
    assert properties.content_settings.content_md5 == bytearray(hashlib.md5(b"hello").digest())
    assert (properties.content_settings.content_type, properties.content_settings.cache_control) == (
        "text/plain",
        "no-store",
    )
    assert (properties.blob_type, properties.lease.state) == ("BlockBlob", "available")


def test_the_md5_that_is_kept_with_a_blob_is_the_one_that_was_sent(container: ContainerClient) -> None:
    """The service checks it only against an upload in one piece; otherwise it does not even check its format."""
    blob = container.get_blob_client("f")
    of_another = ContentSettings(content_md5=bytearray(hashlib.md5(b"y").digest()))
    with pytest.raises(HttpResponseError, match="Md5Mismatch"):
        blob.upload_blob(b"x", content_settings=of_another)
    assert not blob.exists()

    blob.commit_block_list([], content_settings=of_another)
    assert blob.get_blob_properties().content_settings.content_md5 == of_another.content_md5
    blob.set_http_headers(ContentSettings(content_md5=bytearray(b"MDAwMDAwMDA=")))
    assert blob.get_blob_properties().content_settings.content_md5 == bytearray(b"MDAwMDAwMDA=")


def test_a_blob_that_a_job_changed_is_right_over_rest(container: ContainerClient, on_disk: Path) -> None:
    blob = container.upload_blob("log.txt", b"old")
    before = blob.get_blob_properties()
    (on_disk / "log.txt").write_text("longer than before")
    after = blob.get_blob_properties()

    assert (after.size, after.content_settings.content_md5) == (18, None)
    assert after.etag != before.etag
    assert blob.download_blob().readall() == b"longer than before"


def test_blobs_are_listed_by_prefix_and_page(container: ContainerClient) -> None:
    names = ["a-b", "a/1", "a/2", "a0", "b/c/d"]
    for name in names:
        container.upload_blob(name, b"x")
    pages = container.list_blobs(results_per_page=2).by_page()

    assert [[blob.name for blob in page] for page in pages] == [["a-b", "a/1"], ["a/2", "a0"], ["b/c/d"]]
    assert [blob.name for blob in container.list_blobs(name_starts_with="a/")] == ["a/1", "a/2"]
    assert sorted(blob.name for blob in container.walk_blobs()) == ["a-b", "a/", "a0", "b/"]
    assert [blob.name for blob in container.walk_blobs("b/c/")] == ["b/c/d"]


@pytest.mark.parametrize("name", ["b\uffff/x\ufffe", "\uffff", "2!b", "b\nc"])
def test_names_that_xml_cannot_hold_are_listed_page_by_page(
    container: ContainerClient, on_disk: Path, name: str
) -> None:
    """A marker that contains such a name must work, too."""
    (on_disk / name).parent.mkdir(exist_ok=True)
    (on_disk / name).write_bytes(b"x")  # a job may also create names that REST refuses
    for other in ("a", "z"):
        container.upload_blob(other, b"x")
    blobs = {"a", "z", name}
    pages = [[blob.name for blob in page] for page in container.list_blobs(results_per_page=1).by_page()]

    assert {blob for page in pages for blob in page} - {"b\uffff"} == blobs
    assert max(map(len, pages)) == 1
    walked = {item.name for item in container.walk_blobs()}
    assert walked - {"b\uffff"} == {"a", "z", "b\uffff/" if "/" in name else name}


def test_names_that_are_no_text_are_not_listed(container: ContainerClient, on_disk: Path) -> None:
    (on_disk / os.fsdecode(b"latin-\xe9")).write_bytes(b"x")
    container.upload_blob("f", b"x")

    assert [blob.name for blob in container.list_blobs()] == ["f"]


def test_a_directory_that_a_job_made_is_listed_as_blobfuse_lists_it(container: ContainerClient, on_disk: Path) -> None:
    (on_disk / "Models").mkdir()
    (on_disk / "Models" / "net.dnn").write_bytes(b"weights")
    listed = {blob.name: blob.metadata or {} for blob in container.list_blobs(include=["metadata"])}

    assert listed == {"Models": {"hdi_isfolder": "true"}, "Models/net.dnn": {}}
    assert container.get_blob_client("Models").get_blob_properties().metadata == {"hdi_isfolder": "true"}


def test_a_directory_goes_with_its_last_blob(container: ContainerClient, on_disk: Path) -> None:
    container.upload_blob("a/b/c", b"x")
    container.delete_blob("a/b/c")

    assert list(on_disk.iterdir()) == []


def test_nothing_is_overwritten_unless_asked(container: ContainerClient) -> None:
    container.upload_blob("f", b"1")
    with pytest.raises(ResourceExistsError, match="BlobAlreadyExists"):
        container.upload_blob("f", b"2")
    container.upload_blob("f", b"3", overwrite=True)

    assert container.download_blob("f").readall() == b"3"


def test_blocks_are_staged_listed_and_committed(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    for name in ("1", "2", "3"):
        blob.stage_block(name, name.encode() * 3)
    committed, uncommitted = blob.get_block_list("all")
    assert (committed, [block.id for block in uncommitted]) == ([], ["1", "2", "3"])

    blob.commit_block_list([BlobBlock("3"), BlobBlock("1")])
    assert blob.download_blob().readall() == b"333111"
    blob.stage_block("4", b"444")
    blob.commit_block_list([BlobBlock("1"), BlobBlock("4")])
    assert blob.download_blob().readall() == b"111444"
    with pytest.raises(HttpResponseError, match="InvalidBlockList"):
        blob.commit_block_list([BlobBlock("2")])


def test_the_uncommitted_blocks_of_a_blob_have_ids_of_one_length(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    blob.stage_block("block-1", b"1")
    with pytest.raises(HttpResponseError, match="InvalidBlobOrBlock"):
        blob.stage_block("block-10", b"10")  # as long in base64
    blob.stage_block("block-2", b"2")
    blob.commit_block_list([BlobBlock("block-1"), BlobBlock("block-2")])
    blob.stage_block("block-10", b"10")

    assert blob.download_blob().readall() == b"12"


def test_a_whole_blob_discards_the_blocks_that_were_staged(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    blob.stage_block("1", b"1")
    blob.upload_blob(b"whole")

    assert blob.get_block_list("uncommitted") == ([], [])
    blob.stage_block("of another length", b"2")


@pytest.mark.parametrize("block_id", ["-__-", "not base64", "=", base64.b64encode(b"i" * 65).decode()])
def test_the_id_of_a_block_is_base64_of_at_most_64_bytes(put: Put, block_id: str) -> None:
    answer = put(f"/f?comp=block&blockid={quote(block_id)}", {})

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidQueryParameterValue")


@pytest.mark.parametrize(
    ("address", "headers", "operation"),
    [
        ("/f?comp=incrementalcopy", {}, "IncrementalCopyBlob"),
    ],
)
def test_what_the_emulator_does_not_serve_is_refused_by_its_name(
    put: Put, address: str, headers: dict[str, str], operation: str
) -> None:
    answer = put(address, headers)

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (501, "NotImplemented")
    assert f"The emulator does not serve {operation}." in answer.text


@pytest.mark.parametrize("header", ["x-ms-encryption-key", "x-ms-encryption-scope", "x-ms-legal-hold"])
def test_what_the_emulator_does_not_keep_is_not_ignored(container: ContainerClient, header: str) -> None:
    with pytest.raises(HttpResponseError, match=f"UnsupportedHeader[\\s\\S]*{header}"):
        container.upload_blob("f", b"x", headers={header: "x"})


def test_a_container_with_an_encryption_scope_is_refused(blobs: BlobServiceClient) -> None:
    with pytest.raises(HttpResponseError, match=r"UnsupportedHeader[\s\S]*x-ms-default-encryption-scope"):
        blobs.create_container("scoped", container_encryption_scope=ContainerEncryptionScope("scope"))

    assert not blobs.get_container_client("scoped").exists()


def test_a_link_with_an_encryption_scope_reads_and_does_not_write(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    container.upload_blob("f", b"x")
    token = generate_container_sas(
        endpoint.storage_account, container.container_name, account_key=endpoint.storage_key, expiry=SOON,
        permission=ContainerSasPermissions(read=True, write=True), encryption_scope="scope",
    )  # fmt: skip

    assert session.get(f"{container.url}/f?{token}").text == "x"
    response = session.put(f"{container.url}/f?{token}", b"y", headers={"x-ms-blob-type": "BlockBlob"})
    assert (response.status_code, response.headers["x-ms-error-code"]) == (400, "UnsupportedQueryParameter")
    assert container.download_blob("f").readall() == b"x"


def test_metadata_and_properties_are_replaced(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x", metadata={"a": "1"})
    before = blob.get_blob_properties().etag
    blob.set_blob_metadata({"b": "2"})
    blob.set_http_headers(ContentSettings(content_type="image/png"))
    after = blob.get_blob_properties()

    assert (after.metadata, after.content_settings.content_type) == ({"b": "2"}, "image/png")
    assert after.etag != before


def test_a_leased_blob_is_changed_by_its_holder_alone(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    lease = blob.acquire_lease(15)
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        blob.delete_blob()
    blob.upload_blob(b"y", overwrite=True, lease=lease)
    lease.release()
    blob.delete_blob()


def test_the_lease_of_a_blob_is_asked_for_before_its_conditions(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    blob.acquire_lease(15)

    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        blob.upload_blob(b"y")  # which must not replace anything
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        blob.upload_blob(b"y", overwrite=True, etag="0x1", match_condition=MatchConditions.IfNotModified)


def test_the_holder_of_the_lease_replaces_the_blob_despite_if_none_match(container: ContainerClient) -> None:
    """As at Azure: SDKs send If-None-Match unless the caller asks them to overwrite."""
    blob = container.upload_blob("f", b"x")
    lease = blob.acquire_lease(15)
    blob.upload_blob(b"y", lease=lease)
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.upload_blob(b"z", lease=lease, etag="0x1", match_condition=MatchConditions.IfNotModified)

    assert blob.download_blob().readall() == b"y"


@pytest.mark.parametrize("change", ["whole", "blocks", "metadata", "properties", "job"])
def test_a_lease_that_is_over_is_not_renewed_after_a_change(
    container: ContainerClient, on_disk: Path, change: str
) -> None:
    blob = container.upload_blob("f", b"x")
    lease = blob.acquire_lease(15)
    lease.break_lease(0)
    changes: dict[str, Callable[[], object]] = {
        "whole": lambda: blob.upload_blob(b"y", overwrite=True),
        "blocks": lambda: blob.commit_block_list([]),
        "metadata": lambda: blob.set_blob_metadata({"a": "1"}),
        "properties": lambda: blob.set_http_headers(ContentSettings(content_type="text/plain")),
        "job": lambda: (on_disk / "f").write_bytes(b"longer"),
    }
    with pytest.raises(HttpResponseError, match="LeaseIsBrokenAndCannotBeRenewed"):
        lease.renew()
    changes[change]()

    assert blob.get_blob_properties().lease.state == "available"
    with pytest.raises(HttpResponseError, match="LeaseIdMismatchWithLeaseOperation"):
        lease.renew()


def test_leases_are_taken_on_condition(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    for conditions in ({"If-Match": "0x1"}, {"If-Unmodified-Since": "Thu, 01 Jan 2015 00:00:00 GMT"}):
        with pytest.raises(HttpResponseError, match="ConditionNotMet"):
            blob.acquire_lease(15, headers=conditions)
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        container.acquire_lease(15, headers={"If-Unmodified-Since": "Thu, 01 Jan 2015 00:00:00 GMT"})

    assert blob.get_blob_properties().lease.state == "available"


def test_empty_conditional_dates_are_no_conditions(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    for header in ("If-Modified-Since", "If-Unmodified-Since"):
        assert blob.download_blob(headers={header: ""}).readall() == b"x"


def test_conditions_hold(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"x")
    old = blob.get_blob_properties().etag
    blob.upload_blob(b"y", overwrite=True)
    with pytest.raises(HttpResponseError, match="ConditionNotMet"):
        blob.delete_blob(headers={"If-Match": old})


def test_a_container_of_a_static_website_is_a_container(blobs: BlobServiceClient) -> None:
    website = blobs.create_container("$web")
    website.upload_blob("index.html", b"<html>")

    assert website.download_blob("index.html").readall() == b"<html>"
    website.delete_container()


def test_a_policy_of_access_has_times_of_seven_decimals(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    start, expiry = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
    container.set_container_access_policy({"a": AccessPolicy("r", expiry, start), "empty": AccessPolicy()})
    texts: list[str] = []
    container.get_container_access_policy(raw_response_hook=lambda answer: texts.append(answer.http_response.text()))

    assert "<Start>2026-01-02T03:04:05.0000000Z</Start><Expiry>2027-01-02T03:04:05.0000000Z</Expiry>" in texts[0]
    assert "<SignedIdentifier><Id>empty</Id></SignedIdentifier>" in texts[0]


def test_containers_are_listed_with_their_metadata(blobs: BlobServiceClient, container: ContainerClient) -> None:
    container.set_container_metadata({"k": "v"})
    listed = {properties.name: properties.metadata for properties in blobs.list_containers(include_metadata=True)}

    assert listed[container.container_name] == {"k": "v"}
    with pytest.raises(ResourceExistsError, match="The specified container already exists"):
        container.create_container()


def test_what_is_missing_is_named_by_azures_code(blobs: BlobServiceClient, container: ContainerClient) -> None:
    with pytest.raises(ResourceNotFoundError, match="BlobNotFound"):
        container.download_blob("nothing/here")
    with pytest.raises(ResourceNotFoundError, match="ContainerNotFound"):
        list(blobs.get_container_client("no-such").list_blobs())


def test_a_blobs_link_reads_and_nothing_else(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    blob = container.upload_blob("d/f.txt", b"hello")
    token = generate_blob_sas(
        endpoint.storage_account, container.container_name, "d/f.txt",
        account_key=endpoint.storage_key, permission=BlobSasPermissions(read=True), expiry=SOON,
    )  # fmt: skip

    assert session.get(f"{blob.url}?{token}").text == "hello"
    assert "AuthorizationPermissionMismatch" in session.delete(f"{blob.url}?{token}").text
    assert session.get(f"{blob.url.replace('f.txt', 'g.txt')}?{token}").status_code == 403


def test_a_blobs_link_shows_the_kind_of_the_account(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    token = generate_blob_sas(
        endpoint.storage_account, container.container_name, "missing",
        account_key=endpoint.storage_key, permission=BlobSasPermissions(read=True), expiry=SOON,
    )  # fmt: skip
    answer = session.get(f"{container.url}/missing?restype=account&comp=properties&{token}")

    assert (answer.status_code, answer.headers["x-ms-sku-name"]) == (200, "Standard_LRS")
    assert container.get_blob_client("missing").get_account_information()["account_kind"] == "Storage"


def test_a_containers_link_lists_and_reads(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    container.upload_blob("f", b"x")
    token = generate_container_sas(
        endpoint.storage_account, container.container_name,
        account_key=endpoint.storage_key, permission=ContainerSasPermissions(read=True, list=True), expiry=SOON,
    )  # fmt: skip

    assert session.get(f"{container.url}/f?{token}").text == "x"
    assert "<Name>f</Name>" in session.get(f"{container.url}?restype=container&comp=list&{token}").text
    assert session.delete(f"{container.url}?restype=container&{token}").status_code == 403


@pytest.mark.parametrize("name", ["..", "a/../../b", "x" * 256, "a//b", "/a", "a/", "nul\x01"])
def test_names_that_no_directory_can_hold_are_refused(container: ContainerClient, on_disk: Path, name: str) -> None:
    with pytest.raises(HttpResponseError) as error:
        container.get_blob_client(name).upload_blob(b"x")

    assert error.value.status_code in (400, 403, 404)
    assert list(on_disk.iterdir()) == []


def test_a_body_is_checked_against_its_md5(
    container: ContainerClient, endpoint: Endpoint, session: requests.Session
) -> None:
    token = generate_container_sas(
        endpoint.storage_account, container.container_name,
        account_key=endpoint.storage_key, permission=ContainerSasPermissions(write=True), expiry=SOON,
    )  # fmt: skip
    headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": base64.b64encode(bytes(16)).decode()}
    answer = session.put(f"{container.url}/f?{token}", b"x", headers=headers)

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "Md5Mismatch")
    assert list(container.list_blobs()) == []
