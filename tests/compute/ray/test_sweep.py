"""A sweep on four machines of a Ray cluster, one of which is lost in the middle."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.emulator.launch import launch
from tests.commands import harness_command
from tests.fakes import write_scenario
from tests.ray_cluster import LONG, NoRayError, RayCluster, started_cluster
from tests.ray_namespaces import NamespacedCluster

pytestmark = [pytest.mark.slow, LONG]
TRIALS, MACHINES = 16, 4
# A trial ends after the test has created the file ``open``.
SCRIPT = """\
until [ -e "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare/open" ]; do sleep 0.1; done
echo "score = $1"
echo model > "$AZ_BATCHAI_OUTPUT_MODEL/net.txt"
"""


@pytest.fixture(params=["shared", "staged"])
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RayCluster]:
    """Four machines of one node each, with or without access to the emulator's files."""
    with ExitStack() as stack:
        try:
            make = (
                RayCluster
                if request.param == "shared"
                else lambda directory: NamespacedCluster(directory, hidden=tmp_path)
            )
            cluster = stack.enter_context(started_cluster(make))
            cluster.add_nodes(MACHINES, cpus=1, resources={"batchai-node": 1})
        except NoRayError as error:
            pytest.skip(f"no Ray cluster: {error}")
        yield cluster


def test_a_sweep_completes_although_a_machine_is_lost(
    machines: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_scenario(tmp_path, f"{{grid: {{score: {{low: 1, high: {TRIALS}}}}}}}", name="sweep", script=SCRIPT,
                          cluster=f"cluster: {{name: c, nodes: {MACHINES}}}",
                          expect=f"expect: {{exit_code: 0, metrics: {{score: {{max: {TRIALS}}}}}}}",
                          limits="limits: {queued: PT10M, running: PT10M}")  # fmt: skip
    for name, value in machines.environ.items():
        monkeypatch.setenv(name, value)
    with launch(tmp_path / "emulator", compute=f"ray:{machines.address}") as endpoint:
        environment = {
            **os.environ,
            "HARNESS_EMULATOR_DIR": endpoint.directory,
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        with subprocess.Popen(
            harness_command("run", str(path), "--out", "run"),
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            assert running.stdout is not None
            started: set[str] = set()
            for line in running.stdout:
                job = line.split()[2] if line.endswith((" is running\n", " is queued\n")) else ""
                if line.endswith(" is running\n") and job not in started:
                    started.add(job)
                    if len(started) == MACHINES:  # each machine has a job
                        machines.kill(machines.nodes[1])
                elif line.endswith(" is queued\n") and job in started:  # its machine was lost
                    [share] = (Path(endpoint.directory) / "storage").glob("*/file/sweepshare")
                    (share / "open").touch()
            assert running.wait() == 0

    outcomes = [json.loads(line) for line in (tmp_path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert [outcome["state"] for outcome in outcomes] == ["succeeded"] * TRIALS
    assert sorted(outcome["metrics"]["score"] for outcome in outcomes) == list(range(1, TRIALS + 1))
