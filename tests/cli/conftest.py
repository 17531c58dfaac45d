import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint

Write = Callable[..., Path]

# A job of a second at most: it says its score, leaves a model, and ends as it is told.
SCENARIO = """\
scenario: {name}
resource_group: {name}group
share: {{name: {name}share, upload: [{{file: train.sh}}]}}
cluster: {{name: c, nodes: 2}}
job:
  name: j
  toolkit: customToolkit
  command: sh $AZ_BATCHAI_INPUT_S/train.sh {{score}} {{code}} {{pause}}
  inputs: {{S: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare}}
  outputs: {{MODEL: {{prefix: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare, suffix: m}}}}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
parameters: {{score: 0.5, code: 0, pause: 0}}
sweep: {sweep}
metrics: {{score: {{file: stdout.txt, pattern: 'score = ([0-9.]+)', step: true}}}}
expect: {{exit_code: 0, metrics: {{score: {{max: 2}}}}, files: {{MODEL: ['*.txt']}}}}
limits: {{queued: PT1M, running: PT1M}}
"""
SCRIPT = """\
echo "score = $1"
echo "about to end with $2" >&2
for number in 1 2 10; do echo model > "$AZ_BATCHAI_OUTPUT_MODEL/net_$number.txt"; done
sleep $3
exit $2
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint) -> Path:
    """An empty directory to work in, whose settings name a running emulator and nothing else."""
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scenario(project: Path) -> Write:
    """Write a scenario of short jobs and its script; words replace words of the file."""

    def write(sweep: str = "{}", *, name: str = "short", **changes: str) -> Path:
        text = SCENARIO.format(name=name, sweep=sweep)
        for old, new in changes.items():
            text = "\n".join(new if line.startswith(f"{old}:") else line for line in text.splitlines()) + "\n"
        path = project / f"{name}.yaml"
        path.write_text(text)
        (project / "train.sh").write_text(SCRIPT)
        return path

    return write
