import os
from pathlib import Path

import pytest

from harness.compute.ray.tree_files import TreeFiles
from harness.compute.ray.trees import Entry, PathRefusedError

ENTRY = Entry(False, 4, 0o4755, 10**18, (0, 0, 0, 0))


@pytest.fixture
def files(tmp_path: Path) -> TreeFiles:
    (tmp_path / "data" / "tree").mkdir(parents=True)
    return TreeFiles(tmp_path / "data", "tree", aside=tmp_path / "aside")


def put(files: TreeFiles, path: str, content: bytes = b"text") -> None:
    with files.replacing(path, ENTRY) as (write, commit):
        write(content)
        commit()


def test_a_file_is_replaced_atomically_and_gets_only_permission_bits(files: TreeFiles, tmp_path: Path) -> None:
    put(files, "below/file")

    path = tmp_path / "data" / "tree" / "below" / "file"
    assert path.read_bytes() == b"text"
    assert (path.stat().st_mode & 0o7777, path.stat().st_mtime_ns) == (0o755, 10**18)
    assert list((tmp_path / "aside").iterdir()) == []
    entry = files.entry("below/file")
    assert entry is not None
    assert entry == files.entries()["below/file"]


def test_a_content_that_is_not_committed_leaves_nothing(files: TreeFiles, tmp_path: Path) -> None:
    with files.replacing("file", ENTRY) as (write, _):
        write(b"te")

    assert files.entries() == {}
    assert list((tmp_path / "aside").iterdir()) == []


def test_links_and_pipes_are_no_entries(files: TreeFiles, tmp_path: Path) -> None:
    tree = tmp_path / "data" / "tree"
    (tree / "link").symlink_to(tmp_path)
    os.mkfifo(tree / "pipe")
    (tree / "file").write_text("")

    assert list(files.entries()) == ["file"]
    with pytest.raises(PathRefusedError), files.open_file("pipe"):
        pass


@pytest.mark.parametrize("location", ["tree", "tree/below"])
def test_no_link_is_followed(files: TreeFiles, tmp_path: Path, location: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    link = tmp_path / "data" / location
    if location == "tree":
        link.rmdir()
    link.symlink_to(outside)
    path = "secret" if location == "tree" else "below/secret"

    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        files.read(path, 0, 6)
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        files.append(path, b"text", 0)
    files.remove(path)
    if location == "tree":
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            put(files, path)
    else:
        put(files, path)  # a directory replaces the link

    assert (outside / "secret").read_text() == "secret"
    assert [item.name for item in outside.iterdir()] == ["secret"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_written_to(files: TreeFiles, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    link = tmp_path / "data" / "tree" / "file"
    link.symlink_to(outside)

    with pytest.raises(OSError, match="Too many levels"):
        files.append("file", b"text", 0)
    put(files, "file")

    assert (outside.read_text(), link.read_text(), link.is_symlink()) == ("secret", "text", False)


def test_a_restricted_tree_has_nothing_else(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "mine").write_text("")
    (tree / "key").write_text("secret")
    files = TreeFiles(tmp_path, "tree", only=("mine",), aside=tmp_path / "aside")

    assert list(files.entries()) == ["mine"]
    with pytest.raises(PathRefusedError):
        files.read("key", 0, 6)
    with pytest.raises(PathRefusedError):
        put(files, "key")


def test_a_directory_that_is_not_empty_is_not_removed(files: TreeFiles) -> None:
    put(files, "below/file")

    files.remove("below")
    assert "below/file" in files.entries()
    files.remove("below/file")
    files.remove("below")

    assert files.entries() == {}
