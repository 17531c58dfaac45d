import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.ray.trees import DIRECTORY, Entry, PathRefusedError, differing, digests_of, gone, names_of

HOSTILE = ["", "/", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/./b", ".", "a/", "a\0b", "x/" * 3000 + "x"]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_path_that_leads_out_of_its_tree_is_refused(path: str) -> None:
    with pytest.raises(PathRefusedError):
        names_of(path)


@given(st.text(max_size=40))
def test_a_path_names_something_below_or_is_refused(path: str) -> None:
    try:
        names = names_of(path)
    except PathRefusedError:
        return
    assert os.path.normpath("/".join(["/tree", *names])) == f"/tree/{path}"
    assert os.path.commonpath(["/tree", f"/tree/{path}"]) == "/tree"


def file(number: int) -> Entry:
    return Entry(False, 1, 0o600, number, (number, 1, number, number))


def test_what_differs_comes_with_directories_first_and_what_is_gone_with_them_last() -> None:
    here = {"a/b": file(1), "a": Entry(True, 0, 0o700, 0, DIRECTORY), "same": file(2), "other": file(3)}
    known = {"same": (2, 1, 2, 2), "other": (9, 1, 9, 9), "old": DIRECTORY, "old/file": (4, 1, 4, 4)}

    assert differing(here, known) == ["a", "a/b", "other"]
    assert gone(here, known) == ["old/file", "old"]


def test_digests_tell_the_beginning_from_the_rest(tmp_path: Path) -> None:
    def digests(content: bytes, start: int = 0) -> tuple[str, str, str]:
        path = tmp_path / "file"
        path.write_bytes(content)
        with path.open("rb") as stream:
            found = digests_of(stream.fileno(), len(content), start)
        return found.whole, found.before, found.after

    whole, before, after = digests(b"beginning, end", 9)

    assert before == digests(b"beginning")[0]
    assert after == digests(b", end")[0]
    assert whole == digests(b"beginning, end")[0]
