"""The study of a running search, as optuna-dashboard shows it."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.scenario.sweep import SweepSpec
from harness.search import Ending, open_study

# The requests of optuna-dashboard's page, without a port.
REQUESTS = """
import json, sys
from wsgiref.util import setup_testing_defaults
from optuna.storages import RDBStorage
from optuna_dashboard import wsgi

app = wsgi(RDBStorage(sys.argv[1]))

def get(path):
    environ = {"PATH_INFO": path, "QUERY_STRING": "after=0"}
    setup_testing_defaults(environ)
    return json.loads(b"".join(app(environ, lambda *_: None)))

(summary,) = get("/api/studies")["study_summaries"]
study = get(f"/api/studies/{summary['study_id']}")
trials = study["trials"]
print(json.dumps({
    "study": [summary["study_name"], summary["directions"]],
    "states": [trial["state"] for trial in trials],
    "values": [trial.get("values") for trial in trials],
    "steps": [[point["step"] for point in trial["intermediate_values"]] for trial in trials],
}))
"""
SEARCH = {"search": {"space": {"rate": {"low": 0.0, "high": 1.0}}, "trials": 3}, "goal": {"minimize": "loss"}}


@pytest.mark.slow  # creating its environment takes minutes
def test_optuna_dashboard_shows_a_running_search(environment_of: Callable[[str], Path], tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    sweep = SweepSpec.model_validate(SEARCH)
    study = open_study(sweep, name="mine", storage=storage, find=lambda _spec: (), constants={})
    endings: tuple[tuple[int, Ending | None], ...] = ((2, "complete"), (1, "pruned"), (1, None))
    for steps, ending in endings:
        suggestion = study.ask()
        assert suggestion is not None
        for step in range(1, steps + 1):
            study.report(suggestion.number, step, 0.5)
        if ending is not None:
            study.tell(suggestion.number, ending, {"loss": 0.25})
    python = environment_of("optuna_dashboard") / "bin" / "python"
    process = subprocess.run([str(python), "-c", REQUESTS, storage], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    page = json.loads(process.stdout)
    assert page["study"] == ["mine", ["minimize"]]
    assert page["states"] == ["Complete", "Pruned", "Running"]
    assert page["values"][0] == [0.25]
    assert page["steps"] == [[1, 2], [1], [1]]
