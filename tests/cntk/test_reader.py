"""CNTK's text format, read by our CNTK."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

ROWS = st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=20)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "harness/toolkits/jobpath"))
    read_ctf = importlib.import_module("cntk.ctf").read_ctf

    def parse(text: str, **widths: int) -> Any:
        path = tmp_path / "data.txt"
        path.write_bytes(text.encode())
        return read_ctf(path, widths)

    yield parse
    for name in [each for each in sys.modules if each == "cntk" or each.startswith("cntk.")]:
        del sys.modules[name]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
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
