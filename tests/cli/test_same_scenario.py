"""One scenario, unchanged, on every back end and by both services."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from tests.fakes import write_scenario
from tests.podman import IMAGE, PodmanEngine
from tests.ray_cluster import RayCluster

pytestmark = pytest.mark.slow
# The job detects where it runs by a file that every machine has, and that the tests' image lacks.
SCRIPT = """\
echo "score = $1"
if [ -e /usr/bin/env ]; then echo host; else echo image; fi
echo model > "$AZ_BATCHAI_OUTPUT_MODEL/net_1.txt"
exit $2
"""


@pytest.fixture(params=["process", "container", "ray", "staged"])
def emulator_on(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Endpoint]]:
    """An emulator whose jobs run on a back end."""
    if request.param == "container":
        engine: PodmanEngine = request.getfixturevalue("container_engine")
        monkeypatch.setenv("DOCKER_HOST", engine.address)
    compute = request.param
    if compute in ("ray", "staged"):
        cluster: RayCluster = request.getfixturevalue("ray_cluster" if compute == "ray" else "namespaced_cluster")
        for name, value in cluster.environ.items():
            monkeypatch.setenv(name, value)
        compute = f"ray:{cluster.address}"
    with launch(tmp_path / "emulator", compute=compute) as endpoint:
        yield request.param, endpoint


@pytest.mark.parametrize("service", ["batchai", "azureml"])
def test_a_scenario_runs_unchanged(
    emulator_on: tuple[str, Endpoint], service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute, endpoint = emulator_on
    path = write_scenario(tmp_path, script=SCRIPT)
    path.write_text(path.read_text().replace("  name: j\n", f"  name: j\n  image: {IMAGE}\n"))
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", endpoint.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    assert main(["run", str(path), "--service", service, "--out", "run"]) == 0

    [outcome] = [json.loads(line) for line in (tmp_path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert (outcome["state"], outcome["exit_code"], outcome["metrics"]) == ("succeeded", 0, {"score": 0.5})
    [stream] = [file for file in (tmp_path / "run").rglob("stdout.txt") if "score = 0.5" in file.read_text()]
    assert stream.read_text().split()[-1] == ("image" if compute == "container" else "host")
