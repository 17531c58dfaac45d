"""The table of trials at any width, and the exported files."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from harness.results.export import columns_of, csv_text, json_text, unify_types
from harness.results.fields import Fields
from harness.results.table import fitting, plain_lines, shown_fields
from tests.results.conftest import SWEEP, trial

FIELDS = Fields(SWEEP)


def names(columns: list[Any]) -> list[str]:
    return [field.name for field in columns]


def test_what_varies_has_a_column_and_constants_have_none() -> None:
    assert names(shown_fields(FIELDS, SWEEP)) == [
        "rate", "depth", "loss", "error", "state", "exit_code", "running", "queued", "expected",
    ]  # fmt: skip
    assert names(shown_fields(FIELDS, SWEEP[:2])) == ["rate", "loss", "error", "running", "queued"]


def test_one_trial_is_called_by_its_name() -> None:
    assert names(shown_fields(FIELDS, SWEEP[:1]))[0] == "trial"


def test_the_metric_of_the_goal_comes_first() -> None:
    assert names(shown_fields(FIELDS, SWEEP, ["error"]))[2:4] == ["error", "loss"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_table_fits_and_says_what_is_left_out(width: int) -> None:
    columns = shown_fields(FIELDS, SWEEP)
    visible, hidden = fitting(columns, SWEEP, width)
    assert sorted(names([*visible, *hidden])) == sorted(names(columns))
    assert all(len(line) <= width for line in plain_lines(visible, SWEEP))
    assert visible[0] is columns[0]
    assert width < 40 or "state" in names(visible)


def test_lines_are_aligned_and_nothing_is_a_dash() -> None:
    columns = [FIELDS.named(name) for name in ("rate", "loss", "expected")]
    assert plain_lines(columns, SWEEP) == [
        "rate   loss  expected",
        "0.1    0.5   yes",
        "0.01   0.25  yes",
        "0.001  nan   yes",
        "1      -     no",
    ]


def test_control_characters_are_shown_and_wide_ones_keep_the_columns() -> None:
    outcomes = [trial({"name": "\x1b[31m"}, {"loss": 1.0}), trial({"name": "日本"}, {"loss": 2.0})]
    fields = Fields(outcomes)
    assert plain_lines([fields.named("name"), fields.named("loss")], outcomes)[1:] == ["\\x1b[31m  1", "日本      2"]


def test_csv_holds_every_field_of_every_trial() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(columns_of(FIELDS, SWEEP)))))
    assert [row["loss"] for row in rows] == ["0.5", "0.25", "nan", ""]
    assert [row["expected"] for row in rows] == ["true", "true", "true", "false"]
    assert rows[0].keys() >= {"scenario", "trial", "epochs", "exit_code", "queued", "running", "started"}


def test_json_holds_outcomes_as_the_run_has_them() -> None:
    lines = [json.loads(line) for line in json_text(SWEEP).splitlines()]
    assert [line["metrics"].get("loss") for line in lines] == [0.5, 0.25, "nan", None]


def test_parquet_holds_typed_columns_and_series(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra parquet)")
    from harness.results.parquet import write_parquet

    outcomes = [
        trial({"rate": 1, "tag": "a"}, {"loss": 0.5}, series={"loss": [1.0, 0.5]}),
        trial({"rate": 0.5, "tag": 3}, {}),
    ]
    with (tmp_path / "t.parquet").open("wb") as stream:
        write_parquet(stream, columns_of(Fields(outcomes), outcomes), outcomes)
    table = parquet.read_table(tmp_path / "t.parquet").to_pydict()
    assert (table["rate"], table["tag"], table["loss"]) == ([1.0, 0.5], ["a", "3"], [0.5, None])
    assert table["series.loss"] == [[1.0, 0.5], None]


@pytest.mark.parametrize(
    ("values", "column"),
    [
        ([1, None], [1, None]),
        ([1, 0.5], [1.0, 0.5]),
        ([True, None], [True, None]),
        ([True, 1], ["true", "1"]),
        (["a", 1], ["a", "1"]),
        ([1 << 70, 1], [float(1 << 70), 1.0]),
        ([10**400], [float("inf")]),
    ],
)
def test_a_column_has_one_type(values: list[Any], column: list[Any]) -> None:
    assert unify_types(values) == column
