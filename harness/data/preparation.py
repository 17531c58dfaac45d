"""Choosing the data that is available, and writing it as the two files that the quickstart uploads."""

from pathlib import Path

from harness.data.ctf import write_ctf
from harness.data.data_set import TEST_FILE, TRAIN_FILE, DataSet
from harness.data.digits import load_digits_split
from harness.data.mnist import holds_mnist, load_mnist
from harness.data.samples import Split


def prepare(target: Path, *, mnist_dir: Path | None, cache: Path | None = None) -> DataSet:
    """Write the best data that is available; never touches the network.

    Args:
        target: directory that gets ``Train-28x28_cntk_text.txt`` and ``Test-28x28_cntk_text.txt``; made if absent.
        mnist_dir: the setting of that name: a directory with MNIST's idx files, which then have to be good.
        cache: where ``harness data mnist`` keeps what it fetched; used when ``mnist_dir`` is not set and it
            holds MNIST. With neither, the data is scikit-learn's digits.

    Raises:
        SettingsError: the chosen directory's files are missing or damaged.
    """
    if mnist_dir is not None:
        return write_split(target, load_mnist(mnist_dir))
    if cache is not None and holds_mnist(cache):
        return write_split(target, load_mnist(cache))
    return write_split(target, load_digits_split())


def write_split(target: Path, split: Split) -> DataSet:
    """Write a split's two files into a directory, each whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    files = (target / TRAIN_FILE, target / TEST_FILE)
    for path, samples in zip(files, (split.train, split.test), strict=True):
        write_ctf(path, samples.images, samples.labels)
    return DataSet(split.name, len(split.train.labels), len(split.test.labels), files)
