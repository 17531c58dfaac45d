import pytest

from harness.experiments.metrics import read_metrics
from harness.scenario.model import MetricSpec

LOG = "loss = 1.36\nloss = 0.40\nerrs = 2.2%\n"


def test_the_last_match_wins_and_a_step_metric_keeps_its_series() -> None:
    specs = {"loss": MetricSpec(pattern=r"loss = ([0-9.]+)", step=True)}
    assert read_metrics(specs, {"stderr.txt": LOG}) == ({"loss": 0.40}, {"loss": [1.36, 0.40]})


def test_a_percentage_is_scaled_to_a_fraction() -> None:
    specs = {"test_error": MetricSpec(pattern=r"errs = ([0-9.]+)%", scale=0.01)}
    assert read_metrics(specs, {"stderr.txt": LOG})[0]["test_error"] == pytest.approx(0.022)


def test_a_metric_that_does_not_occur_is_absent() -> None:
    assert read_metrics({"x": MetricSpec(pattern="x=(.)")}, {"stderr.txt": LOG}) == ({}, {})


def test_what_is_no_number_is_passed_over() -> None:
    specs = {"x": MetricSpec(pattern=r"x=(\S*)", step=True)}
    assert read_metrics(specs, {"stderr.txt": "x=1\nx=1.2.3\nx=nan\nx=\n"}) == ({"x": 1.0}, {"x": [1.0]})
