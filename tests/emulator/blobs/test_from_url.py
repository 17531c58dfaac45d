"""Blobs and blocks with content from a URL, and synchronous copies."""

import base64
import hashlib
import os

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobSasPermissions,
    ContainerClient,
    ContentSettings,
    PublicAccess,
    generate_blob_sas,
)

from harness.emulator.endpoint import Endpoint
from tests.emulator.blobs.conftest import SOON, Put, Sign, refusal

CONTENT = os.urandom(300_000)


@pytest.fixture
def source(container: ContainerClient) -> BlobClient:
    return container.upload_blob(
        "source", CONTENT, metadata={"of": "source"}, content_settings=ContentSettings("a/b"), tags={"a": "1"}
    )


def test_a_blob_comes_from_a_url_with_the_properties_of_its_source(
    container: ContainerClient, source: BlobClient, sign: Sign
) -> None:
    target = container.get_blob_client("deep/target")
    answer = target.upload_blob_from_url(sign(source), metadata={"own": "1"})
    properties = target.get_blob_properties()

    assert target.download_blob().readall() == CONTENT
    assert (properties.etag, properties.metadata, properties.content_settings.content_type) == (
        answer["etag"],
        {"own": "1"},
        "a/b",
    )
    assert properties.content_settings.content_md5 == bytearray(hashlib.md5(CONTENT).digest())
    assert (properties.copy.id, target.get_blob_tags()) == (None, {})


def test_a_blob_from_a_url_has_the_properties_of_the_request_if_asked(
    container: ContainerClient, source: BlobClient, sign: Sign
) -> None:
    target = container.get_blob_client("target")
    target.upload_blob_from_url(
        sign(source), include_source_blob_properties=False, content_settings=ContentSettings(content_language="de")
    )
    settings = target.get_blob_properties().content_settings

    assert (settings.content_type, settings.content_language) == ("application/octet-stream", "de")


def test_blocks_come_from_urls(container: ContainerClient, source: BlobClient, sign: Sign) -> None:
    target = container.get_blob_client("target")
    target.stage_block_from_url("1", sign(source), source_offset=10, source_length=5)
    target.stage_block_from_url("2", sign(source))
    target.commit_block_list(["1", "2"])

    assert target.download_blob().readall() == CONTENT[10:15] + CONTENT


def test_a_copy_at_once_has_metadata_and_content_of_its_source(
    container: ContainerClient, source: BlobClient, sign: Sign
) -> None:
    target = container.get_blob_client("target")
    answer = target.start_copy_from_url(
        sign(source),
        requires_sync=True,
        headers={"x-ms-source-content-md5": base64.b64encode(hashlib.md5(CONTENT).digest()).decode()},
    )
    properties = target.get_blob_properties()

    assert (answer["copy_status"], properties.copy.status, properties.copy.id) == (
        "success",
        "success",
        answer["copy_id"],
    )
    assert (properties.metadata, properties.content_settings.content_type) == ({"of": "source"}, "a/b")
    assert target.download_blob().readall() == CONTENT
    assert "sig=" not in properties.copy.source


def test_tags_are_copied_on_request(container: ContainerClient, source: BlobClient, sign: Sign) -> None:
    target = container.get_blob_client("target")
    target.start_copy_from_url(sign(source), requires_sync=True, tags="COPY")
    copied = target.get_blob_tags()
    target.start_copy_from_url(sign(source), requires_sync=True, tags={"b": "2"})

    assert (copied, target.get_blob_tags()) == ({"a": "1"}, {"b": "2"})


@pytest.mark.parametrize(("reads", "writes", "status"), [("r", "wt", 403), ("rt", "w", 403), ("rt", "wt", 202)])
def test_copying_tags_needs_permission_to_read_and_write_them(
    container: ContainerClient,
    source: BlobClient,
    endpoint: Endpoint,
    session: requests.Session,
    *,
    reads: str,
    writes: str,
    status: int,
) -> None:
    def signed(name: str, letters: str) -> str:
        token = generate_blob_sas(
            endpoint.storage_account, container.container_name, name, account_key=endpoint.storage_key,
            permission=BlobSasPermissions.from_string(letters), expiry=SOON,
        )  # fmt: skip
        return f"{container.url}/{name}?{token}"

    copy_headers = {"x-ms-copy-source": signed(source.blob_name, reads), "x-ms-requires-sync": "true"}
    copy_headers["x-ms-copy-source-tag-option"] = "COPY"
    assert session.put(signed("target", writes), headers=copy_headers).status_code == status


