"""Directories are deleted whatever a job has done in them, and nothing else is deleted."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.tree_removal import remove_tree
from tests.nested_directories import nested

REMOVE = """
import sys
from pathlib import Path
from harness.tree_removal import remove_tree
remove_tree(Path(sys.argv[1]))
"""


def test_directories_nested_without_end_are_deleted(tmp_path: Path) -> None:
    with nested(tmp_path / "deep", depth=3000) as deep:
        remove_tree(deep)
        assert not deep.exists()


def test_directories_without_permissions_are_deleted(tmp_path: Path) -> None:
    below = tmp_path / "tree" / "closed" / "below"
    below.mkdir(parents=True)
    (below / "file").touch()
    for directory in (below, below.parent, below.parent.parent):
        directory.chmod(0)
    remove_tree(tmp_path / "tree")
    assert list(tmp_path.iterdir()) == []


def test_links_are_deleted_and_what_they_lead_to_stays(tmp_path: Path) -> None:
    untouched, tree = tmp_path / "kept", tmp_path / "tree"
    untouched.mkdir()
    (untouched / "file").touch()
    (tree / "below").mkdir(parents=True)
    for link in (tree / "link", tree / "below" / "link"):
        link.symlink_to(untouched)
    remove_tree(tree)
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "file"]


def test_a_link_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    with pytest.raises(NotADirectoryError):
        remove_tree(tmp_path / "link")
    assert (tmp_path / "kept").exists()


def test_what_is_mounted_in_a_directory_stays_and_the_rest_is_deleted(tmp_path: Path) -> None:
    untouched, tree = tmp_path / "kept", tmp_path / "tree"
    untouched.mkdir()
    (untouched / "file").touch()
    for mount_point in (tree / "place", tree / "below" / "place"):
        mount_point.mkdir(parents=True)
    (tree / "below" / "file").touch()
    if shutil.which("unshare") is None:
        pytest.skip("this machine has no unshare")
    mounts = 'mount --bind "$1/kept" "$1/tree/place" && mount --bind "$1/kept" "$1/tree/below/place" || exit 77'
    words = ["unshare", "--mount", "sh", "-c", f'{mounts}; exec "$2" -c "$3" "$1/tree"', "sh"]
    process = subprocess.run(
        [*words, str(tmp_path), sys.executable, REMOVE], capture_output=True, text=True, check=False
    )
    if "unshare:" in process.stderr or process.returncode == 77:
        pytest.skip("this user cannot mount anything on this machine")
    assert "Device or resource busy" in process.stderr
    assert (untouched / "file").exists()
    assert [path.name for path in tree.rglob("*") if path.name == "file"] == []


def test_a_removal_that_is_stopped_leaves_the_rest(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for number in range(10):
        (tree / str(number)).touch()
    answers = iter([False] * 4)
    remove_tree(tree, is_stopped=lambda: next(answers, True))
    assert len(list(tree.iterdir())) == 6
    remove_tree(tree)
    assert not tree.exists()
