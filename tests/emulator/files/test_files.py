"""Files, driven by azure-storage-file-share 12.x."""

import hashlib
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.core.pipeline import PipelineResponse
from azure.storage.fileshare import (
    ContentSettings,
    FileRange,
    NTFSAttributes,
    ShareClient,
    ShareFileClient,
    ShareServiceClient,
)

from harness.emulator.endpoint import Endpoint


def spans(ranges: Iterable[FileRange]) -> list[tuple[int, int]]:
    return [(byte_range.start, byte_range.end) for byte_range in ranges]


def text_of(response: PipelineResponse[Any, Any]) -> str:
    text: str = response.http_response.text()
    return text


@pytest.fixture
def file(share: ShareClient) -> ShareFileClient:
    return share.get_file_client("f.bin")


def test_what_is_uploaded_is_a_plain_file_and_comes_back(file: ShareFileClient, on_disk: Path) -> None:
    content = os.urandom((9 << 20) + 17)
    file.upload_file(content, max_concurrency=4)

    assert (on_disk / "f.bin").read_bytes() == content
    assert file.download_file(max_concurrency=4).readall() == content
    assert file.download_file(offset=5, length=6 << 20).readall() == content[5 : 5 + (6 << 20)]


def test_every_piece_is_validated_by_its_md5(file: ShareFileClient) -> None:
    content = os.urandom((4 << 20) + 1)
    file.upload_file(content, validate_content=True)

    assert file.download_file(validate_content=True).readall() == content


def test_a_file_is_made_with_its_first_bytes(file: ShareFileClient, on_disk: Path) -> None:
    file.create_file(8, data=b"12345")

    assert (on_disk / "f.bin").read_bytes() == b"12345\0\0\0"


def test_content_headers_metadata_and_md5_are_given_back(file: ShareFileClient) -> None:
    digest = bytearray(hashlib.md5(b"hello").digest())
    settings = ContentSettings("text/plain", "gzip", "en", "attachment", "no-store", digest)
    file.upload_file(b"hello", content_settings=settings, metadata={"Who": "me"})
    properties = file.get_file_properties()

    assert properties.content_settings.__dict__ == settings.__dict__
    assert (properties.size, properties.metadata) == (5, {"Who": "me"})
    file.set_file_metadata({"other": "1"})
    file.set_http_headers(ContentSettings(content_type="image/png"))
    after = file.get_file_properties()
    assert (after.metadata, after.content_settings.content_type) == ({"other": "1"}, "image/png")
    assert after.content_settings.cache_control is None


def test_the_md5_that_is_kept_with_a_file_is_the_one_that_was_sent(file: ShareFileClient) -> None:
    """The service does not check it, not even its form."""
    file.upload_file(b"hello", content_settings=ContentSettings(content_md5=bytearray(b"whatever")))
    created = file.get_file_properties().content_settings.content_md5
    file.set_http_headers(ContentSettings(content_md5=bytearray(b"MDAwMDAwMDA=")))

    assert created == bytearray(b"whatever")
    assert file.get_file_properties().content_settings.content_md5 == bytearray(b"MDAwMDAwMDA=")


@pytest.mark.parametrize("version", ["2019-02-02", "2022-11-02"])
def test_every_range_that_is_written_comes_back_with_its_md5(
    storage: Endpoint, share: ShareClient, version: str
) -> None:
    with ShareFileClient.from_connection_string(
        storage.connection_string, share.share_name, "f.bin", api_version=version
    ) as file:
        file.create_file(5)
        written = file.upload_range(b"hello", 0, 5)

        assert written["content_md5"] == bytearray(hashlib.md5(b"hello").digest())
        assert file.get_file_properties().lease.state == "available"


def test_a_new_file_is_to_be_archived(file: ShareFileClient) -> None:
    file.create_file(1, file_attributes=NTFSAttributes(hidden=True))
    assert file.get_file_properties().file_attributes == "Hidden | Archive"

    file.set_http_headers(ContentSettings(), file_attributes="Hidden")
    assert file.get_file_properties().file_attributes == "Hidden"


