"""CNTK's text format, read by our CNTK."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def read_ctf() -> Any:
    """Without the package around it, which imports PyTorch."""
    path = Path(__file__).parents[2] / "harness/toolkits/jobpath/cntk/ctf.py"
    spec = importlib.util.spec_from_file_location("ctf", path)
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_ctf


@pytest.fixture
def read(read_ctf: Any, tmp_path: Path) -> Any:
    def parse(text: str, **widths: int) -> Any:
        path = tmp_path / "data.txt"
        path.write_bytes(text.encode())
        return read_ctf(path, widths)

    return parse


@settings(max_examples=60)
@given(ROWS, st.sampled_from([" ", "  "]), st.booleans())
def test_dense_rows_are_read_as_written(read: Any, rows: list[list[int]], gap: str, ended: bool) -> None:
    lines = [f"|y {row[0]}{gap}|x {gap.join(map(str, row[1:]))}" for row in rows]

    found = read("\n".join(lines) + "\n" * ended, x=2, y=1)

    assert np.array_equal(np.hstack([found["y"], found["x"]]), np.array(rows, np.float32))


@pytest.mark.parametrize(
    "line",
    ["|y 1 |x -2.5 3e2", "|x -2.5 3e2 |y 1", "7 |y 1 |x 0:-2.5 1:300", "|y 1 |# why |other 9 |x -2.5 300\r"],
    ids=["in order", "other order", "sparse with an id", "with a comment"],
)
def test_every_way_of_writing_a_line_is_read(read: Any, line: str) -> None:
    found = read(f"|y 1 |x 0 0\n{line}\n", x=2, y=1)

    assert found["x"].tolist() == [[0, 0], [-2.5, 300]]
    assert found["y"].tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("|y 1 |x 1", "data.txt:2: field 'x' has 1 values, not 2"),
        ("|y 1", "data.txt:2: there is no field 'x'"),
        ("|y 1 |x 1 two", "data.txt:2: could not convert"),
        ("|y 1 |x 2:1", "data.txt:2: field 'x' has no index '2'"),
        ("|y 1 1 |x 1", "data.txt:2: field 'y' has 2 values, not 1"),
    ],
)
def test_a_wrong_line_is_named(read: Any, line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"data\.txt") as caught:
        read(f"|y 1 |x 0 0\n{line}\n", x=2, y=1)

    assert reason in str(caught.value)


def test_an_empty_file_is_refused(read: Any) -> None:
    with pytest.raises(ValueError, match="holds no sample"):
        read("\n\n", x=1)


def test_a_sequence_of_two_samples_is_refused(read: Any) -> None:
    with pytest.raises(ValueError, match=r"txt:2: .* sequences of one sample"):
        read("0 |x 1\n0 |x 2\n", x=1)


def test_lines_longer_and_files_larger_than_a_block_are_read(read: Any) -> None:
    row = "|x " + " ".join(["7"] * 700_000)

    found = read(f"{row}\n{row}\n", x=700_000)

    assert found["x"].shape == (2, 700_000)
    assert (found["x"] == 7).all()
