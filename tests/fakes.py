"""Fakes for objects that are too large for a test: a resource that is a file, and a scenario of short jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.clock import SteppingClock
from harness.clouds import Cloud
from harness.fault_plans import FaultPlan
from harness.interruption import Interruption
from harness.resources import Journal, Provisioning, Resource


class FileResource(Resource):
    """A resource whose creation and deletion are the lines ``made`` and ``deleted`` in a file."""

    kind = "file"

    def __init__(self, provisioning: Provisioning, path: Path) -> None:
        super().__init__(provisioning, group="g", name=path.name)
        self.path = path
        self.facts: dict[str, Any] = {}

    def create(self) -> None:
        self._write("made")
        self.facts = {"by": "the first"}

    def delete(self) -> None:
        self._write("deleted")

    def remember(self) -> dict[str, Any]:
        return self.facts

    def recall(self, facts: Any) -> None:
        self.facts = dict(facts)

    def _write(self, word: str) -> None:
        with self.path.open("a") as stream:
            stream.write(f"{word}\n")


def provisioning(directory: Path, *, interruption: Interruption | None = None, sink: Any = None) -> Provisioning:
    """Return the provisioning for a resource, without a real cloud."""
    facts = SimpleNamespace(run="run", scope="nowhere", subscription_id="s", storage_account="a")
    cloud: Any = SimpleNamespace(name="emulator", clock=SteppingClock(), facts=facts, has_ended=bool)
    nothing: Any = None
    return Provisioning(
        cloud,
        nothing,
        Journal(directory / "journal.jsonl"),
        sink or (lambda _event: None),
        run="run",
        interruption=interruption or Interruption(),
    )


# A job of at most a second: it prints its score, writes a model, and ends with the given exit code.
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


def write_scenario(
    directory: Path, sweep: str = "{}", *, name: str = "short", script: str = SCRIPT, **changes: str
) -> Path:
    """Write a scenario of short jobs and its script; ``changes`` replaces the lines that begin with their names."""
    lines = SCENARIO.format(name=name, sweep=sweep).splitlines()
    for key, line in changes.items():
        lines = [line if old.startswith(f"{key}:") else old for old in lines]
    path = directory / f"{name}.yaml"
    path.write_text("\n".join(lines) + "\n")
    (directory / "train.sh").write_text(script)
    return path


@contextmanager
def injected(cloud: Cloud, plan: FaultPlan) -> Iterator[bool]:
    """Put a plan in force during the block; yields whether the cloud injects faults."""
    cloud.inject(plan)
    try:
        yield cloud.injects
    finally:
        cloud.withdraw(plan)
