from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compute.backend import ContainerSpec, JobSpec, MountSpec
from harness.compute.machine import Machine, count_gpus
from harness.compute.planning import expand_variables, plan_job, quote_variables
from harness.errors import ToolkitError
from harness.toolkits.interpreters import Cntk

Build = Callable[..., JobSpec]
MACHINE = Machine(
    environment={"PATH": "/bin"},
    pythons=("/py",),
    packages=lambda python: {},
    shell="/bin/bash",
    mpirun=None,
    cpus=2,
    gpus=0,
    cntk=lambda: Cntk("/py", "CNTK on PyTorch 2.13.0", {"PYTHONPATH": "/jobpath"}),
)


def test_the_execution_log_names_what_trains_and_the_interpreter(job: Build) -> None:
    plan = plan_job(job(toolkit="pyTorch", settings={"pythonScriptFilePath": "x.py"}), MACHINE)

    assert "toolkit: PyTorch (no package torch is installed)" in plan.notes
    assert "interpreter: /py" in plan.notes


def test_a_job_gets_every_variable_of_the_service(job: Build, tmp_path: Path) -> None:
    spec = job(outputs={"MODEL": Path("/m")}, inputs={"SAMPLE": "$AZ_BATCHAI_MOUNT_ROOT/afs"})
    root = tmp_path / "a path"
    local = root / "job" / f"node-{spec.nodes[0].id}"

    [main] = plan_job(spec, MACHINE).steps

    assert main.executions[0].environment == {
        "PATH": f"{root / 'job' / 'bin'}:/bin",
        "BATCHAI_HARNESS_JOB": str(root / "job"),
        "AZ_BATCHAI_MOUNT_ROOT": str(root / "node" / "mounts"),
        "AZ_BATCHAI_JOB_MOUNT_ROOT": str(local / "mounts"),
        "AZ_BATCHAI_JOB_TEMP": str(local / "temp"),
        "AZ_BATCHAI_JOB_TEMP_DIR": str(local),
        "AZ_BATCHAI_SHARED_JOB_TEMP": str(root / "job" / "shared"),
        "AZ_BATCHAI_STDOUTERR_DIR": str(root / "share" / "stdouterr"),
        "AZ_BATCHAI_MPI_HOST_FILE": str(root / "job" / "hostfile"),
        "AZ_BATCHAI_NUM_GPUS": "1",
        "AZ_BATCH_HOST_LIST": "10.0.0.4",
        "AZ_BATCHAI_OUTPUT_MODEL": "/m",
        "AZ_BATCHAI_INPUT_SAMPLE": str(root / "node" / "mounts" / "afs"),
    }


def test_tools_that_are_the_same_for_each_job_of_a_node_are_in_the_directory_of_that_node(job: Build) -> None:
    spec = job()
    plan = plan_job(spec, MACHINE, by_node=True)
    environment, node = plan.steps[0].executions[0].environment, spec.nodes[0].directory
    assert environment["PATH"] == f"{node / 'bin'}:/bin"
    assert environment["AZ_BATCHAI_MPI_HOST_FILE"] == str(node / "hostfile")
    assert set(plan.files) == {node / "bin" / "ssh", node / "hostfile"}


def test_the_variables_of_a_service_know_the_node_and_override_the_users(job: Build, tmp_path: Path) -> None:
    variables = {"AZUREML_DATA": "$AZ_BATCHAI_JOB_MOUNT_ROOT/data", "AZUREML_RUN_ID": "job"}
    spec = job(variables=variables, environment={"AZUREML_RUN_ID": "mine"})

    environment = plan_job(spec, MACHINE).steps[0].executions[0].environment

    assert environment["AZUREML_DATA"] == f"{environment['AZ_BATCHAI_JOB_MOUNT_ROOT']}/data"
    assert environment["AZUREML_RUN_ID"] == "job"


def test_a_service_names_the_files_of_the_streams_and_the_directory_of_the_logs(job: Build, tmp_path: Path) -> None:
    logs = tmp_path / "system_logs"
    spec = job(stdout="std_log{label}.txt", stderr="std_log{label}.txt", logs=logs, preparation="true")

    plan = plan_job(spec, MACHINE)

    preparation, main = plan.steps
    assert main.executions[0].stdout == main.executions[0].stderr == spec.stdouterr / "std_log.txt"
    assert preparation.executions[0].stderr == logs / "stderr-job_prep.txt"
    assert plan.logs == (logs / "execution.log",)
    assert {spec.stdouterr, logs} <= set(plan.directories)


