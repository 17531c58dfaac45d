"""Hard links and symbolic links on a share of NFS, driven by azure-storage-file-share."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.fileshare import (
    ContentSettings,
    ShareClient,
    ShareFileClient,
    ShareServiceClient,
    generate_file_sas,
    generate_share_sas,
)

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

# The SDK's create_symlink turns its argument ``metadata`` into one meaningless header, so tests send these headers.
META = {"x-ms-meta-of": "link"}


@pytest.fixture
def nfs(service: ShareServiceClient, share_name: str) -> Iterator[ShareClient]:
    share = service.create_share(share_name, protocols="NFS")
    yield share
    share.delete_share(delete_snapshots="include-leased" if list(service.list_shares(share_name)) else None)


@pytest.fixture
def disk(storage: Endpoint, nfs: ShareClient) -> Path:
    return Path(storage.directory, "storage", storage.storage_account, "file", nfs.share_name)


@pytest.fixture
def pair(nfs: ShareClient) -> tuple[ShareFileClient, ShareFileClient]:
    """Two names of one file, in two directories."""
    nfs.create_directory("d")
    nfs.create_directory("e")
    first, second = nfs.get_file_client("d/first"), nfs.get_file_client("e/second")
    first.upload_file(b"content", metadata={"of": "both"})
    first.set_http_headers(ContentSettings(), owner="345", group="123", file_mode="0600")
    second.create_hardlink("d/first")
    return first, second


def entries(nfs: ShareClient, directory: str | None = None) -> list[str]:
    return [entry.name for entry in nfs.list_directories_and_files(directory)]


# Hard links


def test_a_hard_link_is_another_name_of_the_file(pair: tuple[ShareFileClient, ShareFileClient], disk: Path) -> None:
    first, second = (client.get_file_properties() for client in pair)

    assert (second.link_count, second.nfs_file_type) == (2, "Regular")
    assert (second.owner, second.group, second.file_mode) == ("345", "123", "0600")
    assert second.metadata == {"of": "both"}
    assert (first.etag, first.file_id, first.link_count) == (second.etag, second.file_id, 2)
    assert first.parent_id != second.parent_id
    assert (disk / "d/first").samefile(disk / "e/second")


def test_what_is_made_answers_with_what_it_is(nfs: ShareClient) -> None:
    nfs.get_file_client("f").create_file(1024)

    response = nfs.get_file_client("g").create_hardlink("f")

    assert (response["file_file_type"], response["link_count"], response["mode"]) == ("Regular", 2, "0664")
    assert response["etag"] == nfs.get_file_client("g").get_file_properties().etag


def test_all_names_show_what_is_done_by_one(pair: tuple[ShareFileClient, ShareFileClient]) -> None:
    first, second = pair
    second.set_file_metadata({"by": "second"})
    second.set_http_headers(ContentSettings(), owner="1", group="2", file_mode="0700")
    first.upload_range(b"CON", offset=0, length=3)
    lease = second.acquire_lease()

    both = [client.get_file_properties() for client in pair]
    assert [properties.metadata for properties in both] == [{"by": "second"}] * 2
    assert [(properties.owner, properties.file_mode) for properties in both] == [("1", "0700")] * 2
    assert both[0].etag == both[1].etag
    assert second.download_file(lease=lease).readall() == b"CONtent"
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        first.delete_file()
    lease.release()


def test_a_deleted_name_leaves_the_others(nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient]) -> None:
    first, second = pair
    first.delete_file()

    properties = second.get_file_properties()
    assert (properties.link_count, properties.metadata, properties.owner) == (1, {"of": "both"}, "345")
    second.set_file_metadata({"still": "kept"})
    assert second.get_file_properties().metadata == {"still": "kept"}
    second.delete_file()
    assert entries(nfs, "e") == []


@pytest.mark.parametrize("to", ["e/renamed", "e/First"])
def test_a_name_is_renamed_and_stays_one_of_the_same_file(
    nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient], to: str
) -> None:
    first, second = pair
    moved = first.rename_file(to, metadata={"of": "renamed"})

    assert moved.get_file_properties().metadata == second.get_file_properties().metadata == {"of": "renamed"}
    assert moved.get_file_properties().link_count == 2
    assert entries(nfs, "d") == []


def test_a_name_is_not_renamed_to_another_of_the_same_file(pair: tuple[ShareFileClient, ShareFileClient]) -> None:
    first, second = pair
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        first.rename_file("e/second", overwrite=True)

    assert first.exists()
    assert second.exists()


def test_a_new_file_takes_one_name_and_leaves_the_other(pair: tuple[ShareFileClient, ShareFileClient]) -> None:
    first, second = pair
    first.create_file(3)

    assert first.get_file_properties().metadata == {}
    assert (first.get_file_properties().link_count, second.get_file_properties().link_count) == (1, 1)
    assert second.get_file_properties().metadata == {"of": "both"}
    assert second.download_file().readall() == b"content"


def test_a_directory_with_a_name_is_renamed(nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient]) -> None:
    nfs.get_directory_client("d").rename_directory("moved")

    assert nfs.get_file_client("moved/first").get_file_properties().metadata == {"of": "both"}
    assert pair[1].get_file_properties().link_count == 2


def test_a_snapshot_has_all_names_with_their_metadata(
    service: ShareServiceClient, nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient]
) -> None:
    snapshot = service.get_share_client(nfs.share_name, snapshot=nfs.create_snapshot()["snapshot"])
    pair[0].set_file_metadata({"later": "1"})

    for name in ("d/first", "e/second"):
        assert snapshot.get_file_client(name).get_file_properties().metadata == {"of": "both"}


def test_a_listing_shows_what_a_name_has_of_the_file(
    nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient]
) -> None:
    [listed] = nfs.list_directories_and_files("e", include=["timestamps", "etag"], include_extended_info=True)

    assert listed.etag == pair[0].get_file_properties().etag.strip('"')


@pytest.mark.parametrize(
    ("target", "code"),
    [("missing", "ResourceNotFound"), ("missing/f", "ParentNotFound"), ("d", "ResourceTypeMismatch")],
)
def test_a_hard_link_needs_a_file(nfs: ShareClient, target: str, code: str) -> None:
    nfs.create_directory("d")

    with pytest.raises(HttpResponseError, match=code):
        nfs.get_file_client("g").create_hardlink(target)


def test_a_hard_link_needs_the_lease_of_the_file_and_a_free_name(
    nfs: ShareClient, pair: tuple[ShareFileClient, ShareFileClient]
) -> None:
    lease = pair[0].acquire_lease()
    third = nfs.get_file_client("third")
    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        third.create_hardlink("d/first")
    third.create_hardlink("d/first", lease=lease.id)
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        third.create_hardlink("d/first", lease=lease.id)
    lease.release()


def test_the_number_of_names_has_a_limit(nfs: ShareClient, disk: Path) -> None:
    nfs.get_file_client("f").upload_file(b"f")
    for number in range(999):
        (disk / f"job-{number}").hardlink_to(disk / "f")

    with pytest.raises(HttpResponseError, match="1000 names"):
        nfs.get_file_client("g").create_hardlink("f")


def test_a_sas_for_one_name_makes_it_no_name_of_another_file(storage: Endpoint, nfs: ShareClient) -> None:
    nfs.get_file_client("secret").upload_file(b"secret")
    expiry, account, key = datetime.now(UTC) + timedelta(hours=1), storage.storage_account, storage.storage_key
    of_file = generate_file_sas(account, nfs.share_name, ["mine"], key, permission="rcw", expiry=expiry)
    of_share = generate_share_sas(account, nfs.share_name, key, permission="rcw", expiry=expiry)

    def mine(sas: str) -> ShareFileClient:
        return ShareFileClient(f"{storage.file_url}/{account}", nfs.share_name, "mine", credential=sas)

    with pytest.raises(HttpResponseError, match="AuthorizationPermissionMismatch"):
        mine(of_file).create_hardlink("secret")
    assert mine(of_share).create_hardlink("secret")["link_count"] == 2


# Symbolic links


def test_a_symbolic_link_is_one_on_disk_and_keeps_its_text(nfs: ShareClient, disk: Path) -> None:
    link, text = nfs.get_file_client("link"), "../a b/ünïcode/./file"

    response = link.create_symlink(requests.utils.quote(text), owner="345", group="123", headers=META)

    assert (response["file_file_type"], response["owner"], response["group"]) == ("SymLink", "345", "123")
    assert unquote(link.get_symlink()["link_text"]) == text
    assert os.readlink(disk / "link") == text  # noqa: PTH115 - a Path would be another text
    properties = link.get_file_properties()
    assert (properties.nfs_file_type, properties.metadata, properties.owner, properties.file_mode) == (
        "SymLink", {"of": "link"}, "345", "0777",
    )  # fmt: skip
    assert entries(nfs) == ["link"]


@pytest.mark.parametrize("text", ["/etc/passwd", "../../../../../../etc/passwd", "f"])
def test_a_symbolic_link_is_never_followed(nfs: ShareClient, text: str) -> None:
    nfs.get_file_client("f").upload_file(b"f")
    link = nfs.get_file_client("link")
    link.create_symlink(text)

    for refused in (
        lambda: link.download_file().readall(),
        lambda: link.upload_range(b"x", offset=0, length=1),
        lambda: list(link.list_ranges()),
        lambda: link.resize_file(5),
        lambda: nfs.get_file_client("copy").start_copy_from_url(link.url),
        lambda: nfs.get_file_client("hard").create_hardlink("link"),
    ):
        with pytest.raises(HttpResponseError) as error:
            refused()
        assert error.value.status_code in (404, 409), error.value
    assert nfs.get_file_client("f").download_file().readall() == b"f"


def test_nothing_is_below_a_link_to_a_directory(nfs: ShareClient) -> None:
    nfs.create_directory("d")
    nfs.get_file_client("d/f").upload_file(b"f")
    nfs.get_file_client("link").create_symlink("d")

    with pytest.raises(ResourceNotFoundError, match="ParentNotFound"):
        nfs.get_file_client("link/f").get_file_properties()
    with pytest.raises(ResourceNotFoundError):
        entries(nfs, "link")


def test_a_symbolic_link_is_renamed_replaced_and_deleted(nfs: ShareClient) -> None:
    link = nfs.get_file_client("link")
    link.create_symlink("anything", headers=META)
    moved = link.rename_file("moved")
    assert moved.get_symlink()["link_text"] == "anything"
    assert moved.get_file_properties().metadata == {"of": "link"}

    moved.upload_file(b"a file")
    assert moved.get_file_properties().nfs_file_type == "Regular"

    link.create_symlink("again")
    with pytest.raises(ResourceExistsError, match="ResourceAlreadyExists"):
        link.create_symlink("again")
    link.delete_file()
    moved.delete_file()
    assert entries(nfs) == []


def test_a_snapshot_has_symbolic_links(service: ShareServiceClient, nfs: ShareClient) -> None:
    nfs.get_file_client("link").create_symlink(".%2F%2Fanything", headers=META)
    snapshot = service.get_share_client(nfs.share_name, snapshot=nfs.create_snapshot()["snapshot"])

    assert unquote(snapshot.get_file_client("link").get_symlink()["link_text"]) == ".//anything"
    assert snapshot.get_file_client("link").get_file_properties().metadata == {"of": "link"}


def test_a_link_that_a_job_made_is_one(nfs: ShareClient, disk: Path) -> None:
    (disk / "job").symlink_to("/etc/passwd")
    (disk / "bytes").symlink_to(os.fsdecode(b"no text \xff"))

    assert unquote(nfs.get_file_client("job").get_symlink()["link_text"]) == "/etc/passwd"
    assert nfs.get_file_client("job").get_file_properties().nfs_file_type == "SymLink"
    assert nfs.get_file_client("bytes").get_symlink()["link_text"] == "no%20text%20%FF"


@pytest.mark.parametrize("text", ["", "x" * 2049, "a%00b", "%ff"])
def test_what_no_link_can_hold_is_refused(nfs: ShareClient, text: str) -> None:
    with pytest.raises(HttpResponseError, match="InvalidHeaderValue"):
        nfs.get_file_client("link").create_symlink(text)
    assert entries(nfs) == []


def test_what_is_no_link_has_no_text(nfs: ShareClient) -> None:
    nfs.get_file_client("f").upload_file(b"f")

    for path in ("f", "/"):
        with pytest.raises(HttpResponseError, match="ResourceTypeMismatch"):
            nfs.get_file_client(path).get_symlink()
    with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
        nfs.get_file_client("missing").get_symlink()


def test_links_are_for_shares_of_nfs(share: ShareClient, on_disk: Path) -> None:
    share.get_file_client("f").upload_file(b"f")
    (on_disk / "link").symlink_to("f")
    file = share.get_file_client("g")

    for refused in (lambda: file.create_hardlink("f"), lambda: file.create_symlink("f"), file.get_symlink):
        with pytest.raises(HttpResponseError, match="NFS"):
            refused()
    assert entries(share) == ["f"]


def test_links_outlive_the_emulator(tmp_path: Path) -> None:
    with launch(tmp_path, only="storage") as endpoint:
        service = ShareServiceClient.from_connection_string(endpoint.connection_string)
        share = service.create_share("links", protocols="NFS")
        share.get_file_client("f").upload_file(b"f", metadata={"of": "f"})
        share.get_file_client("g").create_hardlink("f")
        share.get_file_client("l").create_symlink("f", headers=META)
    with launch(tmp_path, only="storage") as endpoint:
        share = ShareServiceClient.from_connection_string(endpoint.connection_string).get_share_client("links")
        properties = {name: share.get_file_client(name).get_file_properties() for name in ("f", "g", "l")}

    assert {name: item.metadata["of"] for name, item in properties.items()} == {"f": "f", "g": "f", "l": "link"}
    assert properties["g"].link_count == 2
