"""The plan of a job in an image consists of orders for the program that speaks with the engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.compute.backend import ContainerSpec, Execution, JobSpec, MountSpec, NodeSpec
from harness.compute.container.planning import ContainerHost, plan_container_job
from harness.errors import ToolkitError
from tests.compute.test_planning import MACHINE

Build = Callable[..., JobSpec]
LOCKS = Path("/cache/builds")
HOST = ContainerHost("unix:///run/engine.sock", "tenant", "", LOCKS, {"PATH": "/bin"}, gpus=2)
REQUESTED = ContainerSpec("gone/cntk:2.1", "2g", "me", "swordfish")
RUN = ContainerSpec("living/cntk:2.7", "2g", "me", "swordfish")


def orders(plan: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the orders of each step's programs."""
    return {step.name: [json.loads(execution.stdin) for execution in step.executions] for step in plan.steps}


def test_an_image_is_prepared_before_anything_runs_in_it(job: Build) -> None:
    plan = plan_container_job(job("train", container=REQUESTED, preparation="prepare"), RUN, MACHINE, HOST)

    assert [step.name for step in plan.steps] == ["image", "preparation", "main"]
    [image] = orders(plan)["image"]
    assert image["image"] == {
        "name": "living/cntk:2.7", "user_name": "me", "password": "swordfish", "asked_for": "gone/cntk:2.1",
    }  # fmt: skip
    assert "container image living/cntk:2.7, in place of gone/cntk:2.1" in "\n".join(plan.notes)


def test_a_process_gets_what_it_has_on_a_machine(job: Build, tmp_path: Path) -> None:
    share = tmp_path / "share"
    spec = job(
        "train $AZ_BATCHAI_OUTPUT_M",
        container=REQUESTED,
        cluster_mounts=(MountSpec("afs", share),),
        outputs={"M": share / "models"},
        environment={"WORD": "w"},
        secrets={"KEY": "k"},
        reads=(tmp_path / "ca.pem",),
    )

    [run] = orders(plan_container_job(spec, RUN, MACHINE, HOST))["main"]

    directory = spec.directory
    assert run["command"] == "train $AZ_BATCHAI_OUTPUT_M"
    assert run["cwd"] == str(directory / f"node-{spec.nodes[0].id}" / "temp")
    assert run["environment"].items() >= {"WORD": "w", "KEY": "k", "PATH": f"{directory / 'bin'}:$PATH"}.items()
    assert str(share) in run["mounts"]
    assert str(share / "models") not in run["mounts"]  # it is inside of another mount
    assert run["read_only"] == [str(directory), str(tmp_path / "ca.pem")]
    assert (run["shared_memory"], run["gpus"], run["user"]) == ("2g", 1, "")
    assert run["owner"] == {"emulator": "tenant", "job": str(directory)}


def test_secrets_are_in_no_command_line_and_in_no_text_of_a_plan(job: Build) -> None:
    plan = plan_container_job(job("train", container=REQUESTED, secrets={"KEY": "marlin"}), RUN, MACHINE, HOST)

    executions: list[Execution] = [execution for step in plan.steps for execution in step.executions] + list(
        plan.cleanup
    )
    words = [" ".join([*execution.argv, *execution.environment.values()]) for execution in executions]
    assert not any(
        secret in text for secret in ("swordfish", "marlin") for text in (*words, repr(plan), repr(REQUESTED))
    )


def test_a_script_runs_with_the_python_of_the_image(job: Build) -> None:
    settings = {"pythonScriptFilePath": "x.py", "pythonInterpreterPath": "/opt/conda/bin/python"}

    named = plan_container_job(job(toolkit="pyTorch", settings=settings, container=REQUESTED), RUN, MACHINE, HOST)
    plain = plan_container_job(
        job(toolkit="cntk", settings={"pythonScriptFilePath": "x.py"}, container=REQUESTED), RUN, MACHINE, HOST
    )

    assert orders(named)["main"][0]["command"] == '"/opt/conda/bin/python" "x.py"'
    assert orders(plain)["main"][0]["command"] == '"python" "x.py"'


def test_every_rank_has_a_container_and_what_the_preparation_of_its_node_left(job: Build, tmp_path: Path) -> None:
    nodes = (*job().nodes, NodeSpec("node-2", "10.0.0.5", tmp_path / "node-2", gpus=4))
    spec = job(toolkit="command", settings={"commandLine": "x"}, nodes=nodes, preparation="y", container=REQUESTED)

    steps = orders(plan_container_job(spec, RUN, MACHINE, HOST))

    tags = [order["prepared"] for order in steps["main"]]
    assert (
        tags == [order["prepared"] for order in steps["preparation"]] == [f"{tags[0][:-1]}{index}" for index in (0, 1)]
    )
    assert [order["gpus"] for order in steps["main"]] == [1, 2]


def test_a_user_that_the_image_does_not_know_has_a_home(job: Build) -> None:
    host = ContainerHost("unix:///run/engine.sock", "tenant", "1000:1000", LOCKS, {})

    [run] = orders(plan_container_job(job("x", container=REQUESTED), RUN, MACHINE, host))["main"]

    assert run["environment"]["HOME"] == run["cwd"]


def test_what_a_mount_command_mounts_cannot_be_shown_to_a_container(job: Build) -> None:
    with pytest.raises(ToolkitError, match="or run the job without an image"):
        plan_container_job(job(job_mounts=(MountSpec("x", command="mount"),), container=REQUESTED), RUN, MACHINE, HOST)
