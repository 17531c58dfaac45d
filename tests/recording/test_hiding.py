"""The tests' search for secrets in files finds a secret in every encoding."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.recording.hiding import BYTES, ENCODINGS, Encode, Search

SECRET = "Tr0ub4dor&3/x+y\"='z"


def zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return stream.getvalue()


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
def test_a_secret_is_found_that_is_written_in(encode: Encode) -> None:
    search = Search([("it", SECRET)])

    assert search.in_data(f"some text and {encode(SECRET)} and more".encode()) == {"it"}
    assert search.in_data(f"some text and {encode('nothing of any interest')} and more".encode()) == set()


@pytest.mark.parametrize("hide", [*BYTES.values(), zipped, lambda data: gzip.compress(zipped(data))])
def test_a_secret_is_found_that_is_packed_in(hide: Callable[[bytes], bytes]) -> None:
    assert Search([("it", SECRET)]).in_data(hide(f"some text and {SECRET} and more".encode())) == {"it"}


def test_a_secret_is_found_in_any_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text(SECRET)
    (tmp_path / "harmless").write_text("nothing")

    assert Search([("it", SECRET)]).in_files(tmp_path) == {"deep/file": {"it"}}


def test_a_secret_is_found_in_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "the-quick-brown-fox").mkdir()
    (tmp_path / "the-quick-brown-fox" / "empty").touch()

    assert Search([("it", "quick-brown-fox")]).in_files(tmp_path) == {"the-quick-brown-fox/empty": {"it"}}


def test_directories_can_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text(SECRET)

    assert Search([("it", SECRET)]).in_files(tmp_path, but=[tmp_path / "kept"]) == {}
