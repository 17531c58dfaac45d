"""TensorFlow: workers (the first is the master) and parameter servers, which ``TF_CONFIG`` describes to each other.

Each process has its own port from 2222 on, Batch AI's port, since several nodes may be one machine.
"""

import json

from harness.toolkits.toolkit import Assignment, Process, choice, count, script, spread

_FIRST_PORT = 2222


def processes(job: Assignment) -> tuple[Process, ...]:
    """One process with the master's arguments; with counts or several nodes, parameter servers and workers."""
    if not job.settings.get("workerCount") and not job.settings.get("parameterServerCount") and len(job.nodes) == 1:
        return (_process(job, role="master", index=0, cluster={}, node_index=0),)
    workers = count(job, "workerCount")
    servers = job.settings.get("parameterServerCount")
    servers = servers if isinstance(servers, int) and servers > 0 else 1
    nodes = {id(node): i for i, node in enumerate(job.nodes)}
    worker_nodes = [nodes[id(node)] for node in spread(job, workers)]
    process_nodes = [*(i % len(job.nodes) for i in range(servers)), *worker_nodes]
    hosts = [f"{job.host(job.nodes[node])}:{_FIRST_PORT + i}" for i, node in enumerate(process_nodes)]
    cluster = {"ps": hosts[:servers], "worker": hosts[servers:]}
    return (
        *(_process(job, role="ps", index=i, cluster=cluster, node_index=i % len(job.nodes)) for i in range(servers)),
        *(
            _process(job, role="worker" if i else "master", index=i, cluster=cluster, node_index=node_index)
            for i, node_index in enumerate(worker_nodes)
        ),
    )


def _process(job: Assignment, *, role: str, index: int, cluster: dict[str, list[str]], node_index: int) -> Process:
    arguments = {"master": "master", "worker": "worker", "ps": "parameterServer"}[role] + "CommandLineArgs"
    config = {"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"}
    interpreter = choice(job, "tensorFlow")
    return Process(
        index,
        job.nodes[node_index],
        script(job, interpreter.python, arguments),
        {
            "TF_CONFIG": json.dumps(config),
            "AZ_BATCHAI_TASK_INDEX": str(index),
            "AZ_BATCHAI_PS_HOSTS": ",".join(cluster.get("ps", [])),
            "AZ_BATCHAI_WORKER_HOSTS": ",".join(cluster.get("worker", [])),
        },
        label=f"-{'ps' if role == 'ps' else 'wk'}-{index}",
        leads=role != "ps",
        note=f"toolkit: {interpreter.description}",
        python=interpreter.python,
    )
