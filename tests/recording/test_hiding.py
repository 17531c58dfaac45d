"""The search by which tests show that no file holds a secret finds one that is hidden well."""

import base64
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.recording.hiding import Search

SECRET = "Tr0ub4dor&3/x+y\"='z"
Hide = Callable[[bytes], bytes]


def zipped(data: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return stream.getvalue()


WAYS: dict[str, Hide] = {
    "as it is": lambda data: data,
    "JSON": lambda data: json.dumps({"log": data.decode()}).encode(),
    "a URL": lambda data: quote(data.decode(), safe="").encode(),
    "gzip": gzip.compress,
    "zip": zipped,
    "base64": base64.b64encode,
    "base64 for URLs, without its end": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "base64 in lines": lambda data: base64.encodebytes(b"x" * 100 + data),
    "base64 in a text": lambda data: b"an-ordinary-long-word " + base64.b64encode(data) + b" more",
    "base64 of gzip in zip": lambda data: zipped(base64.b64encode(gzip.compress(data))),
    "UTF-16": lambda data: data.decode().encode("utf-16"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_that_is_hidden_in(way: str, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(WAYS[way](f"some text and {SECRET} and more".encode()))
    (tmp_path / "harmless").write_bytes(WAYS[way](b"some text and nothing and more"))

    assert Search([("it", SECRET)]).in_files(tmp_path) == {"deep/file": {"it"}}


def test_a_secret_is_found_in_the_name_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "the-quick-brown-fox").mkdir()
    (tmp_path / "the-quick-brown-fox" / "empty").touch()

    assert Search([("it", "quick-brown-fox")]).in_files(tmp_path) == {"the-quick-brown-fox/empty": {"it"}}


def test_directories_can_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text(SECRET)

    assert Search([("it", SECRET)]).in_files(tmp_path, but=[tmp_path / "kept"]) == {}
