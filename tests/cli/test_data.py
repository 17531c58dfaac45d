"""``harness data mnist``."""

import gzip
import hashlib
from pathlib import Path

import pytest

from harness.cli import main
from harness.data import prepare
from harness.data.download import RemoteFile
from harness.data.mnist import FILES

SAMPLES = {"train": 20, "t10k": 10}


def idx(name: str) -> bytes:
    """Return a small valid idx file: images of one shade, and labels that count."""
    count = SAMPLES[name.partition("-")[0]]
    if "labels" in name:
        return gzip.compress(bytes((0, 0, 8, 1)) + count.to_bytes(4, "big") + bytes(n % 10 for n in range(count)))
    head = bytes((0, 0, 8, 3)) + b"".join(size.to_bytes(4, "big") for size in (count, 28, 28))
    return gzip.compress(head + bytes(range(count)) * 784)


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache with four valid idx files, so that no network is needed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = tmp_path / "cache" / "batchai-harness" / "mnist"
    cache.mkdir(parents=True)
    small = []
    for file in FILES:
        content = idx(file.name)
        (cache / file.name).write_bytes(content)
        small.append(RemoteFile(file.name, hashlib.md5(content).hexdigest()))
    monkeypatch.setattr("harness.cli.data.FILES", small)
    return cache


def test_it_writes_the_two_text_files_and_keeps_the_idx_files(
    fetched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "mnist", str(tmp_path / "out")]) == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"Train-28x28_cntk_text.txt", "Test-28x28_cntk_text.txt", *(file.name for file in FILES)}
    lines = (tmp_path / "out" / "Train-28x28_cntk_text.txt").read_text().splitlines()
    assert len(lines) == SAMPLES["train"]
    assert f"HARNESS_MNIST_DIR={tmp_path / 'out'}" in capsys.readouterr().out


def test_later_runs_find_it_in_the_cache(fetched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "mnist"]) == 0
    assert f"MNIST is in {fetched}" in capsys.readouterr().out
    assert prepare(tmp_path / "prepared", mnist_dir=None, cache=fetched).name == "mnist"


def test_what_it_wrote_serves_as_mnist_dir(fetched: Path, tmp_path: Path) -> None:
    assert main(["data", "mnist", str(tmp_path / "out")]) == 0
    assert prepare(tmp_path / "prepared", mnist_dir=tmp_path / "out").train == SAMPLES["train"]


def test_a_second_call_changes_nothing(fetched: Path, tmp_path: Path) -> None:
    assert main(["data", "mnist", str(tmp_path / "out")]) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert main(["data", "mnist", str(tmp_path / "out")]) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_without_a_network_it_ends_with_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["data", "mnist", "--cache", str(tmp_path / "cache"), "--mirror", "http://127.0.0.1:1/mnist"]
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert "127.0.0.1:1: the connection failed" in err
    assert "handwritten digits" in err


def test_it_is_not_run_without_saying_which_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data"]) == 2
    assert "mnist" in capsys.readouterr().err
