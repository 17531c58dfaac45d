"""Fetching MNIST; reading it is tested with the data that scenarios get."""

import hashlib
from pathlib import Path

import pytest

from harness.data.download import RemoteFile
from harness.data.mnist import FILES, MIRRORS, fetch_mnist
from harness.errors import DownloadError, SettingsError
from tests.data.conftest import Mirrors


def silent(_name: str, _done: int, _total: int | None) -> None:
    pass


def test_the_four_files_have_the_published_checksums() -> None:
    assert {file.name: file.md5[:8] for file in FILES} == {
        "train-images-idx3-ubyte.gz": "f68b3c2d",
        "train-labels-idx1-ubyte.gz": "d53e105e",
        "t10k-images-idx3-ubyte.gz": "9fb629c4",
        "t10k-labels-idx1-ubyte.gz": "ec29112d",
    }


def test_unencrypted_mirrors_come_last() -> None:
    schemes = [mirror.partition(":")[0] for mirror in MIRRORS]
    assert schemes == sorted(schemes, reverse=True)


def test_every_file_is_fetched_into_a_directory_that_is_made(mirrors: Mirrors, tmp_path: Path) -> None:
    mirrors.files |= {"a": b"1", "b": b"2"}
    files = [RemoteFile(name, hashlib.md5(content).hexdigest()) for name, content in mirrors.files.items()]
    paths = fetch_mnist(tmp_path / "new" / "dir", progress=silent, mirrors=[mirrors.url("good")], files=files)
    assert [path.read_bytes() for path in paths] == [b"1", b"2"]


def test_without_a_source_the_message_names_what_to_do(mirrors: Mirrors, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"(?s)127\.0\.0\.1.*handwritten digits.*HARNESS_MNIST_DIR"):
        fetch_mnist(tmp_path, files=FILES, mirrors=[mirrors.url("none")], progress=silent)


def test_a_directory_that_cannot_be_made_is_a_settings_error(mirrors: Mirrors, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        fetch_mnist(tmp_path / "file", files=FILES, mirrors=[mirrors.url("none")], progress=silent)