def test_a_stored_md5_is_dropped_when_a_job_changes_the_file(file: ShareFileClient, on_disk: Path) -> None:
    settings = ContentSettings(content_md5=bytearray(16))
    file.upload_file(b"hello", content_settings=settings)
    before = file.get_file_properties()
    (on_disk / "f.bin").write_bytes(b"jello")
    after = file.get_file_properties()

    assert (before.content_settings.content_md5, after.content_settings.content_md5) == (bytearray(16), None)
    assert after.etag != before.etag
    assert file.download_file().readall() == b"jello"


def test_smb_properties_are_set_and_preserved(file: ShareFileClient) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    file.create_file(
        3, file_attributes=NTFSAttributes(temporary=True, hidden=True), file_creation_time=moment,
        file_last_write_time=moment, file_change_time=moment,
    )  # fmt: skip
    properties = file.get_file_properties()
    assert (properties.creation_time, properties.last_write_time, properties.change_time) == (moment, moment, moment)
    assert properties.file_attributes == "Hidden | Archive | Temporary"

    file.upload_range(b"abc", 0, 3, file_last_write_mode="preserve")
    assert file.get_file_properties().last_write_time == moment
    file.upload_range(b"abc", 0, 3)
    after = file.get_file_properties()
    assert after.last_write_time > moment
    assert after.creation_time == moment
    file.set_http_headers(ContentSettings(), file_attributes="ReadOnly")
    with pytest.raises(HttpResponseError, match="ReadOnlyAttribute"):
        file.delete_file()
    file.set_http_headers(ContentSettings(), file_attributes="None")


def test_a_file_is_resized_and_a_cut_off_range_reads_as_zeros(file: ShareFileClient) -> None:
    file.upload_file(b"x" * 2000)
    file.resize_file(1000)
    file.resize_file(3000)

    assert file.download_file().readall() == b"x" * 1000 + bytes(2000)
    with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
        file.resize_file((4 << 40) + 1)


def test_a_huge_file_takes_no_room(file: ShareFileClient, on_disk: Path) -> None:
    file.create_file(1 << 40)
    file.upload_range(b"end", (1 << 40) - 3, 3)
    file.upload_range(b"x" * 8192, 1 << 30, 8192)
    file.clear_range(1 << 30, 1 << 39)

    assert (on_disk / "f.bin").stat().st_blocks * 512 <= 16384
    assert file.download_file(offset=(1 << 40) - 5).readall() == b"\0\0end"


def test_ranges_are_listed_as_they_were_written(file: ShareFileClient) -> None:
    file.create_file(4096)
    file.upload_range(b"a" * 512, 0, 512)
    file.upload_range(b"b" * 512, 1024, 512)
    file.upload_range(b"c" * 1024, 2048, 1024)
    file.clear_range(2048, 512)

    assert spans(file.list_ranges()) == [(0, 511), (1024, 1535), (2560, 3071)]
    assert spans(file.list_ranges(offset=1024, length=512)) == [(1024, 1535)]
    assert [spans(page) for page in file.list_ranges(results_per_page=2).by_page()] == [
        [(0, 511), (1024, 1535)],
        [(2560, 3071)],
    ]


def test_changes_since_a_snapshot_are_listed(share: ShareClient, file: ShareFileClient) -> None:
    file.create_file(2048)
    first = share.create_snapshot()
    file.upload_range(b"a" * 1536, 0, 1536)
    second = share.create_snapshot()
    file.clear_range(512, 512)

    ranges = list(file.list_ranges_diff(first))
    assert spans(byte_range for byte_range in ranges if not byte_range.cleared) == [(0, 511), (1024, 1535)]
    assert spans(byte_range for byte_range in ranges if byte_range.cleared) == [(512, 1023)]
    ranges = list(file.list_ranges_diff(second))
    assert [(byte_range.start, byte_range.end, byte_range.cleared) for byte_range in ranges] == [(512, 1023, True)]


def test_a_file_that_was_renamed_is_compared_only_where_asked(share: ShareClient, file: ShareFileClient) -> None:
    file.upload_file(b"a" * 2048)
    before = share.create_snapshot()
    file.upload_range(b"b" * 512, 512, 512)
    renamed = file.rename_file("renamed")
    after = share.create_snapshot()

    with pytest.raises(ResourceExistsError, match="FileGenerationMismatch"):
        list(renamed.list_ranges_diff(before))
    assert spans(renamed.list_ranges_diff(before, include_renames=True)) == [(512, 1023)]
    assert spans(renamed.list_ranges_diff(after)) == []


