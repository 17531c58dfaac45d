"""The environment of the processes of a distributed job, which really run on two nodes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.azureml.conftest import Group
from tests.emulator.azureml.test_jobs import Workspace


@pytest.fixture
def workspace(group: Group, make_workspace: Callable[[], str]) -> Workspace:
    return Workspace(group, make_workspace())


def submit(workspace: Workspace, command: str, **distribution: Any) -> str:
    """A job on two nodes."""
    return workspace.submit(
        command, computeId=workspace.compute(), resources={"instanceCount": 2}, distribution=distribution
    )


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="Open MPI is not installed: apt-get install openmpi-bin")
def test_mpi_starts_every_rank_once_with_its_variables(workspace: Workspace) -> None:
    variables = "$OMPI_COMM_WORLD_RANK $OMPI_COMM_WORLD_SIZE $OMPI_COMM_WORLD_LOCAL_SIZE $AZUREML_NODE_COUNT"
    command = f"echo rank {variables} ${{MASTER_ADDR:-none}} $AZ_BATCHAI_MPI_MASTER_NODE"
    job = submit(workspace, command, distributionType="Mpi", processCountPerInstance=2)

    assert workspace.wait_for(job) == "Completed"
    lines = sorted(line for line in workspace.log(job).splitlines() if line.startswith("rank"))
    assert lines == [f"rank {rank} 4 4 2 none 127.0.0.1" for rank in range(4)]


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="Open MPI is not installed: apt-get install openmpi-bin")
def test_a_rank_that_fails_fails_an_mpi_job_and_its_outputs_are_kept(workspace: Workspace) -> None:
    outputs = {"model": {"mode": "Upload"}}
    job = workspace.submit(
        "echo $OMPI_COMM_WORLD_RANK > ${{outputs.model}}/$OMPI_COMM_WORLD_RANK.txt; exit $OMPI_COMM_WORLD_RANK",
        distribution={"distributionType": "Mpi", "processCountPerInstance": 2},
        outputs=outputs,
    )

    assert workspace.wait_for(job) == "Failed"
    assert workspace.blob(workspace.blobs, f"azureml/{job.rpartition('/')[2]}/model/1.txt") == b"1\n"


def test_tensorflow_tells_every_process_of_all_and_ends_with_its_workers(workspace: Workspace, tmp_path: Path) -> None:
    marker = tmp_path / "written"  # by the parameter server, which otherwise would be ended before it prints
    server, worker = f"touch '{marker}'; sleep 600", f"until [ -e '{marker}' ]; do sleep 0.1; done"
    command = f"""echo "$TF_CONFIG on $AZUREML_CR_NODE_RANK"
case "$TF_CONFIG" in *'"type": "ps"'*) {server};; *) {worker};; esac"""
    job = submit(workspace, command, distributionType="TensorFlow", workerCount=2, parameterServerCount=1)

    assert workspace.wait_for(job) == "Completed"
    logs = [workspace.log(job, f"std_log{label}.txt") for label in ("_00_ps", "_process_00", "_process_01")]
    configs = [json.loads(log.rpartition(" on ")[0]) for log in logs]
    cluster = configs[0]["cluster"]
    assert [config["cluster"] for config in configs] == [cluster] * 3
    assert (len(cluster["ps"]), len(cluster["worker"])) == (1, 2)
    assert len({*cluster["ps"], *cluster["worker"]}) == 3
    assert [(config["task"]["type"], config["task"]["index"]) for config in configs] == [
        ("ps", 0), ("worker", 0), ("worker", 1)]  # fmt: skip
    assert [log.split()[-1] for log in logs] == ["0", "0", "1"]


def test_tensorflow_has_a_worker_on_every_node_unless_the_job_says_otherwise(workspace: Workspace) -> None:
    job = submit(workspace, "echo $TF_CONFIG", distributionType="tensorflow")

    assert workspace.wait_for(job) == "Completed"
    config = json.loads(workspace.log(job, "std_log_process_01.txt"))
    assert list(config["cluster"]) == ["worker"]
    assert config["task"] == {"type": "worker", "index": 1}


def test_without_a_distribution_the_command_runs_once_on_every_node(workspace: Workspace) -> None:
    job = workspace.submit(
        "echo $AZUREML_CR_NODE_RANK $AZ_BATCHAI_TASK_INDEX ${RANK:-none}",
        computeId=workspace.compute(),
        resources={"instanceCount": 2},
    )

    assert workspace.wait_for(job) == "Completed"
    assert [workspace.log(job, f"std_log_process_{rank:02}.txt") for rank in range(2)] == ["0 0 none\n", "1 1 none\n"]


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        ({"distributionType": "Mpi", "processCountPerInstance": 600}, "at most 1000 processes, not 1200"),
        ({"distributionType": "TensorFlow", "workerCount": 999, "parameterServerCount": 2}, "not 1001"),
        ({"distributionType": "PyTorch", "processCountPerInstance": 0}, "processCountPerInstance"),
    ],
)
def test_too_many_processes_and_none_are_refused(
    group: Group, workspace: Workspace, distribution: dict[str, Any], text: str
) -> None:
    properties = {"jobType": "Command", "command": "true", "distribution": distribution}
    body = {"properties": properties | {"resources": {"instanceCount": 2}}}

    response = group.send("PUT", f"{workspace.path}/jobs/mine", body)

    assert response.status_code == 400
    assert text in response.json()["error"]["message"]
