"""``harness results --mlflow`` with real MLflow in a separate environment."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.results.conftest import MakeRun, make_run, trial

__all__ = ["make_run"]

ROOT = Path(__file__).parents[2]
CLIENT = Path(__file__).parent / "clients" / "mlflow_export.py"


@pytest.mark.slow
def test_mlflow_lists_the_trials_with_their_series(
    environment_of: Callable[[str], Path], make_run: MakeRun, tmp_path: Path
) -> None:
    times = {"started": "2026-01-02T00:00:00+00:00", "ended": "2026-01-02T00:00:05+00:00"}
    run = make_run(
        trial(
            {"rate": 0.1},
            {"loss": 0.25, "acc": 1.0},
            series={"loss": [0.5, 0.25]},
            steps={"loss": [10, 20]},
            times=times,
        ),
        trial({"rate": 0.2}, {"loss": 3.0}, state="failed", exit_code=1, times=times),
        trial({"rate": 0.3}, {"loss": 2.0}, state="pruned", exit_code=None, times=times),
    )
    python = environment_of("mlflow") / "bin" / "python"
    process = subprocess.run(
        [str(python), "-W", "ignore", str(CLIENT), str(ROOT), str(run), f"file://{tmp_path}/mlruns"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "MLFLOW_ALLOW_FILE_STORE": "true", "LANG": "C.UTF-8"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stdout + process.stderr
    lines = process.stdout.splitlines()[:11]
    assert lines == [
        "(3, 0)",
        "(0, 3)",
        "rate=0.1 FINISHED [('acc', 1.0), ('loss', 0.25)] [('rate', '0.1')]",
        "rate=0.1 CNTK 2.7 5000",
        "[(10, 0.5), (20, 0.25)]",
        "rate=0.2 FAILED [('loss', 3.0)] [('rate', '0.2')]",
        "rate=0.2 CNTK 2.7 5000",
        "[(0, 3.0)]",
        "rate=0.3 KILLED [('loss', 2.0)] [('rate', '0.3')]",
        "rate=0.3 CNTK 2.7 5000",
        "[(0, 2.0)]",
    ]
    assert "MLflow at nonsense://...@host refuses" in process.stdout
    assert "secret" not in process.stdout