def test_changes_by_a_job_since_a_snapshot_are_listed(share: ShareClient, file: ShareFileClient, on_disk: Path) -> None:
    file.upload_file(bytes(2048))
    snapshot = share.create_snapshot()
    with (on_disk / "f.bin").open("r+b") as stream:
        stream.seek(700)
        stream.write(b"job")

    assert spans(file.list_ranges_diff(snapshot)) == [(512, 1023)]


def test_a_range_comes_from_another_file(share: ShareClient, file: ShareFileClient) -> None:
    source = share.get_file_client("source")
    source.upload_file(b"0123456789" * 100)
    file.create_file(1000)
    with pytest.raises(HttpResponseError, match="CannotVerifyCopySource"):
        file.upload_range_from_url(source.url, 0, 512, 10)


def test_reads_and_writes_have_conditions(file: ShareFileClient) -> None:
    file.upload_file(b"one")
    old = file.get_file_properties().etag
    file.upload_file(b"two")
    with pytest.raises(HttpResponseError) as refused:
        file.get_file_properties(headers={"If-Match": old})
    assert refused.value.status_code == 412
    assert file.get_file_properties(headers={"If-None-Match": old}).size == 3
    with pytest.raises(HttpResponseError) as unchanged:
        file.get_file_properties(headers={"If-None-Match": file.get_file_properties().etag})
    assert unchanged.value.status_code == 304
    with pytest.raises(ResourceModifiedError, match="ConditionNotMet"):
        file.delete_file(headers={"If-Unmodified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"})


def test_a_copy_has_content_and_properties_of_its_source(share: ShareClient, file: ShareFileClient) -> None:
    file.upload_file(b"copied", metadata={"m": "1"}, content_settings=ContentSettings("text/plain"))
    target = share.get_file_client("copy")
    started = target.start_copy_from_url(file.url)
    properties = target.get_file_properties()

    assert (started["copy_status"], properties.copy.status, properties.copy.progress) == ("success", "success", "6/6")
    assert (properties.metadata, properties.content_settings.content_type) == ({"m": "1"}, "text/plain")
    assert target.download_file().readall() == b"copied"
    with pytest.raises(HttpResponseError, match="NoPendingCopyOperation"):
        target.abort_copy(started["copy_id"])
    with pytest.raises(ResourceNotFoundError, match="CannotVerifyCopySource"):
        target.start_copy_from_url(file.url + "-missing")


def test_a_file_is_renamed(share: ShareClient, file: ShareFileClient, on_disk: Path) -> None:
    file.upload_file(b"moved", metadata={"m": "1"})
    share.create_directory("d")
    renamed = file.rename_file("d/new")

    assert (on_disk / "d" / "new").read_bytes() == b"moved"
    assert renamed.get_file_properties().metadata == {"m": "1"}
    assert not (on_disk / "f.bin").exists()
    file.upload_file(b"again")
    with pytest.raises(ResourceExistsError):
        file.rename_file("d/new")
    assert file.rename_file("d/new", overwrite=True).download_file().readall() == b"again"


def test_a_rename_changes_the_etag_and_keeps_the_time_of_the_last_write(file: ShareFileClient) -> None:
    file.upload_file(b"moved", content_settings=ContentSettings(content_md5=bytearray(16)))
    before = file.get_file_properties()
    after = file.rename_file("new").get_file_properties()

    assert after.etag != before.etag
    assert (after.last_write_time, after.file_id) == (before.last_write_time, before.file_id)
    assert after.content_settings.content_md5 == bytearray(16)


def test_the_lease_of_a_file_is_asked_for_before_its_conditions(file: ShareFileClient) -> None:
    file.upload_file(b"x")
    file.acquire_lease()

    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        file.set_file_metadata({"m": "1"}, headers={"If-Match": "0x1"})


def test_a_write_removes_a_broken_lease(file: ShareFileClient) -> None:
    writes: list[Callable[[], object]] = [
        lambda: file.set_file_metadata({"m": "1"}),
        lambda: file.upload_range(b"y", 0, 1),
        lambda: file.set_http_headers(ContentSettings(content_type="text/plain")),
        lambda: file.create_file(1),
    ]
    for write in writes:
        file.upload_file(b"x")
        file.acquire_lease().break_lease()
        assert file.get_file_properties().lease.state == "broken"
        write()
        assert file.get_file_properties().lease.state == "available"


