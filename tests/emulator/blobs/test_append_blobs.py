"""Append blobs, driven by azure-storage-blob 12.x."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient

from tests.emulator.blobs.conftest import Put, Sign, refusal


@pytest.fixture
def log(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("logs/a")
    blob.create_append_blob(metadata={"of": "log"})
    return blob


def test_blocks_follow_each_other_in_a_plain_file(log: BlobClient, on_disk: Path) -> None:
    first = log.append_block(b"one ")
    second = log.append_block(b"two")
    properties = log.get_blob_properties()

    assert (on_disk / "logs" / "a").read_bytes() == b"one two"
    assert [
        (response["blob_append_offset"], response["blob_committed_block_count"]) for response in (first, second)
    ] == [
        ("0", 1),
        ("4", 2),
    ]
    assert first["etag"] != second["etag"] == properties.etag
    assert (properties.blob_type, properties.append_blob_committed_block_count, properties.size) == ("AppendBlob", 2, 7)
    assert properties.metadata == {"of": "log"}


def test_the_sdk_uploads_an_append_blob_and_appends_to_it(container: ContainerClient) -> None:
    content = os.urandom(9 << 20)
    blob = container.get_blob_client("big")
    blob.upload_blob(content, blob_type="AppendBlob")
    blob.upload_blob(b"more", blob_type="AppendBlob")
    properties = blob.get_blob_properties()

    assert blob.download_blob().readall() == content + b"more"
    assert properties.append_blob_committed_block_count == 4
    assert [listed.blob_type for listed in container.list_blobs()] == ["AppendBlob"]


def test_a_large_block_is_one_block_since_the_version_that_takes_it(log: BlobClient) -> None:
    content = os.urandom(20 << 20)
    log.append_block(content)

    assert log.download_blob().readall() == content
    assert log.get_blob_properties().append_blob_committed_block_count == 1


def test_earlier_versions_take_blocks_of_4_mib(log: BlobClient, put: Put) -> None:
    version = {"x-ms-version": "2021-12-02"}
    answer = put("/logs/a?comp=appendblock", version, bytes((4 << 20) + 1))

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (413, "RequestBodyTooLarge")
    assert put("/logs/a?comp=appendblock", version, bytes(4 << 20)).status_code == 201
    assert log.get_blob_properties().size == 4 << 20


def test_writers_at_the_same_time_lose_nothing(log: BlobClient) -> None:
    pieces = [bytes([65 + number]) * 100_000 for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        offsets = list(pool.map(lambda piece: int(log.append_block(piece)["blob_append_offset"]), pieces))
    content = log.download_blob().readall()

    assert sorted(offsets) == [number * 100_000 for number in range(12)]
    assert all(content[at : at + 100_000] == piece for at, piece in zip(offsets, pieces, strict=True))


def test_a_block_that_is_not_what_its_checksum_says_is_refused(log: BlobClient) -> None:
    with pytest.raises(HttpResponseError) as error:
        log.append_block(b"block", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})

    assert refusal(error) == (400, "Md5Mismatch")
    assert log.get_blob_properties().size == 0
    assert log.append_block(b"block", validate_content=True)["content_crc64"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"appendpos_condition": 1}, "AppendPositionConditionNotMet"),
        ({"maxsize_condition": 8}, "MaxBlobSizeConditionNotMet"),
        ({"etag": '"0x1"', "match_condition": MatchConditions.IfNotModified}, "ConditionNotMet"),
    ],
)
def test_a_block_is_refused_whose_condition_does_not_hold(
    log: BlobClient, options: dict[str, object], code: str
) -> None:
    log.append_block(b"four", appendpos_condition=0, maxsize_condition=4)
    with pytest.raises(HttpResponseError) as error:
        log.append_block(b"fives", **options)

    assert refusal(error) == (412, code)
    assert log.download_blob().readall() == b"four"


def test_a_lease_keeps_others_from_appending(log: BlobClient) -> None:
    lease = log.acquire_lease()
    with pytest.raises(HttpResponseError) as error:
        log.append_block(b"x")
    log.append_block(b"x", lease=lease)

    assert refusal(error) == (412, "LeaseIdMissing")
    assert log.get_blob_properties().size == 1


def test_nothing_is_appended_to_a_sealed_blob(container: ContainerClient, log: BlobClient) -> None:
    log.append_block(b"x")
    with pytest.raises(HttpResponseError) as misplaced:
        log.seal_append_blob(appendpos_condition=2)
    sealed = log.seal_append_blob(appendpos_condition=1)
    with pytest.raises(HttpResponseError) as error:
        log.append_block(b"y")
    log.set_blob_metadata({"still": "changes"})

    assert refusal(misplaced) == (412, "AppendPositionConditionNotMet")
    assert sealed["blob_sealed"] is True
    assert refusal(error) == (409, "BlobIsSealed")
    assert log.get_blob_properties().is_append_blob_sealed is True
    assert [blob.is_append_blob_sealed for blob in container.list_blobs()] == [True]


def test_operations_of_another_type_are_refused(container: ContainerClient, log: BlobClient) -> None:
    block = container.upload_blob("block", b"x")
    attempts: list[Callable[[], object]] = [
        lambda: block.append_block(b"x"),
        block.seal_append_blob,
        lambda: log.stage_block("1", b"x"),
        lambda: log.commit_block_list([]),
        log.get_block_list,
        lambda: log.upload_page(bytes(512), 0, 512),
        lambda: list(log.list_page_ranges()),
        lambda: log.upload_blob(b"x", overwrite=True),
        block.create_append_blob,
    ]
    codes = []
    for attempt in attempts:
        with pytest.raises(HttpResponseError) as error:
            attempt()
        codes.append(refusal(error))

    assert codes == [(409, "InvalidBlobType")] * len(attempts)
    assert block.download_blob().readall() == b"x"


def test_what_a_job_appends_to_the_file_belongs_to_the_blob(log: BlobClient, on_disk: Path) -> None:
    log.append_block(b"by REST, ")
    with (on_disk / "logs" / "a").open("ab") as file:
        file.write(b"by a job, ")
    answer = log.append_block(b"by REST")

    assert answer["blob_append_offset"] == "19"
    assert log.download_blob().readall() == b"by REST, by a job, by REST"
    assert log.get_blob_properties().blob_type == "AppendBlob"


def test_a_block_comes_from_a_url(container: ContainerClient, log: BlobClient, sign: Sign) -> None:
    source = container.upload_blob("source", b"0123456789")
    answer = log.append_block_from_url(sign(source), source_offset=2, source_length=3)
    with pytest.raises(HttpResponseError) as unsigned:
        log.append_block_from_url(source.url)
    with pytest.raises(HttpResponseError) as changed:
        log.append_block_from_url(
            sign(source), source_etag='"0x1"', source_match_condition=MatchConditions.IfNotModified
        )
    with pytest.raises(HttpResponseError) as mismatched:
        log.append_block_from_url(sign(source), source_content_md5=bytearray(16))

    assert (answer["blob_append_offset"], log.download_blob().readall()) == ("0", b"234")
    assert refusal(unsigned) == (401, "CannotVerifyCopySource")
    assert refusal(changed) == (412, "CannotVerifyCopySource")
    assert refusal(mismatched) == (400, "Md5Mismatch")


def test_a_block_without_a_body_is_refused(log: BlobClient, put: Put) -> None:
    answer = put("/logs/a?comp=appendblock", {})

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_an_append_blob_takes_no_body_when_it_is_made(put: Put) -> None:
    answer = put("/f", {"x-ms-blob-type": "AppendBlob"}, b"x")

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")


def test_readers_see_a_blob_as_before_or_after_a_block(container: ContainerClient, log: BlobClient) -> None:
    size = 8 << 20
    log.append_block(b"a" * size)

    def read() -> set[tuple[int, int, str]]:
        states = set()
        while not written.is_set():
            properties = log.get_blob_properties()
            content = log.download_blob().readall()
            listed = next(iter(container.list_blobs())).size
            states.add((properties.size, properties.append_blob_committed_block_count, properties.metadata["of"]))
            assert {len(content), listed} <= {number * size for number in range(1, 6)}
        return states

    written = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        for _ in range(4):
            log.append_block(b"b" * size)
        written.set()

    assert reader.result() <= {(number * size, number, "log") for number in range(1, 6)}
