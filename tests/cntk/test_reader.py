"""CNTK's text format, read by our CNTK."""

import importlib.util
from collections.abc import Set
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = st.lists(st.lists(st.integers(0, 10**9), min_size=3, max_size=3), min_size=1, max_size=20)


@pytest.fixture(scope="module")
def read_ctf() -> Any:
    """Import the module without its package, which imports PyTorch."""
    path = Path(__file__).parents[2] / "harness/toolkits/jobpath/cntk/ctf.py"
    spec = importlib.util.spec_from_file_location("ctf", path)
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.read_ctf


@pytest.fixture
def read(read_ctf: Any, tmp_path: Path) -> Any:
    def parse(text: str, sparse: Set[str] = frozenset(), **widths: int) -> Any:
        path = tmp_path / "data.txt"
        path.write_bytes(text.encode())
        return read_ctf(path, widths, sparse)

    return parse


@settings(max_examples=60)
@given(ROWS, st.sampled_from([" ", "  "]), st.booleans())
def test_dense_rows_are_read_as_written(read: Any, rows: list[list[int]], gap: str, ended: bool) -> None:
    lines = [f"|y {row[0]}{gap}|x {gap.join(map(str, row[1:]))}" for row in rows]

    arrays = read("\n".join(lines) + "\n" * ended, x=2, y=1)

    assert np.array_equal(np.hstack([arrays["y"], arrays["x"]]), np.array(rows, np.float32))


@pytest.mark.parametrize(
    "line",
    ["|y 1 |x -2.5 3e2", "|x -2.5 3e2 |y 1", "7 |y 1 |x -2.5 300.", "|y 1 |# why |other 9 |x -2.5 300\r",
     "|y\t1|x -2.5\t300"],
    ids=["in order", "other order", "with an id", "with a comment", "with tabs"],
)  # fmt: skip
def test_every_way_of_writing_a_line_is_read(read: Any, line: str) -> None:
    arrays = read(f"|y 1 |x 0 0\n{line}\n", x=2, y=1)

    assert arrays["x"].tolist() == [[0, 0], [-2.5, 300]]
    assert arrays["y"].tolist() == [[1], [1]]


@pytest.mark.parametrize(
    ("field", "values"),
    [("|l 1:2 0:-1", [-1, 2, 0]), ("|l 1:1 1:2", [0, 3, 0]), ("|l", [0, 0, 0]), ("|l 002:1.5e1", [0, 0, 15])],
    ids=["any order", "an index twice", "empty", "zeros before an index"],
)
def test_a_sparse_field_adds_up_what_it_names(read: Any, field: str, values: list[float]) -> None:
    assert read(f"{field} |x 1\n", {"l"}, x=1, l=3)["l"].tolist() == [values]


@pytest.mark.parametrize(("field", "values"), [("|x 1", [1, 0]), ("|x", [0, 0])])
def test_a_dense_field_that_is_short_ends_in_zeros(read: Any, field: str, values: list[float]) -> None:
    assert read(f"|y 1 |x 2 3\n|y 1 {field}\n", x=2, y=1)["x"].tolist() == [[2, 3], values]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("|y 1 |x 1 2 3", "data.txt:2: field 'x' has 3 values, more than 2"),
        ("|y 1", "data.txt:2: there is no field 'x'"),
        ("|y 1 |x 1 two", "data.txt:2: 'two' is no number"),
        ("|y 1 |x 1 .5", "data.txt:2: '.5' is no number"),
        ("|y 1 |x 1 1.e2", "data.txt:2: '1.e2' is no number"),
        ("|y 1 |x 1 1_0", "data.txt:2: '1_0' is no number"),
        ("|y 1 |x nan 1", "data.txt:2: 'nan' is no number"),
        ("|y 1 |x inf 1", "data.txt:2: 'inf' is no number"),
        ("|y 1 |x 1\r2", "data.txt:2: '1\\r2' is no number"),
        ("|y 1 |x 1\f2", "data.txt:2: '1\\x0c2' is no number"),
        ("|y 1 |x 0:1", "data.txt:2: '0:1' is no number"),
        ("|y 1 |x 1 2 |x 1 2", "data.txt:2: field 'x' occurs twice"),
        ("| y 1 |x 1 2", "data.txt:2: a field's name has to follow its '|' at once"),
        ("||y 1 |x 1 2", "data.txt:2: a field's name has to follow its '|' at once"),
        ("|y 1 |x 1 2 |", "data.txt:2: a field's name has to follow its '|' at once"),
        ("", "data.txt:2: there is no field in this line"),
        ("12a |y 1 |x 1 2", "data.txt:2: '12a' before the first field is no sequence id"),
        (f"{1 << 64} |y 1 |x 1 2", "before the first field is no sequence id"),
    ],
)
def test_what_cntk_refuses_is_refused_with_its_line(read: Any, line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"data\.txt") as caught:
        read(f"|y 1 |x 0 0\n{line}\n|y 1 |x 0 0\n", x=2, y=1)

    assert reason in str(caught.value)


@pytest.mark.parametrize(("field", "reason"), [("|l 3:1", "has no index '3'"), ("|l -1:1", "has no index '-1'"),
                                               ("|l 1 0 0", "not of the form index:value"),
                                               ("|l 1:", "'' is no number")])  # fmt: skip
def test_a_wrong_sparse_field_is_refused(read: Any, field: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"data\.txt:1") as caught:
        read(f"{field}\n", {"l"}, l=3)

    assert reason in str(caught.value)


def test_an_empty_file_is_refused(read: Any) -> None:
    with pytest.raises(ValueError, match="holds no sample"):
        read("", x=1)


def test_a_byte_order_mark_is_passed_over(read: Any) -> None:
    assert read("\ufeff|x 1 2\n|x 3 4\n", x=2)["x"].tolist() == [[1, 2], [3, 4]]


def test_a_sequence_of_two_samples_is_refused(read: Any) -> None:
    with pytest.raises(ValueError, match=r"txt:2: .* sequences of one sample"):
        read("0 |x 1\n0 |x 2\n", x=1)


def test_lines_longer_and_files_larger_than_a_block_are_read(read: Any) -> None:
    row = "|x " + " ".join(["7"] * 700_000)

    arrays = read(f"{row}\n{row}\n", x=700_000)

    assert arrays["x"].shape == (2, 700_000)
    assert (arrays["x"] == 7).all()