def test_tags_of_a_public_blob_are_not_copied(container: ContainerClient, source: BlobClient) -> None:
    container.set_container_access_policy({}, public_access=PublicAccess.BLOB)
    target = container.get_blob_client("target")
    with pytest.raises(HttpResponseError, match="CannotVerifyCopySource"):
        target.start_copy_from_url(source.url, requires_sync=True, tags="COPY")
    assert target.exists() is False


@pytest.mark.parametrize("operation", ["blob", "block", "copy"])
def test_what_is_not_as_the_request_says_is_refused(
    container: ContainerClient, source: BlobClient, sign: Sign, operation: str
) -> None:
    target = container.upload_blob("target", b"old")

    def act(url: str, **options: object) -> object:
        if operation == "blob":
            return target.upload_blob_from_url(url, overwrite=True, **options)
        if operation == "block":
            return target.stage_block_from_url("1", url, **options)
        return target.start_copy_from_url(url, requires_sync=True, **options)

    codes = []
    for url, options in (
        (source.url, {}),
        (sign(source).replace("source?", "missing?"), {}),
        (sign(source), {"headers": {"x-ms-source-content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}}),
    ):
        with pytest.raises(HttpResponseError) as error:
            act(url, **options)
        codes.append(refusal(error))

    assert codes == [(401, "CannotVerifyCopySource"), (404, "CannotVerifyCopySource"), (400, "Md5Mismatch")]
    assert target.download_blob().readall() == b"old"
    assert target.get_block_list("uncommitted")[1] == []


@pytest.mark.parametrize("operation", ["blob", "copy"])
def test_conditions_hold_for_source_and_target(
    container: ContainerClient, source: BlobClient, sign: Sign, operation: str
) -> None:
    target = container.upload_blob("target", b"old")

    def act(**options: object) -> object:
        if operation == "blob":
            return target.upload_blob_from_url(sign(source), overwrite=True, **options)
        return target.start_copy_from_url(sign(source), requires_sync=True, **options)

    with pytest.raises(HttpResponseError) as of_source:
        act(source_etag='"0x1"', source_match_condition=MatchConditions.IfNotModified)
    with pytest.raises(HttpResponseError) as of_tags:
        act(source_if_tags_match_condition="a = '2'")
    act(source_if_tags_match_condition="a = '1'")
    target.upload_blob(b"old", overwrite=True)
    with pytest.raises(HttpResponseError) as of_target:
        act(etag='"0x1"', match_condition=MatchConditions.IfNotModified)

    assert refusal(of_source) == (412, "CannotVerifyCopySource")
    assert refusal(of_tags) == (412, "ConditionNotMet")
    assert refusal(of_target) == (412, "ConditionNotMet" if operation == "blob" else "TargetConditionNotMet")
    assert target.download_blob().readall() == b"old"


@pytest.mark.parametrize(
    "address", ["/f?comp=block&blockid=MQ==", "/log?comp=appendblock", "/f"], ids=["block", "append", "blob"]
)
def test_what_has_a_url_has_no_body(
    container: ContainerClient, source: BlobClient, put: Put, sign: Sign, address: str
) -> None:
    container.get_blob_client("log").create_append_blob()
    kind = {} if "?" in address else {"x-ms-blob-type": "BlockBlob"}
    answer = put(address, {"x-ms-copy-source": sign(source)} | kind, b"body")

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_a_range_that_is_not_in_the_source_is_refused(
    container: ContainerClient, source: BlobClient, sign: Sign
) -> None:
    target = container.get_blob_client("target")
    with pytest.raises(HttpResponseError) as error:
        target.stage_block_from_url("1", sign(source), source_offset=len(CONTENT), source_length=1)

    assert refusal(error) == (416, "InvalidRange")