def test_the_log_opens_with_what_differs_from_azure(job: Build) -> None:
    settings = {"pythonScriptFilePath": "x.py", "pythonInterpreterPath": "/opt/conda/bin/python"}

    notes = plan_job(
        job(toolkit="cntk", settings=settings, container=ContainerSpec("microsoft/cntk:2.1")), MACHINE
    ).notes

    assert notes == (
        "job myjob: 1 node(s), all of them this machine",
        "toolkit: CNTK on PyTorch 2.13.0",
        "interpreter: /py",
        "container image microsoft/cntk:2.1 is not used: the job runs on the host",
        "pythonInterpreterPath /opt/conda/bin/python lies in that image: not used",
        "no GPU on this machine: the job runs on the CPU",
    )


def test_the_users_python_path_comes_after_the_toolkits(job: Build) -> None:
    spec = job(toolkit="cntk", settings={"pythonScriptFilePath": "x.py"}, environment={"PYTHONPATH": "/mine"})

    assert plan_job(spec, MACHINE).steps[0].executions[0].environment["PYTHONPATH"] == "/jobpath:/mine"


def test_preparation_runs_on_every_node_and_the_command_on_the_first(job: Build) -> None:
    spec = job(preparation="true")
    second = type(spec.nodes[0])("node-2", "10.0.0.5", Path("/node-2"), gpus=1)
    spec = job(preparation="true", nodes=(*spec.nodes, second), per_node_logs=True)

    plan = plan_job(spec, MACHINE)

    assert [(step.name, len(step.executions)) for step in plan.steps] == [("preparation", 2), ("main", 1)]
    assert [path.name for path in plan.logs] == [f"execution-{node.id}.log" for node in spec.nodes]


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/abs", ""])
def test_a_mount_outside_its_root_is_refused(job: Build, path: str) -> None:
    with pytest.raises(ToolkitError, match="below the root of mounts"):
        plan_job(job(job_mounts=(MountSpec(path, Path("/data")),)), MACHINE)


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("ls $AZ_X/y", 'ls "$AZ_X"/y'),
        ("ls ${AZ_X}", 'ls "${AZ_X}"'),
        ('ls "$AZ_X/y"', 'ls "$AZ_X/y"'),
        ("echo '$AZ_X' \\$AZ_X", "echo '$AZ_X' \\$AZ_X"),
        ("ls $AZ_PLAIN $OTHER", "ls $AZ_PLAIN $OTHER"),
    ],
)
def test_only_bare_variables_with_a_blank_are_quoted(command: str, wanted: str) -> None:
    assert quote_variables(command, {"AZ_X": "/a b", "AZ_PLAIN": "/ab"}) == wanted


@given(st.text())
def test_a_command_without_blanks_in_its_variables_is_never_touched(command: str) -> None:
    assert quote_variables(command, {"AZ_X": "/plain"}) == command


def test_unknown_variables_stay_as_written() -> None:
    assert expand_variables("$A/${B}/$C", {"A": "1", "B": "2"}) == "1/2/$C"


def test_gpus_are_counted_from_the_driver(tmp_path: Path) -> None:
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:02:00.0").mkdir()

    assert count_gpus("/bin", driver=tmp_path) == 2
    assert count_gpus("/nowhere", driver=tmp_path / "absent") == 0


def environments(spec: JobSpec, machine: Machine) -> list[dict[str, str]]:
    return [dict(execution.environment) for execution in plan_job(spec, machine).steps[-1].executions]


@pytest.mark.parametrize(
    ("first", "gpus", "total", "selection", "visible"),
    [
        (0, 2, 4, None, "0,1"),
        (2, 2, 4, None, "2,3"),
        (2, 2, 3, None, "2"),  # the machine has fewer than the sizes promise
        (4, 2, 4, None, ""),
        (2, 2, 4, "1", "3"),  # the job counts the GPUs of its node
        (2, 2, 4, "0,1,2", "2,3"),
        (2, 2, 4, "0," + "9" * 5000, "2"),
        (0, 0, 4, None, ""),
    ],
)
def test_a_node_sees_the_gpus_that_are_its_own(  # noqa: PLR0917 - one row of a table
    job: Build, first: int, gpus: int, total: int, selection: str | None, visible: str
) -> None:
    (node,) = job().nodes
    own = {} if selection is None else {"CUDA_VISIBLE_DEVICES": selection}
    spec = job(nodes=(replace(node, gpus=gpus, first_gpu=first),), environment=own)
    (environment,) = environments(spec, replace(MACHINE, gpus=total))
    assert environment["CUDA_VISIBLE_DEVICES"] == visible
    assert environment["AZ_BATCHAI_NUM_GPUS"] == str(max(0, min(gpus, total - first)))


def test_a_machine_without_gpus_hides_none(job: Build) -> None:
    (environment,) = environments(job(), MACHINE)
    assert "CUDA_VISIBLE_DEVICES" not in environment
