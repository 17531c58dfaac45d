"""Azure Machine Learning's command jobs: one command line on every node, with the variables of a distribution.

The variables are those that the service documents (learn.microsoft.com: how-to-train-distributed-gpu): PyTorch's ranks
get ``MASTER_ADDR`` and similar ones, TensorFlow's get ``TF_CONFIG``, and ``mpirun`` starts those of MPI.
"""

import json
from dataclasses import replace

from harness.errors import ToolkitError
from harness.toolkits.toolkit import Assignment, Node, Process, spread, text, under_mpi

_FIRST_PORT = 29_400  # of the ports at which ranks meet on this machine; each job has a few
_PORTS_OF_A_JOB, _JOBS = 8, 2000


def processes(job: Assignment) -> tuple[Process, ...]:
    """The processes of a command job.

    Its settings are ``commandLine``, ``distribution`` (empty, or one of the service's) with its fields, and ``index``,
    a number that distinguishes the jobs of a workspace.

    Raises:
        ToolkitError: the distribution does not exist, or Open MPI is not installed.
    """
    distribution = text(job.settings, "distribution").lower()
    starters = {"": _plain, "pytorch": _pytorch, "mpi": _mpi, "tensorflow": _tensorflow}
    if distribution not in starters:
        raise ToolkitError(f"there is no distribution {distribution!r}; there are mpi, pytorch and tensorflow")
    return starters[distribution](job)


def _plain(job: Assignment) -> tuple[Process, ...]:
    """One process on every node."""
    total = len(job.nodes)
    return tuple(_process(job, rank, node, label=_label(rank, total)) for rank, node in enumerate(job.nodes))


def _pytorch(job: Assignment) -> tuple[Process, ...]:
    """``processCountPerInstance`` ranks on every node, which meet at the first node."""
    per_node = _number(job, "processCountPerInstance", 1)
    total = per_node * len(job.nodes)
    return tuple(
        _process(
            job,
            rank,
            node,
            label=_label(rank, total),
            MASTER_ADDR=job.host(job.nodes[0]),
            MASTER_PORT=str(_port(job)),
            WORLD_SIZE=str(total),
            RANK=str(rank),
            LOCAL_RANK=str(rank % per_node),
            NODE_RANK=str(rank // per_node),
        )
        for rank, node in enumerate(spread(job, total))
    )


def _mpi(job: Assignment) -> tuple[Process, ...]:
    """One launcher on the first node."""
    total = _number(job, "processCountPerInstance", 1) * len(job.nodes)
    launcher = _process(job, 0, job.nodes[0], label="")
    note = f"command under {job.mpirun}, {total} processes"
    return (replace(launcher, command=under_mpi(job, launcher.command, processes=total), note=note),)


def _tensorflow(job: Assignment) -> tuple[Process, ...]:
    """Parameter servers and workers, each with its role in ``TF_CONFIG``; the job ends with its workers."""
    servers, workers = _number(job, "parameterServerCount", 0), _number(job, "workerCount", len(job.nodes))
    roles = [*(("ps", index) for index in range(servers)), *(("worker", index) for index in range(workers))]
    addresses: dict[str, list[str]] = {}
    nodes = spread(job, len(roles))
    for offset, ((role, _), node) in enumerate(zip(roles, nodes, strict=True)):
        addresses.setdefault(role, []).append(f"{job.host(node)}:{_port(job) + offset}")
    processes_by_rank = []
    for rank, ((role, index), node) in enumerate(zip(roles, nodes, strict=True)):
        config = {"cluster": addresses, "task": {"type": role, "index": index}, "environment": "cloud"}
        label = f"_{index:02}_ps" if role == "ps" else _label(index, workers)
        process = _process(job, rank, node, label=label, TF_CONFIG=json.dumps(config))
        processes_by_rank.append(replace(process, leads=role == "worker"))
    return tuple(processes_by_rank)


def _process(job: Assignment, rank: int, node: Node, *, label: str, **variables: str) -> Process:
    environment = {
        "AZUREML_NODE_COUNT": str(len(job.nodes)),
        "AZUREML_CR_NODE_RANK": str(job.nodes.index(node)),
        "AZ_BATCHAI_TASK_INDEX": str(rank),
        "AZ_BATCHAI_MPI_MASTER_NODE": job.host(job.nodes[0]),
        "AZ_BATCH_MASTER_NODE": f"{job.host(job.nodes[0])}:{_port(job)}",
    }
    command_line = text(job.settings, "commandLine")
    return Process(rank, node, command_line, {**environment, **variables}, label=label, note="command")


def _label(rank: int, total: int) -> str:
    """The part of a log's name that distinguishes processes; empty if there is only one."""
    return "" if total == 1 else f"_process_{rank:02}"


def _number(job: Assignment, name: str, default: int) -> int:
    value = job.settings.get(name)
    return value if isinstance(value, int) and value >= 0 else default


def _port(job: Assignment) -> int:
    """The first of this job's ports, which differ from those of other jobs of the workspace."""
    return _FIRST_PORT + _number(job, "index", 0) % _JOBS * _PORTS_OF_A_JOB