def test_copies_on_a_share_of_nfs_have_the_owner_and_mode_that_is_asked_for(
    service: ShareServiceClient, share_name: str
) -> None:
    share = service.create_share(f"{share_name}-nfs", protocols="NFS")
    source = share.get_file_client("source")
    source.create_file(1, owner="999", group="888", file_mode="0111")
    options: dict[str, dict[str, str]] = {
        "new": {},
        "like-source": {"file_mode_copy_mode": "source", "owner_copy_mode": "source"},
        "mode-of-source": {"file_mode_copy_mode": "source"},
        "overridden": {"owner": "5", "group": "6", "file_mode": "7777", "owner_copy_mode": "override"},
    }
    for name, modes in options.items():
        share.get_file_client(name).start_copy_from_url(source.url, **modes)
    properties = {name: share.get_file_client(name).get_file_properties() for name in options}

    assert {name: (copy.owner, copy.group, copy.file_mode) for name, copy in properties.items()} == {
        "new": ("0", "0", "0664"),
        "like-source": ("999", "888", "0111"),
        "mode-of-source": ("0", "0", "0111"),
        "overridden": ("5", "6", "7777"),
    }
    share.delete_share()


def test_a_leased_file_is_changed_by_its_holder_alone(file: ShareFileClient) -> None:
    file.upload_file(b"one")
    lease = file.acquire_lease("00000000-1111-2222-3333-444444444444")
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        file.upload_range(b"x", 0, 1)
    with pytest.raises(HttpResponseError, match="LeaseIdMismatchWithFileOperation"):
        file.upload_range(b"x", 0, 1, lease="00000000-1111-2222-3333-555555555555")
    file.upload_range(b"x", 0, 1, lease=lease)
    lease.change("00000000-1111-2222-3333-666666666666")
    assert file.get_file_properties(lease=lease).lease.duration == "infinite"
    assert lease.break_lease() == 0
    assert file.get_file_properties().lease.state == "broken"
    file.delete_file()


def test_names_keep_their_casing_and_are_found_in_any(share: ShareClient, on_disk: Path) -> None:
    share.create_directory("Dir")
    share.get_file_client("Dir/File.TXT").upload_file(b"1")
    share.get_file_client("dir/file.txt").upload_file(b"22")

    assert [path.name for path in (on_disk / "Dir").iterdir()] == ["File.TXT"]
    assert share.get_file_client("DIR/FILE.txt").download_file().readall() == b"22"


def test_dots_at_the_end_of_a_name_count_only_where_asked(share: ShareClient) -> None:
    share.get_file_client("name...").upload_file(b"x")
    assert [entry.name for entry in share.list_directories_and_files()] == ["name"]


def test_handles_of_a_file_are_none(file: ShareFileClient) -> None:
    file.create_file(1)

    assert list(file.list_handles()) == []
    assert file.close_all_handles() == {"closed_handles_count": 0, "failed_handles_count": 0}


def test_a_range_that_is_not_what_its_checks_say_changes_nothing(file: ShareFileClient) -> None:
    file.upload_file(b"12345")
    for header, value in (("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="), ("x-ms-content-crc64", "AAAAAAAAAAA=")):
        with pytest.raises(HttpResponseError, match="Mismatch"):
            file.upload_range(b"67890", 0, 5, headers={header: value})

    assert file.download_file().readall() == b"12345"


def test_names_that_xml_cannot_hold_come_back(share: ShareClient) -> None:
    directory = share.create_directory("d\uffff")
    directory.upload_file("f\uffffile & more %41", b"x")

    assert [entry.name for entry in share.list_directories_and_files()] == ["d\uffff"]
    assert [entry.name for entry in directory.list_directories_and_files()] == ["f\uffffile & more %41"]
    bodies: list[str] = []
    list(directory.list_directories_and_files("f\uffff", raw_response_hook=lambda reply: bodies.append(text_of(reply))))
    assert ' Encoded="true" DirectoryPath="d%EF%BF%BF">' in bodies[0]
    assert '<Prefix Encoded="true">f%EF%BF%BF</Prefix>' in bodies[0]
    assert '<Name Encoded="true">f%EF%BF%BFile%20%26%20more%20%2541</Name>' in bodies[0]
