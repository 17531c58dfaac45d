import hashlib
import os
from contextlib import closing
from pathlib import Path

import pytest

from harness.compute.ray.contents import Contents
from harness.compute.ray.staging_folders import StagingFolders
from harness.compute.ray.trees import Piece


def test_a_folder_without_a_lock_is_removed(tmp_path: Path) -> None:
    folders = StagingFolders(tmp_path / "root")
    unused, held = folders.hold("job", "unused"), folders.hold("job", "held")
    unused.close()

    with closing(held):
        folders.sweep()

        assert not unused.path.exists()
        assert held.path.exists()


def test_all_holders_of_a_folder_see_the_same_marker(tmp_path: Path) -> None:
    folders = StagingFolders(tmp_path / "root")
    with closing(folders.hold("job", "one")) as first, closing(folders.hold("job", "one")) as same:
        with closing(folders.hold("job", "another")) as another:
            assert first.marker == same.marker != another.marker
        first.close()
        folders.sweep()
        assert same.path.exists()


def test_a_folder_is_deleted_by_the_last_holder_that_releases_it(tmp_path: Path) -> None:
    folders = StagingFolders(tmp_path / "root")
    first, same = folders.hold("node", "one"), folders.hold("node", "one")

    folders.release(first)
    assert same.path.exists()
    folders.release(same)
    assert not same.path.exists()


@pytest.mark.parametrize("kind", ["open", "link"])
def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "root"
    if kind == "open":
        root.mkdir()
        root.chmod(0o755)
    else:
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        root.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(PermissionError, match="has to be a directory of this user's alone"):
        StagingFolders(root).hold("job", "one")


def piece(content: bytes) -> Piece:
    return Piece(hashlib.sha256(content).hexdigest(), len(content), 0, content)


def test_a_content_is_kept_by_its_digest(tmp_path: Path) -> None:
    contents, whole = Contents(tmp_path / "contents"), piece(b"first, second")
    contents.put([Piece(whole.digest, whole.size, 0, b"first, ")])
    assert not contents.has(whole.digest)
    contents.put([Piece(whole.digest, whole.size, 7, b"second"), piece(b"")])

    written: list[bytes] = []
    assert contents.copy(whole.digest, written.append)
    assert b"".join(written) == b"first, second"
    assert contents.has(piece(b"").digest)


def test_a_content_that_is_not_what_its_digest_says_is_thrown_away(tmp_path: Path) -> None:
    contents, good = Contents(tmp_path / "contents"), piece(b"good")
    contents.put([Piece(good.digest, 4, 0, b"evil")])
    assert not contents.has(good.digest)

    contents.put([good])
    (tmp_path / "contents" / good.digest).write_bytes(b"evil")  # a job of the same user can do that
    assert not contents.copy(good.digest, lambda _: None)
    assert not contents.has(good.digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "a" * 63 + "/"])
def test_a_digest_names_no_other_file(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="no digest"):
        Contents(tmp_path).has(digest)


def test_the_least_recently_used_content_is_deleted_first(tmp_path: Path) -> None:
    contents, [old, used, new] = Contents(tmp_path, max_bytes=8), [piece(text) for text in (b"old!", b"used", b"new!")]
    contents.put([old, used, new])
    for age, content in enumerate([new, old, used]):
        os.utime(tmp_path / content.digest, ns=(10**18 - age, 10**18 - age))
    assert contents.copy(used.digest, lambda _: None)

    contents.trim()

    assert [contents.has(item.digest) for item in (old, used, new)] == [False, True, True]
