"""``harness.job``: what a job may use, in a job and outside of one."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

import harness.job
from harness.job import log_metric

RANKS = ("OMPI_COMM_WORLD_RANK", "RANK", "AZ_BATCHAI_TASK_INDEX")


@pytest.fixture(autouse=True)
def no_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*RANKS, "AZ_BATCHAI_STDOUTERR_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_a_metric_is_a_line_beside_the_logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AZ_BATCHAI_STDOUTERR_DIR", str(tmp_path))
    log_metric("loss", 0.5, step=1)
    log_metric("loss", math.nan)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"loss": 0.5, "step": 1}\n{"loss": NaN}\n'


@pytest.mark.parametrize("variable", RANKS)
def test_other_processes_have_files_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv("AZ_BATCHAI_STDOUTERR_DIR", str(tmp_path))
    for rank in ("0", "3"):
        monkeypatch.setenv(variable, rank)
        log_metric("loss", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics-3.jsonl", "metrics.jsonl"]


def test_outside_of_a_job_it_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    log_metric("loss", 1)
    assert json.loads(capsys.readouterr().out) == {"loss": 1.0}


def test_what_is_no_number_is_refused_where_it_is_logged() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        log_metric("loss", "much")


def test_the_file_runs_alone_without_the_harness(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(Path(harness.job.__file__).read_text())
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from job import log_metric; log_metric('loss', 2)"

    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, env={})

    assert done.stdout == '{"loss": 2.0}\n'
