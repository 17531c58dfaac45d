"""Page blobs, driven by azure-storage-blob 12.x."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobClient, ContainerClient, ContentSettings, SequenceNumberAction

from tests.emulator.blobs.conftest import Put, Sign, refusal

PAGE = 512
SIZE = 16 * PAGE
TIB = 1 << 40


@pytest.fixture
def disk(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("disks/a")
    blob.create_page_blob(SIZE, metadata={"of": "disk"})
    return blob


def page_ranges(blob: BlobClient, **options: int) -> list[tuple[int, int]]:
    """Return first page and number of pages of each range."""
    return [
        (page_range.start // PAGE, (page_range.end + 1 - page_range.start) // PAGE)
        for page_range in blob.list_page_ranges(**options)
    ]


def test_a_client_that_leaves_a_download_blocks_no_other_client(
    container: ContainerClient, session: requests.Session, sign: Sign
) -> None:
    blob = container.get_blob_client("disk")
    blob.create_page_blob(4 * TIB)
    with session.get(sign(blob), stream=True) as answer:
        assert next(answer.iter_content(PAGE)) == bytes(PAGE)
    assert session.head(sign(blob), timeout=60).ok


def test_a_new_page_blob_is_zeros(disk: BlobClient, container: ContainerClient, on_disk: Path) -> None:
    properties = disk.get_blob_properties()

    assert disk.download_blob().readall() == bytes(SIZE) == (on_disk / "disks" / "a").read_bytes()
    assert (properties.blob_type, properties.page_blob_sequence_number, properties.size) == ("PageBlob", 0, SIZE)
    assert [blob.page_blob_sequence_number for blob in container.list_blobs()] == [0]
    assert page_ranges(disk) == []


def test_pages_are_written_cleared_and_listed(disk: BlobClient) -> None:
    content = os.urandom(4 * PAGE)
    disk.upload_page(content, 2 * PAGE, 4 * PAGE)
    disk.upload_page(content, 10 * PAGE, 4 * PAGE)
    answer = disk.clear_page(4 * PAGE, PAGE)
    expected = bytearray(SIZE)
    expected[2 * PAGE : 6 * PAGE] = expected[10 * PAGE : 14 * PAGE] = content
    expected[4 * PAGE : 5 * PAGE] = bytes(PAGE)

    assert disk.download_blob().readall() == bytes(expected)
    assert page_ranges(disk) == [(2, 2), (5, 1), (10, 4)]
    assert page_ranges(disk, offset=3 * PAGE, length=8 * PAGE) == [(3, 1), (5, 1), (10, 1)]
    assert page_ranges(disk, results_per_page=1) == [(2, 2), (5, 1), (10, 4)]
    assert answer["etag"] == disk.get_blob_properties().etag
    assert answer["blob_sequence_number"] == 0


def test_the_sdk_uploads_a_page_blob(container: ContainerClient, on_disk: Path) -> None:
    content = bytes(5 << 20) + os.urandom(6 << 20) + bytes(1 << 20)
    blob = container.get_blob_client("disk")
    blob.upload_blob(content, blob_type="PageBlob", max_concurrency=3)

    assert blob.download_blob(max_concurrency=3).readall() == content
    assert (on_disk / "disk").stat().st_blocks * 512 < len(content) - (3 << 20)  # holes stay holes


def test_a_page_blob_of_8_tib_needs_no_space(container: ContainerClient, on_disk: Path) -> None:
    blob = container.get_blob_client("huge")
    blob.create_page_blob(8 * TIB)
    blob.upload_page(b"x" * PAGE, 8 * TIB - PAGE, PAGE)
    with pytest.raises(HttpResponseError) as error:
        container.get_blob_client("larger").create_page_blob(8 * TIB + PAGE)

    assert blob.download_blob(offset=8 * TIB - 2 * PAGE).readall() == bytes(PAGE) + b"x" * PAGE
    assert page_ranges(blob) == [(8 * TIB // PAGE - 1, 1)]
    assert (on_disk / "huge").stat().st_blocks * 512 < 1 << 20
    assert refusal(error) == (400, "InvalidHeaderValue")


@pytest.mark.parametrize(
    ("headers", "size", "answer"),
    [
        ({"x-ms-range": "bytes=0-510"}, 511, (400, "InvalidHeaderValue")),
        ({"x-ms-range": "bytes=1-512"}, PAGE, (400, "InvalidHeaderValue")),
        ({"x-ms-range": "bytes=0-"}, PAGE, (400, "InvalidHeaderValue")),
        ({"x-ms-range": "bytes=0-1023"}, PAGE, (400, "InvalidHeaderValue")),
        ({}, PAGE, (400, "MissingRequiredHeader")),
        ({"range": f"bytes={SIZE}-{SIZE + PAGE - 1}"}, PAGE, (416, "InvalidPageRange")),
        ({"x-ms-range": "bytes=0-511", "x-ms-page-write": "replace"}, PAGE, (400, "InvalidHeaderValue")),
        ({"x-ms-range": "bytes=0-511", "x-ms-page-write": "clear"}, PAGE, (400, "InvalidHeaderValue")),
        ({"x-ms-range": "bytes=0-511", "content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, PAGE, (400, "Md5Mismatch")),
    ],
)
def test_pages_are_whole_and_in_the_blob(
    disk: BlobClient, put: Put, headers: dict[str, str], size: int, answer: tuple[int, str]
) -> None:
    response = put("/disks/a?comp=page", {"x-ms-page-write": "update"} | headers, b"x" * size)

    assert (response.status_code, response.headers["x-ms-error-code"]) == answer
    assert page_ranges(disk) == []


def test_one_request_writes_4_mib_of_pages(container: ContainerClient, put: Put) -> None:
    blob = container.get_blob_client("disk")
    blob.create_page_blob(8 << 20)
    write = {"x-ms-page-write": "update"}
    largest = put("/disk?comp=page", write | {"x-ms-range": f"bytes=0-{(4 << 20) - 1}"}, b"x" * (4 << 20))
    larger = put("/disk?comp=page", write | {"x-ms-range": f"bytes=0-{(4 << 20) + 511}"}, b"x" * ((4 << 20) + 512))

    assert largest.status_code == 201
    assert (larger.status_code, larger.headers["x-ms-error-code"]) == (413, "RequestBodyTooLarge")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-ms-blob-content-length": "1000"}, "InvalidHeaderValue"),
        ({}, "MissingRequiredHeader"),
        ({"x-ms-blob-content-length": "512", "x-ms-blob-sequence-number": "-1"}, "InvalidHeaderValue"),
    ],
)
def test_a_page_blob_is_made_of_whole_pages(put: Put, headers: dict[str, str], code: str) -> None:
    answer = put("/f", {"x-ms-blob-type": "PageBlob"} | headers)

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, code)


def test_sequence_numbers_are_set_and_are_conditions(disk: BlobClient) -> None:
    disk.set_sequence_number(SequenceNumberAction.Update, "7")
    disk.set_sequence_number(SequenceNumberAction.Max, "3")
    answer = disk.set_sequence_number(SequenceNumberAction.Increment)
    disk.upload_page(b"x" * PAGE, 0, PAGE, if_sequence_number_eq=8, if_sequence_number_lte=8, if_sequence_number_lt=9)
    codes = []
    for name, number in (("eq", 7), ("lte", 7), ("lt", 8)):
        with pytest.raises(HttpResponseError) as error:
            disk.upload_page(b"y" * PAGE, 0, PAGE, **{f"if_sequence_number_{name}": number})
        codes.append(refusal(error))

    assert answer["blob_sequence_number"] == 8
    assert codes == [(412, "SequenceNumberConditionNotMet")] * 3
    assert disk.download_blob(offset=0, length=1).readall() == b"x"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-ms-blob-sequence-number": "1"}, "MissingRequiredHeader"),
        ({"x-ms-sequence-number-action": "max"}, "MissingRequiredHeader"),
        ({"x-ms-sequence-number-action": "increment", "x-ms-blob-sequence-number": "1"}, "InvalidHeaderValue"),
        ({"x-ms-sequence-number-action": "double", "x-ms-blob-sequence-number": "1"}, "InvalidHeaderValue"),
        ({"x-ms-blob-content-length": "100"}, "InvalidHeaderValue"),
    ],
)
def test_what_is_set_of_a_page_blob_is_checked(disk: BlobClient, put: Put, headers: dict[str, str], code: str) -> None:
    answer = put("/disks/a?comp=properties", headers)

    assert (answer.status_code, answer.headers["x-ms-error-code"]) == (400, code)
    assert disk.get_blob_properties().size == SIZE


def test_a_page_blob_changes_its_length(disk: BlobClient) -> None:
    disk.set_http_headers(ContentSettings(content_type="a/b"))
    disk.upload_page(b"x" * SIZE, 0, SIZE)
    disk.resize_blob(4 * PAGE)
    disk.resize_blob(6 * PAGE)
    properties = disk.get_blob_properties()

    assert disk.download_blob().readall() == b"x" * 4 * PAGE + bytes(2 * PAGE)
    assert page_ranges(disk) == [(0, 4)]
    assert (properties.size, properties.content_settings.content_type) == (6 * PAGE, "a/b")


def test_blobs_of_other_types_have_no_pages(container: ContainerClient) -> None:
    block = container.upload_blob("block", b"x" * PAGE)
    attempts: list[Callable[[], object]] = [
        lambda: block.upload_page(b"x" * PAGE, 0, PAGE),
        lambda: block.clear_page(0, PAGE),
        lambda: list(block.list_page_ranges()),
        lambda: block.resize_blob(PAGE),
        lambda: block.set_sequence_number("increment"),
        lambda: block.create_page_blob(PAGE),
    ]
    codes = []
    for attempt in attempts:
        with pytest.raises(HttpResponseError) as error:
            attempt()
        codes.append(refusal(error))

    assert codes == [(409, "InvalidBlobType")] * 6


def test_conditions_and_leases_hold_for_pages(disk: BlobClient) -> None:
    lease = disk.acquire_lease()
    with pytest.raises(HttpResponseError) as unleased:
        disk.upload_page(b"x" * PAGE, 0, PAGE)
    with pytest.raises(HttpResponseError) as changed:
        disk.clear_page(0, PAGE, lease=lease, etag='"0x1"', match_condition=MatchConditions.IfNotModified)
    disk.upload_page(b"x" * PAGE, 0, PAGE, lease=lease)

    assert (refusal(unleased), refusal(changed)) == ((412, "LeaseIdMissing"), (412, "ConditionNotMet"))


def test_pages_come_from_a_url(container: ContainerClient, disk: BlobClient, sign: Sign) -> None:
    source = container.upload_blob("source", b"s" * 3 * PAGE)
    disk.upload_pages_from_url(sign(source), offset=PAGE, length=2 * PAGE, source_offset=PAGE)
    with pytest.raises(HttpResponseError) as error:
        disk.upload_pages_from_url(sign(source), offset=0, length=2 * PAGE, source_offset=2 * PAGE)

    assert disk.download_blob(offset=0, length=4 * PAGE).readall() == bytes(PAGE) + b"s" * 2 * PAGE + bytes(PAGE)
    assert refusal(error) == (400, "InvalidHeaderValue")


def test_the_pages_that_a_job_writes_are_listed_as_the_disk_has_them(disk: BlobClient, on_disk: Path) -> None:
    with (on_disk / "disks" / "a").open("r+b") as file:
        file.seek(4096)
        file.write(b"by a job")

    assert page_ranges(disk) == [(8, 8)]
    assert disk.get_blob_properties().blob_type == "PageBlob"
    (on_disk / "disks" / "a").write_bytes(b"no whole page")
    assert disk.get_blob_properties().blob_type == "BlockBlob"


def test_a_snapshot_keeps_its_pages(container: ContainerClient, disk: BlobClient) -> None:
    disk.upload_page(b"x" * PAGE, 0, PAGE)
    snapshot = container.get_blob_client("disks/a", snapshot=disk.create_snapshot()["snapshot"])
    disk.upload_page(b"y" * PAGE, 0, PAGE)
    disk.upload_page(b"z" * PAGE, 4 * PAGE, PAGE)

    assert page_ranges(snapshot) == [(0, 1)]
    assert snapshot.download_blob(offset=0, length=PAGE).readall() == b"x" * PAGE
    assert page_ranges(disk) == [(0, 1), (4, 1)]


def changed_ranges(blob: BlobClient, since: str, **options: int) -> list[tuple[int, int, bool]]:
    """Return first page and number of pages of each changed range, and whether it was cleared."""
    ranges = blob.list_page_ranges(previous_snapshot=since, **options)
    return [
        (page_range.start // PAGE, (page_range.end + 1 - page_range.start) // PAGE, page_range.cleared)
        for page_range in ranges
    ]


def test_what_has_changed_since_a_snapshot_is_listed(container: ContainerClient, disk: BlobClient) -> None:
    disk.upload_page(b"x" * 8 * PAGE, 0, 8 * PAGE)
    first = disk.create_snapshot()["snapshot"]
    disk.upload_page(b"y" * PAGE, PAGE, PAGE)
    disk.upload_page(b"x" * PAGE, 3 * PAGE, PAGE)  # the same again is a change, too
    second = disk.create_snapshot()["snapshot"]
    disk.clear_page(5 * PAGE, 2 * PAGE)

    assert changed_ranges(disk, first) == [(1, 1, False), (3, 1, False), (5, 2, True)]
    assert changed_ranges(disk, first, results_per_page=1) == [(1, 1, False), (3, 1, False), (5, 2, True)]
    assert changed_ranges(disk, second) == [(5, 2, True)]
    assert changed_ranges(container.get_blob_client("disks/a", snapshot=second), first) == [
        (1, 1, False),
        (3, 1, False),
    ]
    pages, cleared = disk.get_page_range_diff_for_managed_disk(f"{disk.url}?snapshot={first}")
    assert ([page["start"] // PAGE for page in pages], [page["start"] // PAGE for page in cleared]) == ([1, 3], [5])


def test_what_a_job_has_changed_since_a_snapshot_is_found_by_reading(disk: BlobClient, on_disk: Path) -> None:
    disk.upload_page(b"x" * 8 * PAGE, 0, 8 * PAGE)
    since = disk.create_snapshot()["snapshot"]
    with (on_disk / "disks" / "a").open("r+b") as file:
        file.seek(2 * PAGE + 7)
        file.write(b"by a job")
        file.seek(12 * PAGE)
        file.write(b"and more")

    assert changed_ranges(disk, since) == [(2, 1, False), (12, 1, False)]


def test_a_blob_is_compared_with_its_own_earlier_snapshots_only(container: ContainerClient, disk: BlobClient) -> None:
    first, second = disk.create_snapshot()["snapshot"], disk.create_snapshot()["snapshot"]
    with pytest.raises(HttpResponseError) as newer:
        changed_ranges(container.get_blob_client("disks/a", snapshot=first), second)
    with pytest.raises(HttpResponseError) as missing:
        changed_ranges(disk, "2020-01-01T00:00:00.0000000Z")
    disk.create_page_blob(SIZE)
    with pytest.raises(HttpResponseError) as overwritten:
        changed_ranges(disk, second)

    assert refusal(newer) == (400, "PreviousSnapshotCannotBeNewer")
    assert refusal(missing) == (409, "PreviousSnapshotNotFound")
    assert refusal(overwritten) == (409, "BlobOverwritten")


def test_a_copy_counts_its_changes_from_zero(container: ContainerClient, disk: BlobClient) -> None:
    disk.upload_page(b"x" * PAGE, 0, PAGE)
    for _ in range(3):
        disk.create_snapshot()
    disk.upload_page(b"y" * PAGE, PAGE, PAGE)
    copy = container.get_blob_client("copy")
    copy.start_copy_from_url(disk.url)
    since = copy.create_snapshot()["snapshot"]
    copy.upload_page(b"z" * PAGE, 4 * PAGE, PAGE)

    assert page_ranges(copy) == [(0, 2), (4, 1)]
    assert changed_ranges(copy, since) == [(4, 1, False)]
