"""The data sets of scenarios, as the two files in CNTK's text format that the quickstart uploads."""

from typing import TYPE_CHECKING

from harness.lazy_attributes import lazy_attributes

if TYPE_CHECKING:
    from harness.data.data_set import TEST_FILE, TRAIN_FILE, DataSet
    from harness.data.digits import load_digits_split
    from harness.data.mnist import holds_mnist, load_mnist
    from harness.data.preparation import prepare, write_split
else:
    __getattr__ = lazy_attributes(
        __name__,
        {
            "DataSet": "data_set",
            "TEST_FILE": "data_set",
            "TRAIN_FILE": "data_set",
            # All of these import NumPy, which takes as long as a whole replay.
            "holds_mnist": "mnist",
            "load_digits_split": "digits",
            "load_mnist": "mnist",
            "prepare": "preparation",
            "write_split": "preparation",
        },
    )

__all__ = [
    "TEST_FILE",
    "TRAIN_FILE",
    "DataSet",
    "holds_mnist",
    "load_digits_split",
    "load_mnist",
    "prepare",
    "write_split",
]
