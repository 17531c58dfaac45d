"""Run directories with outcomes, as ``harness run`` writes them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.experiments.outcomes import Outcome, OutcomeFile, Unmet

MakeRun = Callable[..., Path]

PLAIN = Outcome(
    scenario="s",
    trial="",
    parameters={},
    state="succeeded",
    exit_code=0,
    metrics={},
    series={},
    durations={"queued": 1.0, "running": 2.5},
    files={},
    directory="",
    data="digits",
    toolkit="CNTK 2.7",
    cloud="emulator",
    versions={"python": "3.11.7"},
)


def trial(parameters: dict[str, Any], metrics: dict[str, float], **changes: Any) -> Outcome:
    """The outcome of an ended trial, named for its parameters."""
    name = ",".join(f"{key}={value}" for key, value in parameters.items()) or "default"
    outcome = replace(PLAIN, trial=name, directory=name, parameters=parameters, metrics=metrics)
    return replace(outcome, **changes)


SWEEP = (
    trial({"rate": 0.1, "depth": 2, "epochs": 3}, {"loss": 0.5, "error": 0.2}),
    trial({"rate": 0.01, "depth": 2, "epochs": 3}, {"loss": 0.25, "error": 0.3}),
    trial({"rate": 0.001, "depth": 3, "epochs": 3}, {"loss": float("nan"), "error": 0.1}),
    trial(
        {"rate": 1.0, "depth": 3, "epochs": 3},
        {},
        state="failed",
        exit_code=3,
        unmet=(Unmet("expect.state", 9, "failed", "succeeded"),),
    ),
)


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a run directory."""

    def make(*outcomes: Outcome, name: str = "run", **plan: Any) -> Path:
        directory = tmp_path / name
        directory.mkdir()
        plans = [{"scenario": "s", "nodes": 2, "vm_size": "STANDARD_NC6", "metrics": ["loss"], **plan}]
        about = {"run": "run-1", "started": "2026-01-02T03:04:05+00:00", "scenarios": [], "plans": plans}
        (directory / "run.json").write_text(json.dumps(about))
        OutcomeFile(directory / "outcomes.jsonl").replace(outcomes)
        return directory

    return make
