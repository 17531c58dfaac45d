"""Copy Blob: at once, pending and aborted, driven by azure-storage-blob 12.x."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    generate_container_sas,
)
from azure.storage.fileshare import ShareSasPermissions, ShareServiceClient, generate_share_sas

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from tests.emulator.blobs.conftest import SOON, Put, Sign, refusal

KEY = "c2VjcmV0"  # of the account 'other'
NEVER = 3600.0  # seconds that a copy is pending in a test that does not wait for its end


@pytest.fixture
def pending(tmp_path: Path) -> Iterator[BlobClient]:
    """A blob with a pending copy that lasts longer than a test."""
    with (
        launch(tmp_path, only="storage", copy_delay=NEVER) as running,
        BlobServiceClient.from_connection_string(running.connection_string, retry_total=0) as service,
    ):
        container = service.create_container("box")
        source = container.upload_blob("source", b"0123456789", metadata={"of": "source"})
        blob = container.get_blob_client("target")
        blob.upload_blob(b"before", metadata={"of": "target"})
        assert blob.start_copy_from_url(source.url)["copy_status"] == "pending"
        yield blob


def test_a_copy_has_the_content_and_the_properties_of_its_source(container: ContainerClient, on_disk: Path) -> None:
    content = os.urandom(1 << 20)
    source = container.upload_blob(
        "source", content, metadata={"of": "source"}, content_settings=ContentSettings("a/b", content_language="de")
    )
    target = container.get_blob_client("deep/er/target")
    answer = target.start_copy_from_url(source.url)
    properties = target.get_blob_properties()

    assert (on_disk / "deep/er/target").read_bytes() == content
    assert (answer["copy_status"], answer["copy_id"], answer["etag"]) == (
        "success",
        properties.copy.id,
        properties.etag,
    )
    assert properties.metadata == {"of": "source"}
    assert properties.content_settings == source.get_blob_properties().content_settings
    assert (properties.copy.source, properties.copy.progress) == (source.url, f"{1 << 20}/{1 << 20}")
    assert properties.copy.completion_time is not None
    assert [blob.copy.status for blob in container.list_blobs("deep", include=["copy"])] == ["success"]


def test_metadata_of_the_request_takes_the_place_of_the_sources(container: ContainerClient) -> None:
    source = container.upload_blob("source", b"x", metadata={"of": "source"}, tags={"a": "1"})
    target = container.get_blob_client("target")
    target.start_copy_from_url(source.url, metadata={"own": "1"})

    assert target.get_blob_properties().metadata == {"own": "1"}
    assert target.get_blob_tags() == {}


def test_a_copy_of_a_block_blob_has_its_blocks(container: ContainerClient) -> None:
    source = container.get_blob_client("source")
    for name in ("1", "2"):
        source.stage_block(name, b"x" * 10)
    source.commit_block_list(["1", "2"])
    target = container.get_blob_client("target")
    target.start_copy_from_url(source.url)
    target.stage_block("3", b"y")
    target.commit_block_list(["2", "3"])

    assert target.download_blob().readall() == b"x" * 10 + b"y"


def test_copies_have_the_type_of_their_source(container: ContainerClient) -> None:
    log, disk = container.get_blob_client("log"), container.get_blob_client("disk")
    log.create_append_blob()
    log.append_block(b"one")
    log.seal_append_blob()
    disk.create_page_blob(1 << 20, sequence_number=7)
    disk.upload_page(b"x" * 512, 512, 512)
    of_log, of_disk = container.get_blob_client("of log"), container.get_blob_client("of disk")
    of_log.start_copy_from_url(log.url, seal_destination_blob=False)
    of_disk.start_copy_from_url(disk.url)
    answer = of_log.append_block(b"two")
    properties = of_disk.get_blob_properties()

    assert (answer["blob_append_offset"], answer["blob_committed_block_count"]) == ("3", 2)
    assert (properties.blob_type, properties.page_blob_sequence_number) == ("PageBlob", 7)
    assert [(page_range.start, page_range.end) for page_range in of_disk.list_page_ranges()] == [(512, 1023)]
    assert of_disk.download_blob().readall() == disk.download_blob().readall()


def test_a_copy_takes_the_place_of_a_blob_of_its_type_alone(container: ContainerClient) -> None:
    source = container.upload_blob("source", b"new")
    target = container.get_blob_client("target")
    target.upload_blob(b"old", metadata={"of": "old"})
    log = container.get_blob_client("log")
    log.create_append_blob()
    target.start_copy_from_url(source.url)
    with pytest.raises(HttpResponseError) as error:
        log.start_copy_from_url(source.url)

    assert (target.download_blob().readall(), target.get_blob_properties().metadata) == (b"new", {})
    assert refusal(error) == (409, "InvalidBlobType")


def test_a_blob_is_copied_to_itself(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"content", metadata={"a": "1"})
    blob.start_copy_from_url(blob.url, metadata={"b": "2"})

    assert (blob.download_blob().readall(), blob.get_blob_properties().metadata) == (b"content", {"b": "2"})


def test_a_snapshot_is_copied_over_its_blob(container: ContainerClient) -> None:
    blob = container.upload_blob("f", b"then")
    snapshot = blob.create_snapshot()["snapshot"]
    blob.upload_blob(b"now", overwrite=True)
    blob.start_copy_from_url(f"{blob.url}?snapshot={snapshot}")

    assert blob.download_blob().readall() == b"then"


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ({"source_etag": '"0x1"', "source_match_condition": MatchConditions.IfNotModified}, "SourceConditionNotMet"),
        ({"source_etag": "{etag}", "source_match_condition": MatchConditions.IfModified}, "SourceConditionNotMet"),
        ({"etag": '"0x1"', "match_condition": MatchConditions.IfNotModified}, "TargetConditionNotMet"),
        ({"source_if_tags_match_condition": "a = '2'"}, "ConditionNotMet"),
        ({"if_tags_match_condition": "a = '2'"}, "ConditionNotMet"),
    ],
)
def test_a_copy_is_made_only_on_its_conditions(
    container: ContainerClient, options: dict[str, object], answer: str
) -> None:
    source = container.upload_blob("source", b"new", tags={"a": "1"})
    target = container.upload_blob("target", b"old")
    etag = source.get_blob_properties().etag
    options = {name: etag if value == "{etag}" else value for name, value in options.items()}
    with pytest.raises(HttpResponseError) as error:
        target.start_copy_from_url(source.url, **options)

    assert refusal(error) == (412, answer)
    assert target.download_blob().readall() == b"old"


def test_leases_of_source_and_target_are_looked_at(container: ContainerClient) -> None:
    source, target = container.upload_blob("source", b"new"), container.upload_blob("target", b"old")
    lease, of_source = target.acquire_lease(), source.acquire_lease()
    with pytest.raises(HttpResponseError) as unleased:
        target.start_copy_from_url(source.url)
    with pytest.raises(HttpResponseError) as mistaken:
        target.start_copy_from_url(source.url, destination_lease=lease, source_lease=lease.id)
    target.start_copy_from_url(source.url, destination_lease=lease, source_lease=of_source)

    assert refusal(unleased) == (412, "LeaseIdMissing")
    assert refusal(mistaken) == (412, "LeaseIdMismatchWithBlobOperation")
    assert target.download_blob().readall() == b"new"
    assert (target.get_blob_properties().lease.state, source.get_blob_properties().lease.state) == ("leased", "leased")


@pytest.mark.parametrize(
    ("url", "answer"),
    [
        ("https://example.com/box/f", (400, "CannotVerifyCopySource")),
        ("no url", (400, "InvalidHeaderValue")),
        ("{container}/missing", (404, "CannotVerifyCopySource")),
        ("{container}", (400, "InvalidHeaderValue")),
        ("{other}/box/f", (404, "CannotVerifyCopySource")),
        ("https://x.blob.core.windows.net:99999/box/f", (404, "CannotVerifyCopySource")),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(container: ContainerClient, url: str, answer: tuple[int, str]) -> None:
    source = url.format(container=container.url, other="https://nobody.blob.core.windows.net")
    with pytest.raises(HttpResponseError) as error:
        container.get_blob_client("target").start_copy_from_url(source)

    assert refusal(error) == answer
    assert list(container.list_blobs()) == []


def test_a_caller_by_sas_copies_signed_and_public_sources(container: ContainerClient, put: Put, sign: Sign) -> None:
    source = container.upload_blob("source", b"x")
    unsigned = put("/target", {"x-ms-copy-source": source.url})
    signed = put("/target", {"x-ms-copy-source": sign(source)})
    container.set_container_access_policy({}, public_access="blob")
    opened = put("/another", {"x-ms-copy-source": source.url})

    assert (unsigned.status_code, unsigned.headers["x-ms-error-code"]) == (401, "CannotVerifyCopySource")
    assert (signed.status_code, opened.status_code) == (202, 202)
    assert "sig=" not in container.get_blob_client("target").get_blob_properties().copy.source


def test_a_file_of_a_share_is_copied_to_a_blob(storage: Endpoint) -> None:
    with (
        BlobServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service,
        ShareServiceClient.from_connection_string(storage.connection_string, retry_total=0) as files,
    ):
        container, share = service.create_container("of-files"), files.create_share("sources")
        file = share.get_file_client("f")
        file.upload_file(b"of a share")
        target = container.get_blob_client("f")
        with pytest.raises(HttpResponseError) as error:
            target.start_copy_from_url(file.url)
        token = generate_share_sas(
            storage.storage_account,
            "sources",
            storage.storage_key,
            permission=ShareSasPermissions(read=True),
            expiry=SOON,
        )
        target.start_copy_from_url(f"{file.url}?{token}")

        assert refusal(error) == (401, "CannotVerifyCopySource")
        assert target.download_blob().readall() == b"of a share"
        assert target.get_blob_properties().blob_type == "BlockBlob"


def test_a_copy_from_another_account_is_pending_first(storage: Endpoint) -> None:
    with (
        BlobServiceClient.from_connection_string(storage.connection_string, retry_total=0) as service,
        BlobServiceClient(f"{storage.blob_url}/other", {"account_name": "other", "account_key": KEY}) as others,
    ):
        content = os.urandom(3 << 20)
        container, source = (
            service.create_container("mine"),
            others.create_container("theirs").upload_blob("f", content),
        )
        target = container.get_blob_client("f")
        with pytest.raises(HttpResponseError) as error:
            target.start_copy_from_url(source.url)
        token = generate_container_sas(
            "other", "theirs", account_key=KEY, permission=ContainerSasPermissions(read=True), expiry=SOON
        )
        started = target.start_copy_from_url(f"{source.url}?{token}")
        while (properties := target.get_blob_properties()).copy.status == "pending":
            pass

        assert refusal(error) == (401, "CannotVerifyCopySource")
        assert started["copy_status"] == "pending"
        assert (properties.copy.status, properties.copy.progress, properties.copy.id) == (
            "success",
            f"{len(content)}/{len(content)}",
            started["copy_id"],
        )
        assert target.download_blob().readall() == content


def test_nothing_changes_a_blob_into_which_a_copy_is_pending(pending: BlobClient) -> None:
    attempts = [
        lambda: pending.upload_blob(b"x", overwrite=True),
        lambda: pending.set_blob_metadata({"a": "1"}),
        lambda: pending.commit_block_list([]),
        pending.delete_blob,
        lambda: pending.start_copy_from_url(pending.url.replace("target", "source")),
    ]
    codes = []
    for attempt in attempts:
        with pytest.raises(HttpResponseError) as error:
            attempt()
        codes.append(refusal(error))
    properties = pending.get_blob_properties()

    assert codes == [(409, "PendingCopyOperation")] * len(attempts)
    assert (properties.size, properties.metadata, properties.copy.progress) == (0, {"of": "source"}, "0/10")


def test_a_pending_copy_is_aborted(pending: BlobClient) -> None:
    copy = pending.get_blob_properties().copy
    with pytest.raises(HttpResponseError) as mistaken:
        pending.abort_copy("00000000-0000-0000-0000-000000000000")
    pending.abort_copy(copy.id)
    properties = pending.get_blob_properties()
    with pytest.raises(HttpResponseError) as again:
        pending.abort_copy(copy.id)
    pending.upload_blob(b"after", overwrite=True)

    assert (properties.copy.status, properties.size, properties.metadata) == ("aborted", 0, {"of": "source"})
    assert (refusal(mistaken), refusal(again)) == ((409, "CopyIdMismatch"), (409, "NoPendingCopyOperation"))
    assert pending.download_blob().readall() == b"after"
    assert pending.get_blob_properties().copy.status is None


def test_a_container_is_deleted_with_a_pending_copy(storage: Endpoint, tmp_path: Path) -> None:
    with (
        launch(tmp_path, only="storage", copy_delay=NEVER) as running,
        BlobServiceClient.from_connection_string(running.connection_string, retry_total=0) as service,
    ):
        container = service.create_container("box")
        source = container.upload_blob("source", b"x")
        container.get_blob_client("target").start_copy_from_url(source.url)
        container.delete_container()
        service.create_container("box").upload_blob("target", b"of its own")

        assert service.get_blob_client("box", "target").download_blob().readall() == b"of its own"


def test_a_copy_that_was_pending_at_the_end_of_the_emulator_has_failed(tmp_path: Path) -> None:
    with (
        launch(tmp_path, only="storage", copy_delay=NEVER) as running,
        BlobServiceClient.from_connection_string(running.connection_string, retry_total=0) as service,
    ):
        container = service.create_container("box")
        disk = container.get_blob_client("source")
        disk.create_page_blob(1024)
        disk.upload_page(b"x" * 1024, 0, 1024)
        container.get_blob_client("target").start_copy_from_url(disk.url)
    with (
        launch(tmp_path, only="storage") as running,
        BlobServiceClient.from_connection_string(running.connection_string, retry_total=0) as service,
    ):
        blob = service.get_blob_client("box", "target")
        properties = blob.get_blob_properties()

        assert (properties.copy.status, properties.blob_type) == ("failed", "PageBlob")
        assert "stopped" in properties.copy.status_description
        assert blob.download_blob().readall() == bytes(1024)
        blob.upload_page(b"y" * 512, 0, 512)


def test_a_copy_at_once_cannot_be_aborted(container: ContainerClient) -> None:
    source, target = container.upload_blob("source", b"x"), container.get_blob_client("target")
    copy = target.start_copy_from_url(source.url)
    with pytest.raises(HttpResponseError) as error:
        target.abort_copy(copy["copy_id"])

    assert refusal(error) == (409, "NoPendingCopyOperation")
