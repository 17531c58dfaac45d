"""MNIST from its idx files: from all four, or from the 10,000 test images alone, which are split 9 : 1."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import requests

from harness.data.download import Progress, RemoteFile, download
from harness.data.samples import Samples, Split
from harness.errors import DownloadError, SettingsError

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

_IMAGE_BYTES = 28 * 28
_MOST_SAMPLES = 60_000  # in an idx file of MNIST; a longer stream is not decompressed
_SPLIT_SEED = 0
_MD5 = {
    TRAIN_IMAGES: "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    TRAIN_LABELS: "d53e105ee54ea40749a09fcbcd1e9432",
    TEST_IMAGES: "9fb629c4189551a2d022fa330f9573f3",
    TEST_LABELS: "ec29112dd5afa0611ce80d1b7f02629c",
}
FILES = tuple(RemoteFile(f"{name}.gz", md5) for name, md5 in _MD5.items())
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
    "http://yann.lecun.com/exdb/mnist/",
)
_REMEDY = "`harness data mnist DIR` fetches the files again"


def fetch_mnist(
    directory: Path, *, files: Sequence[RemoteFile], mirrors: Sequence[str], progress: Progress
) -> tuple[Path, ...]:
    """Download MNIST's missing idx files, through the environment's proxies.

    Args:
        directory: the target directory, which is created if it is missing.
        files: the files; ``FILES`` are all.
        mirrors: the mirrors in the order in which they are tried; ``MIRRORS`` are the public ones.
        progress: see ``download``.

    Raises:
        DownloadError: a file could not be downloaded; the message has the reason of each mirror, and an alternative.
        SettingsError: the directory cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with requests.Session() as session:
            return tuple(
                download(file, directory, mirrors=mirrors, session=session, progress=progress) for file in files
            )
    except DownloadError as error:
        raise DownloadError(
            f"{error}\nWithout MNIST, scenarios train on scikit-learn's handwritten digits, which need no network. "
            "Idx files that you have from elsewhere are used with HARNESS_MNIST_DIR=their directory."
        ) from None
    except OSError as error:
        raise SettingsError(f"{directory} cannot be written: {error.strerror}; choose another with --cache") from error


def holds_mnist(directory: Path) -> bool:
    """Whether a directory has at least the two test files, compressed or not."""
    return all(_find(directory, name) is not None for name in (TEST_IMAGES, TEST_LABELS))


def load_mnist(directory: Path) -> Split:
    """The split of a directory's idx files.

    All four files give MNIST's own split (60,000 and 10,000). The ``t10k`` files alone give 90 % of their samples for
    training and 10 % for tests, always the same ones.

    Raises:
        SettingsError: a file is missing, unreadable, damaged or no idx file.
    """
    if not directory.is_dir():
        raise SettingsError(f"mnist_dir {directory} is not a directory; give one that holds the MNIST idx files")
    test = _pair(directory, TEST_IMAGES, TEST_LABELS)
    train_files = [name for name in (TRAIN_IMAGES, TRAIN_LABELS) if _find(directory, name) is not None]
    if train_files:
        return Split("mnist", _pair(directory, TRAIN_IMAGES, TRAIN_LABELS), test)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(test.labels))
    cut = len(order) * 9 // 10
    train_indices, test_indices = order[:cut], order[cut:]
    if not len(train_indices) or not len(test_indices):
        raise SettingsError(f"{directory} holds {len(order)} samples, too few to train and test; {_REMEDY}")
    return Split(
        "mnist-t10k",
        Samples(test.images[train_indices], test.labels[train_indices]),
        Samples(test.images[test_indices], test.labels[test_indices]),
    )


def _pair(directory: Path, images_name: str, labels_name: str) -> Samples:
    images, labels = _read(directory, images_name, dimensions=3), _read(directory, labels_name, dimensions=1)
    if images.shape[1:] != (28, 28):
        raise SettingsError(f"{directory / images_name}: images of {images.shape[1:]}, not 28 x 28; {_REMEDY}")
    if len(images) != len(labels):
        raise SettingsError(
            f"{directory}: {images_name} holds {len(images)} images but {labels_name} {len(labels)} labels; {_REMEDY}"
        )
    if len(labels) and labels.max() > 9:
        raise SettingsError(f"{directory / labels_name}: a label is {labels.max()}, not 0..9; {_REMEDY}")
    return Samples(images, labels)


def _find(directory: Path, name: str) -> Path | None:
    candidates = (directory / name, directory / f"{name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _read(directory: Path, name: str, *, dimensions: int) -> Any:
    """The array of an idx file: two zeros, 8 (unsigned bytes), the number of dimensions, their sizes, the bytes."""
    path = _find(directory, name)
    if path is None:
        raise SettingsError(f"{directory} has no {name} or {name}.gz; {_REMEDY}")
    limit = 16 + _MOST_SAMPLES * _IMAGE_BYTES
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SettingsError(f"{path} cannot be read: {error}; {_REMEDY}") from error
    header = 4 + 4 * dimensions
    if len(content) < header or content[:4] != bytes((0, 0, 8, dimensions)):
        raise SettingsError(f"{path} is not an idx file of {dimensions} dimension(s); {_REMEDY}")
    shape = [int(size) for size in np.frombuffer(content, ">u4", dimensions, 4)]
    expected = 1
    for size in shape:
        expected *= size
    if len(content) - header != expected:
        raise SettingsError(f"{path} holds {len(content) - header} bytes of data but declares {expected}; {_REMEDY}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
