"""The document of a report, before it is drawn."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiments.outcomes import Outcome, Unmet
from harness.report.model import ReportOptions, document_of
from harness.report.page import data_text, render_page
from harness.report.series import downsample, encoded_series, points_for
from harness.results.failures import group_failures
from harness.results.goal import Goal, guessed_direction
from harness.results.run_record import read_run
from tests.report.conftest import HOSTILE, embedded, sweep
from tests.results.conftest import SWEEP, MakeRun, trial

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def document(make_run: MakeRun) -> Callable[..., dict[str, Any]]:
    """The document of a run with some outcomes."""

    def build(*outcomes: Outcome, options: ReportOptions | None = None, **plan: Any) -> dict[str, Any]:
        return document_of([read_run(make_run(*outcomes, **plan))], options or ReportOptions(), NOW)

    return build


def test_parameters_that_vary_are_columns_and_constants_are_said_once(document: Callable[..., dict[str, Any]]) -> None:
    page = document(*SWEEP)
    assert (page["parameters"], page["constants"], page["metrics"]) == (
        ["rate", "depth"],
        {"epochs": 3},
        ["loss", "error"],
    )
    assert page["trials"][0]["p"] == [0.1, 2]
    assert [row["m"][0] for row in page["trials"]] == [0.5, 0.25, "nan", None]
    assert [row["met"] for row in page["trials"]] == [True, True, True, False]


def test_what_is_better_is_what_is_asked_then_what_bounds_say_then_a_guess(
    document: Callable[..., dict[str, Any]],
) -> None:
    page = document(*SWEEP, options=ReportOptions((Goal("maximize", "error"),)), better={"loss": "maximize"})
    assert page["goals"] == [
        {"metric": "error", "direction": "maximize"},
        {"metric": "loss", "direction": "maximize"},
    ]


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("loss", "minimize"),
        ("test_error", "minimize"),
        ("val_accuracy", "maximize"),
        ("x", "minimize"),
        ("F1", "maximize"),
    ],
)
def test_a_direction_is_guessed_by_name(metric: str, direction: str) -> None:
    assert guessed_direction(metric) == direction


def test_hours_and_prices_are_of_the_time_in_which_jobs_ran(document: Callable[..., dict[str, Any]]) -> None:
    times = {"started": "2026-01-02T00:00:00+00:00", "ended": "2026-01-02T01:00:00+00:00"}
    outcome = trial({"a": 1}, {}, times=times, durations={"running": 3600.0})
    (run,) = document(outcome, options=ReportOptions(prices={"STANDARD_NC6": 0.9}), nodes=2)["runs"]
    assert (run["seconds"], run["job_hours"], run["cluster_hours"], run["price"]) == (3600.0, 1.0, 2.0, 0.9)


def test_the_days_until_a_run_was_resumed_cost_nothing(document: Callable[..., dict[str, Any]]) -> None:
    days = [
        trial({"a": 1}, {}, times={"started": "2026-01-02T00:00:00+00:00", "ended": "2026-01-02T01:00:00+00:00"}),
        trial({"a": 2}, {}, times={"started": "2026-01-02T00:30:00+00:00", "ended": "2026-01-02T00:50:00+00:00"}),
        trial({"a": 3}, {}, times={"started": "2026-01-02T01:05:00+00:00", "ended": "2026-01-02T02:00:00+00:00"}),
        trial({"a": 4}, {}, times={"started": "2026-01-05T00:00:00+00:00", "ended": "2026-01-05T01:00:00+00:00"}),
    ]
    (run,) = document(*days, nodes=2)["runs"]
    assert (run["seconds"], run["cluster_hours"]) == (3 * 3600.0, 6.0)


def test_clusters_that_are_swept_have_no_price_in_common(document: Callable[..., dict[str, Any]]) -> None:
    options = ReportOptions(prices={"STANDARD_NC6": 0.9})
    (run,) = document(trial({"a": 1}, {}), options=options, vm_size=None, nodes=None, job_nodes=None)["runs"]
    assert (run["vm_size"], run["nodes"], run["price"], run["job_hours"], run["cluster_hours"]) == ("", *[None] * 4)


def test_importance_is_asked_for_the_first_metrics_of_runs_that_are_large_enough(
    document: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    options = ReportOptions(importance_of=lambda goal, parameters, outcomes: {"method": goal.metric, "shares": {}})
    assert document(*SWEEP, options=options)["importance"] == {}  # too few trials
    (tmp_path / "run").rename(tmp_path / "few")
    assert (
        document(*(trial({"a": n}, {"loss": n}) for n in range(9)), options=options)["importance"] == {}
    )  # 1 parameter
    (tmp_path / "run").rename(tmp_path / "small")
    assert document(*sweep(8), options=options)["importance"].keys() == {"loss", "seconds"}


def test_failures_that_are_alike_are_together_with_the_end_of_a_log(make_run: MakeRun) -> None:
    unmet = (Unmet("expect.state", 1, "failed", "succeeded"),)
    ends = {
        "a": "step 3\nRuntimeError: out of memory at 0x7f00, 12 GiB\n",
        "b": "RuntimeError: out of memory at 0x1, 7 GiB\n",
        "c": "\x1b[31mkilled\n",
        "d": "",
    }
    outcomes = [
        replace(
            trial({"n": name}, {}),
            directory=name,
            state="failed",
            exit_code=1,
            unmet=unmet,
            files={"stdouterr": ["stderr.txt"]},
        )
        for name in ends
    ]
    run = make_run(*outcomes, SWEEP[0])
    for name, text in ends.items():
        (run / name).mkdir()
        (run / name / "stderr.txt").write_text(text)
    groups = group_failures(run, read_run(run).outcomes)
    assert [(len(group.outcomes), group.reason, group.log) for group in groups] == [
        (2, "RuntimeError: out of memory at 0x7f00, 12 GiB", "stderr.txt"),
        (1, "\\x1b[31mkilled", "stderr.txt"),
        (1, "expect.state: failed, expected succeeded", ""),
    ]
    assert groups[0].tail == ("step 3", "RuntimeError: out of memory at 0x7f00, 12 GiB")


def test_a_bound_that_is_not_met_groups_by_what_is_unmet(make_run: MakeRun) -> None:
    outcomes = [
        trial({"n": n}, {"loss": n}, unmet=(Unmet("expect.metrics.loss", 1, f"{n}", "at most 0.5"),))
        for n in (1.0, 2.0)
    ]
    (group,) = group_failures(make_run(*outcomes), outcomes)
    assert group.reason == "expect.metrics.loss: 1.0, expected at most 0.5"


@given(st.lists(st.floats(), max_size=300), st.integers(4, 50))
def test_a_downsampled_series_keeps_its_ends_its_extremes_and_where_it_diverged(values: list[float], most: int) -> None:
    indices, points = downsample(values, most)
    assert len(points) <= most + 3 + 2
    assert indices == sorted(set(indices))
    assert list(map(repr, points)) == [repr(values[index]) for index in indices]
    finite = [value for value in values if math.isfinite(value)]
    if values:
        assert {0, len(values) - 1} <= set(indices)
    if finite:
        assert {min(finite), max(finite)} <= set(points)
    if len(finite) < len(values):
        assert next(index for index, value in enumerate(values) if not math.isfinite(value)) in indices


def test_a_series_is_written_with_steps_only_where_they_are_not_one_two_three() -> None:
    assert encoded_series([1.0, math.nan], 10) == {"y": [1.0, None]}
    assert encoded_series([1.0, 2.0], 10, [10, 20]) == {"x": [10, 20], "y": [1.0, 2.0]}
    assert encoded_series(list(map(float, range(100))), 4)["x"][0] == 1


def test_all_series_together_are_bounded() -> None:
    assert points_for(1) == 1000
    assert points_for(1000) == 200
    assert points_for(100_000) == 20


def test_a_page_is_one_file_with_a_policy_and_no_markup_of_others(document: Callable[..., dict[str, Any]]) -> None:
    content = document(trial({"name": HOSTILE}, {}), trial({"name": "b"}, {}), description=HOSTILE)
    page = render_page(content)
    assert embedded(page) == json.loads(json.dumps(content))
    assert page.count("<script") == 2
    assert "default-src &#x27;none&#x27;" in page
    assert "<img" not in page
    assert not any(word in page for word in ("http://", "https://"))


def test_data_ends_no_script() -> None:
    assert "<" not in data_text({"a": "</script><!--"})


def test_a_live_page_may_ask_its_own_server_alone(document: Callable[..., dict[str, Any]]) -> None:
    page = document(*SWEEP)
    assert "connect-src &#x27;none&#x27;" in render_page(page)
    assert "connect-src &#x27;self&#x27;" in render_page({**page, "live": True})
