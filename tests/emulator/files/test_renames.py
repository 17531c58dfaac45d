"""Every case of Rename File and Rename Directory: the source, what exists at the target, and what the request says.

Source: Microsoft's "Rename File" and "Rename Directory".
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.fileshare import NTFSAttributes, ShareClient, ShareDirectoryClient, ShareFileClient

REPLACE = {"overwrite": True}
IGNORE = {"overwrite": True, "ignore_read_only": True}


class Case(NamedTuple):
    """A target, the options of the request, and the error code; empty if the rename succeeds."""

    to: str
    options: Mapping[str, bool] = {}
    code: str = ""

    def __str__(self) -> str:
        return f"{self.to} {' '.join(self.options)} {self.code or 'is done'}"


CASES = (
    Case("new"),
    Case("new", REPLACE),
    Case("folder/new"),
    Case("there", {}, "ResourceAlreadyExists"),
    Case("there", REPLACE),
    Case("THERE", REPLACE),
    Case("fixed", REPLACE, "ReadOnlyAttribute"),
    Case("fixed", {"ignore_read_only": True}, "ResourceAlreadyExists"),
    Case("fixed", IGNORE),
    Case("folder", {}, "ResourceAlreadyExists"),
    Case("folder", IGNORE, "ResourceAlreadyExists"),
    Case("missing/new", {}, "ParentNotFound"),
    Case("there/new", {}, "ParentNotFound"),
    Case("bad:name", {}, "InvalidResourceName"),
)


@pytest.fixture
def tree(share: ShareClient) -> ShareClient:
    """A file and a directory to rename, and existing targets of each kind."""
    share.get_file_client("file").upload_file(b"source", metadata={"of": "file"})
    share.create_directory("dir", metadata={"of": "dir"})
    share.get_file_client("dir/inner").upload_file(b"inner", metadata={"of": "inner"})
    share.get_file_client("there").upload_file(b"there")
    readonly = NTFSAttributes(read_only=True)
    share.get_file_client("fixed").create_file(5, file_attributes=readonly)
    share.create_directory("folder")
    share.get_file_client("leased").upload_file(b"leased")
    return share


def rename(share: ShareClient, source: str, to: str, **options: object) -> ShareFileClient | ShareDirectoryClient:
    if source == "file":
        return share.get_file_client(source).rename_file(to, **options)
    return share.get_directory_client(source).rename_directory(to, **options)


def listed(share: ShareClient, directory: str | None = None) -> set[str]:
    return {entry.name for entry in share.list_directories_and_files(directory)}


@pytest.mark.parametrize("source", ["file", "dir"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rename_by_what_is_at_its_target(tree: ShareClient, on_disk: Path, source: str, case: Case) -> None:
    before = listed(tree)
    if case.code:
        with pytest.raises(HttpResponseError) as error:
            rename(tree, source, case.to, **case.options)
        assert (error.value.error_code, listed(tree)) == (case.code, before)
        return

    rename(tree, source, case.to, **case.options)

    assert source not in listed(tree)
    target = on_disk / case.to.replace("THERE", "there")  # a replaced file keeps the spelling of its name
    if source == "file":
        assert target.read_bytes() == b"source"
        assert tree.get_file_client(case.to).get_file_properties().metadata == {"of": "file"}
    else:
        assert (target / "inner").read_bytes() == b"inner"
        assert tree.get_directory_client(case.to).get_directory_properties().metadata == {"of": "dir"}
        assert tree.get_file_client(f"{case.to}/inner").get_file_properties().metadata == {"of": "inner"}


@pytest.mark.parametrize("options", [{}, REPLACE])
@pytest.mark.parametrize(("source", "to"), [("file", "FILE"), ("dir", "DIR"), ("file", "file"), ("dir", "dir")])
def test_a_rename_to_another_casing_keeps_everything_but_the_spelling(
    tree: ShareClient, source: str, to: str, options: Mapping[str, bool]
) -> None:
    rename(tree, source, to, **options)

    assert to in listed(tree)
    assert len(listed(tree)) == 6
    if source == "file":
        assert tree.get_file_client(source).get_file_properties().metadata == {"of": "file"}
    else:
        assert tree.get_file_client("dir/inner").get_file_properties().metadata == {"of": "inner"}


@pytest.mark.parametrize("to", ["dir/new", "DIR/new", "dir/a/b"])
def test_a_directory_is_not_renamed_into_itself(tree: ShareClient, to: str) -> None:
    with pytest.raises(HttpResponseError):
        rename(tree, "dir", to)
    assert listed(tree, "dir") == {"inner"}


def test_a_rename_needs_the_leases_of_both_files(tree: ShareClient) -> None:
    file, target = tree.get_file_client("file"), tree.get_file_client("leased")
    ours, theirs = file.acquire_lease(), target.acquire_lease()

    for options in ({}, {"source_lease": ours}, {"destination_lease": theirs}):
        with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
            file.rename_file("leased", overwrite=True, **options)
    moved = file.rename_file("leased", overwrite=True, source_lease=ours, destination_lease=theirs)

    assert moved.download_file().readall() == b"source"


def test_a_directory_with_a_leased_file_is_renamed(tree: ShareClient) -> None:
    lease = tree.get_file_client("dir/inner").acquire_lease()
    moved = rename(tree, "dir", "new")

    with pytest.raises(HttpResponseError, match="LeaseIdMissing"):
        tree.get_file_client("new/inner").delete_file()
    tree.get_file_client("new/inner").delete_file(lease=lease)
    assert moved.exists()


@pytest.mark.parametrize(("kind", "path"), [("file", "dir"), ("dir", "file"), ("file", "missing"), ("dir", "missing")])
def test_a_rename_names_what_is_there_by_its_kind(tree: ShareClient, kind: str, path: str) -> None:
    code = "ResourceNotFound" if path == "missing" else "ResourceTypeMismatch"
    file, directory = tree.get_file_client(path), tree.get_directory_client(path)
    act = file.rename_file if kind == "file" else directory.rename_directory
    with pytest.raises(HttpResponseError, match=code):
        act("new")


def test_new_attributes_and_metadata_come_with_a_rename(tree: ShareClient) -> None:
    moved = tree.get_file_client("file").rename_file(
        "new", metadata={"of": "renamed"}, file_attributes=NTFSAttributes(hidden=True), content_type="a/b"
    )

    properties = moved.get_file_properties()
    assert (properties.metadata, properties.content_settings.content_type) == ({"of": "renamed"}, "a/b")
    assert "Hidden" in str(properties.file_attributes)
