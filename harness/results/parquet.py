"""Trials as a Parquet file, by pyarrow (extra ``parquet``)."""

from collections.abc import Sequence
from typing import BinaryIO

import pyarrow
import pyarrow.parquet

from harness.experiments.outcomes import Outcome
from harness.results.export import Columns, series_of, unify_types


def write_parquet(stream: BinaryIO, columns: Columns, outcomes: Sequence[Outcome]) -> None:
    """Write a row for each trial: its fields, and a list for each series.

    Args:
        stream: gets the file.
        columns: the fields.
        outcomes: the same trials, whose series are written too.
    """
    arrays = {name: pyarrow.array(unify_types(values)) for name, values in columns.items()}
    floats = pyarrow.list_(pyarrow.float64())
    arrays |= {name: pyarrow.array(lists, type=floats) for name, lists in series_of(outcomes).items()}
    pyarrow.parquet.write_table(pyarrow.table(arrays), stream, compression="zstd")
