"""Numbers in JSON lines and CSV."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.metric_points import CsvColumn, csv_points, json_point, json_points, number_in


@pytest.mark.parametrize(
    ("line", "key", "point"),
    [
        ('{"loss": 0.5, "step": 3}', "loss", (0.5, 3)),
        ('{"loss": 1e-3}', "loss", (0.001, None)),
        ('{"loss": "2.5", "step": "7"}', "loss", (2.5, 7)),
        ('{"loss": -Infinity, "step": 1.5}', "loss", (-math.inf, None)),
        ('{"val": {"loss": 2}, "step": 1}', "val.loss", (2.0, 1)),
        ('{"val.loss": 3, "val": {"loss": 2}}', "val.loss", (3.0, None)),
        ('{"loss": 1' + "0" * 400 + "}", "loss", (math.inf, None)),
        ('{"loss": true}', "loss", None),
        ('{"loss": null}', "loss", None),
        ('{"loss": [1]}', "loss", None),
        ('["loss", 1]', "loss", None),
        ('{"loss": 1', "loss", None),
        ("[" * 5000, "loss", None),
        ('{"val": 1}', "val.loss", None),
    ],
)
def test_a_line_of_json_has_a_number_or_none(line: str, key: str, point: tuple[float, int | None] | None) -> None:
    assert json_point(line, key, "step") == point


def test_nan_is_a_number() -> None:
    assert math.isnan(next(json_points(['{"loss": NaN}'], "loss", "step")).value)


def test_lines_of_others_are_passed_over() -> None:
    lines = ["starting", '{"acc": 1}', '{"loss": 1, "epoch": 1}', "", '{"loss": 2, "epoch": 2}']
    assert list(json_points(lines, "loss", "epoch")) == [(1.0, 1), (2.0, 2)]


@given(st.text(min_size=1).filter(lambda key: "." not in key), st.floats(allow_nan=False))
def test_any_key_is_found(key: str, value: float) -> None:
    assert [point.value for point in json_points([json.dumps({key: value})], key, "no step")] == [value]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_column_is_found_by_its_name(delimiter: str) -> None:
    lines = [
        line.replace(",", delimiter) for line in ("\ufeffepoch, loss,acc", "0,2.5,0.1", "", "1,nan,0.2", "2,,0.3", "x")
    ]
    points = list(csv_points(lines, CsvColumn("loss", "epoch")))
    assert [str(point.value) for point in points] == ["2.5", "nan"]
    assert [point.step for point in points] == [0, 1]
    assert [point.value for point in csv_points(lines, CsvColumn("acc", "step"))] == [0.1, 0.2, 0.3]


def test_quotes_are_those_of_csv() -> None:
    assert list(csv_points(['"a, b",loss', '"x, y",3'], CsvColumn("loss", "step"))) == [(3.0, None)]


@given(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.lists(st.integers())))
def test_any_value_is_a_number_or_none(value: object) -> None:
    assert number_in(value) is None or isinstance(number_in(value), float)
