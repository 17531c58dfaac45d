"""The command lines of each toolkit's settings, from the service's own recipes."""

import dataclasses
import json
from dataclasses import dataclass

import pytest

from harness.errors import ToolkitError
from harness.toolkits.catalogue import processes
from harness.toolkits.interpreters import Cntk
from harness.toolkits.toolkit import Assignment


@dataclass(frozen=True)
class ANode:
    id: str
    gpus: int = 1


def assigned(settings: dict[str, object], *, nodes: int = 1) -> Assignment:
    return Assignment(
        settings=settings,
        nodes=tuple(ANode(f"node-{i}") for i in range(nodes)),
        pythons=("/py", "/own"),
        packages=lambda python: {"/py": {"torch": "2.6.0"}, "/own": {"torch": "2.13.0", "horovod": "0.28"}}[python],
        mpirun="/mpirun",
        cpus=4,
        shared="/shared",
        cntk=lambda: Cntk("/cntk/python", "CNTK 2.7", {"LD_LIBRARY_PATH": "/cntk/lib"}),
        names_python=False,
    )


SCRIPT = {"pythonScriptFilePath": "$AZ_BATCHAI_INPUT_S/a script.py", "commandLineArgs": "-o $AZ_BATCHAI_OUTPUT_MODEL"}
RUN = '"$AZ_BATCHAI_INPUT_S/a script.py" -o $AZ_BATCHAI_OUTPUT_MODEL'
MPI = '"/mpirun" --allow-run-as-root --oversubscribe -np 2'


@pytest.mark.parametrize(
    ("toolkit", "settings", "nodes", "commands"),
    [
        ("cntk", SCRIPT, 1, [f'"/cntk/python" {RUN}']),
        ("cntk", SCRIPT | {"processCount": 2}, 1, [f'{MPI} "/cntk/python" {RUN}']),
        ("customToolkit", {"commandLine": "echo hi | tee x"}, 2, ["echo hi | tee x"]),
        ("customMpi", {"commandLine": "python -u x.py"}, 2, [f"{MPI} python -u x.py"]),
        ("chainer", SCRIPT, 2, [f'{MPI} "/py" {RUN}']),
        ("horovod", SCRIPT, 2, [f'{MPI} "/own" {RUN}']),
        ("caffe", {"configFilePath": "$X/s.prototxt"}, 1, ['caffe train --solver="$X/s.prototxt"']),
        ("caffe2", SCRIPT, 2, [f'"/py" {RUN}'] * 2),
        ("pyTorch", SCRIPT | {"processCount": 3}, 2, [f'"/py" {RUN}'] * 3),
    ],
)
def test_settings_become_commands(toolkit: str, settings: dict[str, object], nodes: int, commands: list[str]) -> None:
    assert [process.command for process in processes(toolkit, assigned(settings, nodes=nodes))] == commands


def test_cntk_gets_its_environment_and_a_share_of_the_threads() -> None:
    [process] = processes("cntk", assigned(SCRIPT | {"processCount": 2}))

    assert process.environment == {
        "OMP_NUM_THREADS": "2",
        "HARNESS_CNTK_MEETING": "file:///shared/pytorch-init",
        "LD_LIBRARY_PATH": "/cntk/lib",
    }
    assert process.note == "toolkit: CNTK 2.7"


def test_pytorch_ranks_spread_over_nodes_and_write_streams_of_their_own() -> None:
    ranks = processes("pyTorch", assigned(SCRIPT | {"processCount": 4, "communicationBackend": "Gloo"}, nodes=2))

    assert [rank.node.id for rank in ranks] == ["node-0", "node-0", "node-1", "node-1"]
    assert [rank.label for rank in ranks] == ["-0", "-1", "-2", "-3"]
    assert ranks[3].environment == {
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": "file:///shared/pytorch-init",
        "AZ_BATCHAI_PYTORCH_BACKEND": "gloo",
        "AZ_BATCHAI_TASK_INDEX": "3",
    }


def test_pytorch_runs_where_torch_is_and_says_where() -> None:
    job = assigned(SCRIPT)
    [first] = processes("pyTorch", job)
    [other] = processes("pyTorch", dataclasses.replace(job, packages={"/py": {}, "/own": {"torch": "2.13.0"}}.get))
    [neither] = processes("pyTorch", dataclasses.replace(job, packages=lambda _python: {}))

    assert (first.python, first.note, first.command) == ("/py", "toolkit: PyTorch 2.6.0", f'"/py" {RUN}')
    assert (other.python, other.note, other.command) == ("/own", "toolkit: PyTorch 2.13.0", f'"/own" {RUN}')
    assert (neither.python, neither.note) == ("/py", "toolkit: PyTorch (no package torch is installed)")


def test_an_interpreter_of_the_users_own_is_run_by_the_job_alone() -> None:
    def never(python: str) -> dict[str, str]:
        raise AssertionError(python)

    settings = SCRIPT | {"pythonInterpreterPath": "/mine"}
    [process] = processes("pyTorch", dataclasses.replace(assigned(settings), names_python=True, packages=never))

    assert (process.python, process.note, process.command) == ("/mine", "toolkit: PyTorch", f'"/mine" {RUN}')


def test_what_runs_under_mpi_says_so() -> None:
    [process] = processes("horovod", assigned(SCRIPT, nodes=2))

    assert (process.python, process.note) == ("/own", "toolkit: Horovod 0.28 under /mpirun, 2 processes")


def test_one_tensorflow_process_is_the_master() -> None:
    settings = {"pythonScriptFilePath": "x.py", "masterCommandLineArgs": "-m", "workerCommandLineArgs": "-w"}

    [process] = processes("tensorFlow", assigned(settings))

    assert (process.command, process.label, process.leads) == ('"/py" "x.py" -m', "-wk-0", True)


def test_distributed_tensorflow_has_servers_that_do_not_decide_the_end() -> None:
    settings = {"pythonScriptFilePath": "x.py", "parameterServerCount": 1, "workerCount": 2}

    server, master, worker = processes("tensorFlow", assigned(settings, nodes=2))

    assert [process.label for process in (server, master, worker)] == ["-ps-0", "-wk-0", "-wk-1"]
    assert [process.leads for process in (server, master, worker)] == [False, True, True]
    assert json.loads(worker.environment["TF_CONFIG"]) == {
        "cluster": {"ps": ["127.0.0.1:2222"], "worker": ["127.0.0.1:2223", "127.0.0.1:2224"]},
        "task": {"type": "worker", "index": 1},
        "environment": "cloud",
    }


@pytest.mark.parametrize(
    ("toolkit", "settings", "message"),
    [
        ("cntk", {"configFilePath": "x.cntk"}, "BrainScript"),
        ("pyTorch", {}, "no pythonScriptFilePath"),
        ("mxnet", {}, "there is no toolkit 'mxnet'; there are caffe, caffe2"),
    ],
)
def test_what_cannot_run_is_refused_by_name(toolkit: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ToolkitError, match=message):
        processes(toolkit, assigned(settings))


def test_several_processes_without_mpirun_name_the_package_to_install() -> None:
    with pytest.raises(ToolkitError, match="openmpi-bin"):
        processes("horovod", dataclasses.replace(assigned(SCRIPT, nodes=2), mpirun=None))
