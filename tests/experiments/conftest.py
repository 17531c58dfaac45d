from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiments.outcomes import Outcome, Unmet
from harness.scenario.load import load_scenario
from harness.scenario.model import Scenario

QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"


@pytest.fixture
def quickstart() -> Scenario:
    return load_scenario(QUICKSTART)


@pytest.fixture
def changed(tmp_path: Path) -> Callable[[str, str], Scenario]:
    """The quickstart with a part of its text replaced."""

    def change(old: str, new: str) -> Scenario:
        text = QUICKSTART.read_text()
        assert old in text
        path = tmp_path / "scenarios" / "changed.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.replace(old, new))
        return load_scenario(path)

    return change


@pytest.fixture
def example() -> Outcome:
    return Outcome(
        scenario="s",
        trial="rate=0.1",
        parameters={"rate": 0.1},
        state="succeeded",
        exit_code=0,
        metrics={"test_error": 0.022},
        series={"loss": [1.0, 0.5]},
        durations={"queued": 1.0, "running": 2.5},
        files={"MODEL": ["net.dnn"]},
        directory="rate=0.1",
        data="digits",
        toolkit="CNTK 2.7",
        cloud="emulator",
        versions={"python": "3.11.7"},
        errors=("a", "b"),
        unmet=(Unmet("expect.state", 3, "failed", "succeeded"),),
    )
