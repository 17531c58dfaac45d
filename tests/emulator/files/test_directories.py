"""Directories, driven by azure-storage-file-share 12.x."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.fileshare import NTFSAttributes, ShareClient


def test_a_directory_is_a_directory_on_disk(share: ShareClient, on_disk: Path) -> None:
    share.create_directory("a").create_subdirectory("b c")

    assert (on_disk / "a" / "b c").is_dir()
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        share.create_directory("A")
    with pytest.raises(ResourceNotFoundError, match="ParentNotFound"):
        share.create_directory("missing/below")


def test_attributes_and_times_are_kept(share: ShareClient) -> None:
    moment = datetime(2020, 1, 2, 3, 4, 5, 678900, tzinfo=UTC)
    directory = share.create_directory(
        "d", metadata={"m": "1"}, file_attributes=NTFSAttributes(directory=True, hidden=True),
        file_creation_time=moment, file_last_write_time=moment, file_change_time=moment,
    )  # fmt: skip
    properties = directory.get_directory_properties()

    assert (properties.file_attributes, properties.metadata) == ("Hidden | Directory", {"m": "1"})
    assert (properties.creation_time, properties.last_write_time, properties.change_time) == (moment, moment, moment)
    assert properties.file_id
    assert properties.permission_key
    directory.set_http_headers(file_attributes="preserve", file_last_write_time=datetime(2021, 1, 1, tzinfo=UTC))
    after = directory.get_directory_properties()
    assert (after.creation_time, after.last_write_time.year, after.file_attributes) == (
        moment,
        2021,
        "Hidden | Directory",
    )


def test_what_happens_inside_does_not_change_a_directory(share: ShareClient) -> None:
    directory = share.create_directory("d")
    before = directory.get_directory_properties().etag
    directory.upload_file("f", b"x")
    assert directory.get_directory_properties().etag == before

    directory.set_directory_metadata({"m": "1"})
    assert directory.get_directory_properties().etag != before


def test_listing_has_pages_prefixes_and_details(share: ShareClient, on_disk: Path) -> None:
    directory = share.create_directory("d")
    for name in ("b1", "A1", "a2"):
        directory.upload_file(name, b"123")
    directory.create_subdirectory("A0")
    (on_disk / "d" / "by-a-job").write_bytes(b"12345")
    pages = directory.list_directories_and_files(results_per_page=2).by_page()

    assert [sorted(entry.name for entry in page) for page in pages] == [["A0", "A1"], ["a2", "b1"], ["by-a-job"]]
    assert [entry.name for entry in directory.list_directories_and_files(name_starts_with="A")] == ["A0", "A1", "a2"]
    details = {
        entry.name: entry
        for entry in directory.list_directories_and_files(
            include=["timestamps", "Etag", "Attributes", "PermissionKey"], include_extended_info=True
        )
    }
    assert (details["by-a-job"].size, details["by-a-job"].file_attributes) == (5, "Archive")
    assert details["A0"].is_directory
    for item in details.values():
        assert None not in (item.file_id, item.etag, item.last_write_time, item.creation_time, item.permission_key)


def test_a_directory_is_renamed_with_all_that_is_in_it(share: ShareClient, on_disk: Path) -> None:
    source = share.create_directory("old", metadata={"m": "1"})
    source.create_subdirectory("sub").upload_file("f", b"kept", metadata={"f": "2"})
    renamed = source.rename_directory("new")

    assert renamed.get_directory_properties().metadata == {"m": "1"}
    assert share.get_file_client("new/sub/f").get_file_properties().metadata == {"f": "2"}
    assert (on_disk / "new" / "sub" / "f").read_bytes() == b"kept"
    assert not source.exists()
    with pytest.raises(HttpResponseError, match="InvalidUri"):
        renamed.rename_directory("new/sub/deeper")


def test_a_directory_replaces_a_file_where_the_rename_says_so(share: ShareClient, on_disk: Path) -> None:
    source = share.create_directory("old", metadata={"m": "1"})
    source.upload_file("f", b"kept")
    taken = share.get_file_client("taken")
    taken.create_file(3, metadata={"of": "the-file"}, file_attributes=NTFSAttributes(read_only=True))
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        source.rename_directory("taken")
    with pytest.raises(ResourceExistsError, match="ReadOnlyAttribute"):
        source.rename_directory("taken", overwrite=True)
    renamed = source.rename_directory("taken", overwrite=True, ignore_read_only=True)

    assert renamed.get_directory_properties().metadata == {"m": "1"}
    assert (on_disk / "taken" / "f").read_bytes() == b"kept"
    assert [entry.name for entry in share.list_directories_and_files()] == ["taken"]


def test_a_directory_replaces_a_leased_file_for_its_holder(share: ShareClient) -> None:
    source, taken = share.create_directory("old"), share.get_file_client("taken")
    taken.upload_file(b"x")
    lease = taken.acquire_lease()
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        source.rename_directory("taken", overwrite=True)
    assert source.rename_directory("taken", overwrite=True, destination_lease=lease).exists()


def test_a_directory_replaces_no_directory_and_a_file_replaces_none(share: ShareClient) -> None:
    source = share.create_directory("old")
    share.create_directory("taken")
    share.get_file_client("f").upload_file(b"x")

    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        source.rename_directory("taken", overwrite=True)
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        share.get_file_client("f").rename_file("taken", overwrite=True)


def test_a_rename_changes_the_etag_and_keeps_the_time_of_the_last_write(share: ShareClient) -> None:
    directory = share.create_directory("old")
    before = directory.get_directory_properties()
    after = directory.rename_directory("new").get_directory_properties()

    assert after.etag != before.etag
    assert (after.last_write_time, after.creation_time) == (before.last_write_time, before.creation_time)
    assert after.file_id == before.file_id


def test_a_file_is_no_directory(share: ShareClient) -> None:
    share.get_file_client("f").upload_file(b"x")
    directory = share.get_directory_client("f")

    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        directory.get_directory_properties()
    assert not directory.exists()
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        directory.set_directory_metadata({"m": "1"})
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        list(directory.list_directories_and_files())
    with pytest.raises(ResourceExistsError, match="ResourceTypeMismatch"):
        share.create_directory("f")
    with pytest.raises(HttpResponseError, match="ResourceTypeMismatch"):
        directory.delete_directory()


def test_only_an_empty_directory_is_deleted(share: ShareClient) -> None:
    directory = share.create_directory("d")
    directory.upload_file("f", b"x")
    with pytest.raises(ResourceExistsError, match="DirectoryNotEmpty"):
        directory.delete_directory()
    directory.delete_file("f")
    directory.delete_directory()

    assert not directory.exists()
