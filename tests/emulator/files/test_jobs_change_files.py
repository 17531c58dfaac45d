"""The record of a file is valid for that file only, however jobs change the share."""

import subprocess
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import ShareClient, ShareDirectoryClient, ShareFileClient


@pytest.fixture
def file(share: ShareClient) -> ShareFileClient:
    """A file with content, metadata and an endless lease."""
    client = share.get_file_client("f")
    client.upload_file(b"content", metadata={"of": "f"})
    client.acquire_lease("11111111-1111-1111-1111-111111111111")
    return client


def released(file: ShareFileClient) -> bool:
    return bool(file.get_file_properties().lease.state == "available")


def test_a_file_that_a_job_writes_to_keeps_metadata_and_lease(file: ShareFileClient, on_disk: Path) -> None:
    (on_disk / "f").write_bytes(b"by a job")

    assert file.get_file_properties().metadata == {"of": "f"}
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        file.delete_file()


def test_a_file_that_a_job_puts_in_place_of_another_inherits_nothing(file: ShareFileClient, on_disk: Path) -> None:
    (on_disk / "new").write_bytes(b"by a job")
    (on_disk / "new").replace(on_disk / "f")

    assert file.get_file_properties().metadata == {}
    assert released(file)
    file.delete_file()


def test_a_file_that_a_job_makes_where_it_deleted_one_inherits_nothing(file: ShareFileClient, on_disk: Path) -> None:
    (on_disk / "f").unlink()
    (on_disk / "f").write_bytes(b"by a job")

    assert file.get_file_properties().metadata == {}
    assert released(file)


def test_a_copy_that_keeps_times_and_takes_the_name_inherits_nothing(file: ShareFileClient, on_disk: Path) -> None:
    subprocess.run(["cp", "-p", on_disk / "f", on_disk / "g"], check=True)
    (on_disk / "g").replace(on_disk / "f")

    assert file.get_file_properties().metadata == {}


def test_a_file_that_comes_back_has_its_own_again(file: ShareFileClient, on_disk: Path) -> None:
    (on_disk / "f").rename(on_disk / "aside")
    (on_disk / "f").write_bytes(b"by a job")
    assert file.get_file_properties().metadata == {}
    (on_disk / "aside").replace(on_disk / "f")

    assert file.get_file_properties().metadata == {"of": "f"}


def test_a_directory_that_a_job_makes_inherits_nothing(share: ShareClient, on_disk: Path) -> None:
    directory: ShareDirectoryClient = share.create_directory("d", metadata={"of": "d"})
    directory.upload_file("f", b"content", metadata={"of": "f"})
    (on_disk / "d" / "f").unlink()
    (on_disk / "d").rmdir()
    (on_disk / "d").mkdir()
    (on_disk / "d" / "f").write_bytes(b"by a job")

    assert directory.get_directory_properties().metadata == {}
    assert directory.get_file_client("f").get_file_properties().metadata == {}


def test_a_share_of_the_same_name_inherits_nothing(share: ShareClient, file: ShareFileClient, on_disk: Path) -> None:
    share.delete_share()
    share.create_share()
    (on_disk / "f").write_bytes(b"by a job")

    assert file.get_file_properties().metadata == {}
    assert released(file)


def test_metadata_change_etags_and_leave_the_time_on_disk(file: ShareFileClient, on_disk: Path) -> None:
    before, on_disk_before = file.get_file_properties(), (on_disk / "f").stat().st_mtime_ns
    changed = file.set_file_metadata({"of": "f", "more": "x"}, lease="11111111-1111-1111-1111-111111111111")
    after = file.get_file_properties()

    assert after.etag == changed["etag"] != before.etag
    assert after.last_modified >= before.last_modified
    assert (on_disk / "f").stat().st_mtime_ns == on_disk_before


def test_an_existing_directory_becomes_the_share(share: ShareClient, on_disk: Path) -> None:
    share.delete_share()
    on_disk.mkdir()
    (on_disk / "f").write_bytes(b"by hand")
    share.create_share()

    assert share.get_file_client("f").download_file().readall() == b"by hand"
