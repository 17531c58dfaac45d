"""Chooses an available data set, and writes it as the two files that the quickstart uploads."""

from pathlib import Path

from harness.data.ctf import write_ctf
from harness.data.data_set import TEST_FILE, TRAIN_FILE, DataSet
from harness.data.digits import load_digits_split
from harness.data.mnist import holds_mnist, load_mnist
from harness.data.samples import Split


def prepare(target: Path, *, mnist_dir: Path | None, cache: Path | None = None) -> DataSet:
    """Write the best available data set; this never uses the network.

    Args:
        target: the directory for ``Train-28x28_cntk_text.txt`` and ``Test-28x28_cntk_text.txt``, created if missing.
        mnist_dir: the setting of that name: a directory whose MNIST idx files must be valid.
        cache: the directory into which ``harness data mnist`` downloads; used if ``mnist_dir`` is not set and it holds
            MNIST. With neither, the data is scikit-learn's digits.

    Raises:
        SettingsError: the chosen directory's files are missing or damaged.
    """
    if mnist_dir is not None:
        return write_split(target, load_mnist(mnist_dir))
    if cache is not None and holds_mnist(cache):
        return write_split(target, load_mnist(cache))
    return write_split(target, load_digits_split())


def write_split(target: Path, split: Split) -> DataSet:
    """Write the two files of a split into a directory, each atomically."""
    target.mkdir(parents=True, exist_ok=True)
    files = (target / TRAIN_FILE, target / TEST_FILE)
    for path, samples in zip(files, (split.train, split.test), strict=True):
        write_ctf(path, samples.images, samples.labels)
    return DataSet(split.name, len(split.train.labels), len(split.test.labels), files)
