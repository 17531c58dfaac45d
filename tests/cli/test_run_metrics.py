"""Metrics of every kind, written by a job on a real emulator."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from harness.cli import main

Write = Callable[..., Path]

SCRIPT = """\
cat > train.py <<'END'
import os
from harness.job import log_metric
for step in (10, 20):
    log_metric("loss", 5 / step, step)
with open(os.path.join(os.environ["AZ_BATCHAI_OUTPUT_MODEL"], "history.csv"), "w") as file:
    file.write("epoch,score\\n1,0.25\\n2,0.75\\n")
END
"$1" train.py
touch "$AZ_BATCHAI_OUTPUT_MODEL/net.txt"
"""


def test_a_job_logs_metrics_and_leaves_a_table(scenario: Write, project: Path) -> None:
    metrics = "metrics: {loss: {step: true}, score: {file: MODEL/history.csv, column: score, index: epoch, step: true}}"
    command = f"  command: sh $AZ_BATCHAI_INPUT_S/train.sh {shlex.quote(sys.executable)}"
    path = scenario(metrics=metrics)
    lines = [command if line.startswith("  command:") else line for line in path.read_text().splitlines()]
    lines = ["parameters: {}" if line.startswith("parameters:") else line for line in lines]
    path.write_text("\n".join(lines) + "\n")
    (project / "train.sh").write_text(SCRIPT)

    assert main(["run", str(path), "--out", "here"]) == 0

    (outcome,) = [json.loads(line) for line in (project / "here/outcomes.jsonl").read_text().splitlines()]
    assert outcome["metrics"] == {"loss": 0.25, "score": 0.75}
    assert outcome["series"] == {"loss": [0.5, 0.25], "score": [0.25, 0.75]}
    assert outcome["steps"] == {"loss": [10, 20], "score": [1, 2]}
    assert (project / "here/report.html").is_file()
