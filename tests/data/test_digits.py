"""scikit-learn's digits, read without scikit-learn."""

import numpy as np
import pytest

from harness.data import digits


@pytest.mark.slow  # importing scikit-learn is what the product avoids
def test_the_rows_are_those_that_scikit_learn_gives() -> None:
    from sklearn.datasets import load_digits

    theirs = load_digits()

    rows = digits._rows()

    assert np.array_equal(rows[:, :-1], theirs.data)
    assert np.array_equal(rows[:, -1], theirs.target)


def test_the_split_is_always_the_same() -> None:
    first, second = digits.load_digits_split(), digits.load_digits_split()

    assert (len(first.train.labels), len(first.test.labels)) == (1500, 297)
    assert np.array_equal(first.test.images, second.test.images)
    assert np.array_equal(first.train.labels, second.train.labels)
