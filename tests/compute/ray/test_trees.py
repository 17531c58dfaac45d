import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.ray.trees import (
    DIRECTORY,
    Entry,
    PathRefusedError,
    changed_paths,
    deleted_paths,
    digests_of,
    split_path,
)

HOSTILE = ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/./b", ".", "a/", "a\0b", "x/" * 3000 + "x"]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leads_out_of_its_tree_is_refused(path: str) -> None:
    with pytest.raises(PathRefusedError):
        split_path(path)


@given(st.text(max_size=40))
def test_a_path_names_something_below_or_is_refused(path: str) -> None:
    try:
        names = split_path(path)
    except PathRefusedError:
        return
    assert os.path.normpath("/".join(["/tree", *names])) == f"/tree/{path}"
    assert os.path.commonpath(["/tree", f"/tree/{path}"]) == "/tree"


def file(number: int) -> Entry:
    return Entry(False, 1, 0o600, number, (number, 1, number, number))


def test_changed_paths_have_directories_first_and_deleted_paths_have_them_last() -> None:
    here = {"a/b": file(1), "a": Entry(True, 0, 0o700, 0, DIRECTORY), "same": file(2), "other": file(3)}
    signatures = {"same": (2, 1, 2, 2), "other": (9, 1, 9, 9), "old": DIRECTORY, "old/file": (4, 1, 4, 4)}

    assert changed_paths(here, signatures) == ["a", "a/b", "other"]
    assert deleted_paths(here, signatures) == ["old/file", "old"]


def test_digests_tell_the_beginning_from_the_rest(tmp_path: Path) -> None:
    def digests(content: bytes, start: int = 0) -> tuple[str, str, str]:
        path = tmp_path / "file"
        path.write_bytes(content)
        with path.open("rb") as stream:
            result = digests_of(stream.fileno(), len(content), start)
        return result.whole, result.before, result.after

    whole, before, after = digests(b"beginning, end", 9)

    assert before == digests(b"beginning")[0]
    assert after == digests(b", end")[0]
    assert whole == digests(b"beginning, end")[0]
