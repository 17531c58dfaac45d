import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.compute.backend import JobSpec, MountSpec, NodeSpec
from harness.compute.ray.planning import NodeFacts, plan_ray_job, resolve
from harness.errors import ToolkitError
from tests.compute.test_planning import MACHINE

Build = Callable[..., JobSpec]
FACTS = {
    "n0": NodeFacts("10.77.0.11", ("2", "5"), "eth0"),
    "n1": NodeFacts("127.0.0.4", (), ""),
}


@pytest.fixture
def two(job: Build, tmp_path: Path) -> Build:
    """Describe jobs of two nodes, with one command on each."""
    nodes = tuple(NodeSpec(name, "10.0.0.4", tmp_path / name, gpus=2, cpus=6, size="Standard_NC12") for name in FACTS)

    def build(**changes: object) -> JobSpec:
        return job(**{"nodes": nodes, "toolkit": "command", "settings": {"commandLine": "true"}, **changes})

    return build


def test_the_placeholders_of_a_plan_are_replaced() -> None:
    written = {
        "A": "@address(n0)@:1",
        "G": "@gpus(n0)@",
        "H": "@gpus(n0|1, 7,0)@",
        "I": "@interface(n0)@",
        "J": "@interface(n1)@",
        "N": "@networks(n0,n1)@",
        "S": "@address(stranger)@",
        "T": "me@address.example",
    }

    resolved = json.loads(resolve(json.dumps([written]), FACTS))

    assert resolved == [
        {
            "A": "10.77.0.11:1",
            "G": "2,5",
            "H": "5,2",
            "I": "eth0",
            "N": "10.77.0.11/32,127.0.0.0/8",
            "S": "@address(stranger)@",
            "T": "me@address.example",
        }
    ]


def test_processes_of_the_first_node_are_the_supervisors_own(two: Build) -> None:
    [main] = plan_ray_job(two(), MACHINE).steps
    first, second = main.executions

    assert first.argv[:2] == ("/bin/bash", "-c")
    assert first.environment["AZ_BATCH_HOST_LIST"] == "@address(n0)@,@address(n1)@"
    assert first.environment["CUDA_VISIBLE_DEVICES"] == "@gpus(n0)@"
    assert second.argv[-2:] == ("run", str(two().directory / "nodes.json"))
    assert json.loads(second.stdin)["environment"]["AZUREML_CR_NODE_RANK"] == "1"


def test_secrets_of_processes_on_other_nodes_are_on_standard_input_alone(two: Build) -> None:
    plan = plan_ray_job(two(secrets={"KEY": "swordfish"}), MACHINE)
    [main] = plan.steps

    assert "swordfish" in main.executions[1].stdin
    assert "swordfish" not in repr(plan)
    assert "swordfish" not in str((main.executions[1].argv, dict(main.executions[1].environment)))


def test_the_ranks_of_mpi_are_spread_evenly(two: Build) -> None:
    machine = replace(MACHINE, mpirun="/usr/bin/mpirun")
    spec = two(toolkit="customMpi", settings={"commandLine": "./a.out", "processCount": 6})

    file = json.dumps(plan_ray_job(spec, machine).files[spec.directory / "hostfile"])

    apart, shared = resolve(file, FACTS), resolve(file, dict.fromkeys(FACTS, FACTS["n0"]))
    assert json.loads(apart) == f"{FACTS['n0'].address} slots=3\n{FACTS['n1'].address} slots=3\n"
    assert json.loads(shared) == f"{FACTS['n0'].address} slots=6\n"


def test_a_mount_by_a_command_is_refused_on_several_nodes(two: Build) -> None:
    spec = two(cluster_mounts=(MountSpec("x", command="mount x"),))

    with pytest.raises(ToolkitError, match="this job has several nodes; mount a share"):
        plan_ray_job(spec, MACHINE)


def test_a_plan_says_what_each_node_promises(two: Build) -> None:
    assert [(node.id, node.size, node.cpus, node.gpus) for node in plan_ray_job(two(), MACHINE).nodes] == [
        ("n0", "Standard_NC12", 6, 2),
        ("n1", "Standard_NC12", 6, 2),
    ]
