"""A data set as scenarios get it: two files in CNTK's text format."""

from dataclasses import dataclass
from pathlib import Path

from harness.data.samples import Name

TRAIN_FILE = "Train-28x28_cntk_text.txt"
TEST_FILE = "Test-28x28_cntk_text.txt"


@dataclass(frozen=True, slots=True)
class DataSet:
    """What was written: ``name`` tells which data it really is, ``train`` and ``test`` count samples."""

    name: Name
    train: int
    test: int
    files: tuple[Path, ...]
