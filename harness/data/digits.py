"""scikit-learn's handwritten digits, scaled to MNIST's size: real data that needs no network.

They are 1,797 images of 8 x 8 pixels with 17 shades (UCI, "Optical Recognition of Handwritten Digits"), not MNIST.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.samples import Samples, Split

TRAIN = 1500
_SEED = 1797
_SHADES = 16


def load_digits_split() -> Split:
    """The digits, always split into the same 1,500 samples for training and 297 for tests."""
    rows = _rows()
    images, labels = _scaled(rows[:, :-1].reshape(-1, 8, 8)), rows[:, -1]
    order = np.random.default_rng(_SEED).permutation(len(labels))
    train, test = order[:TRAIN], order[TRAIN:]
    return Split("digits", Samples(images[train], labels[train]), Samples(images[test], labels[test]))


def _rows() -> Any:
    """A row of 64 pixels and a label for each image, from scikit-learn's file: importing the package takes a second."""
    package = find_spec("sklearn")
    file = Path(package.origin).with_name("datasets") / "data" / "digits.csv.gz" if package and package.origin else None
    if file is not None and file.is_file():
        return np.loadtxt(file, delimiter=",", dtype=np.int64)
    from sklearn.datasets import load_digits  # noqa: PLC0415  # for versions with another file

    digits = load_digits()
    return np.column_stack([digits.data, digits.target]).astype(np.int64)


def _scaled(images: Any) -> Any:
    """Interpolate bilinearly from 8 x 8 to 28 x 28 and from 0..16 to 0..255; integers make the bytes reproducible."""
    weights = np.zeros((28, 8), dtype=np.int64)
    for row in range(28):
        position = min(max(4 * row - 5, 0), 7 * 14)  # the row's centre, in fourteenths of an original pixel
        low, part = divmod(position, 14)
        weights[row, low] += 14 - part
        if part:
            weights[row, low + 1] += part
    sums = weights @ images @ weights.T
    denominator = 14 * 14 * _SHADES
    return (sums * 255 + denominator // 2) // denominator
