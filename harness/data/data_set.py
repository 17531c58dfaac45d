"""A data set for scenarios: two files in CNTK's text format."""

from dataclasses import dataclass
from pathlib import Path

from harness.data.samples import Name

TRAIN_FILE = "Train-28x28_cntk_text.txt"
TEST_FILE = "Test-28x28_cntk_text.txt"


@dataclass(frozen=True, slots=True)
class DataSet:
    """The files of a data set: ``name`` says which data they hold; ``train`` and ``test`` are numbers of samples."""

    name: Name
    train: int
    test: int
    files: tuple[Path, ...]
