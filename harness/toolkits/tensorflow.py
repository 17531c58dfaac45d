"""TensorFlow: workers (the first is the master) and parameter servers, told of each other by ``TF_CONFIG``.

Ports count on from Batch AI's 2222 over all processes, since nodes may be one machine.
"""

import json

from harness.toolkits.toolkit import Assignment, Process, choice, count, script, spread

_FIRST_PORT = 2222


def processes(job: Assignment) -> tuple[Process, ...]:
    """One process with the master's arguments; or, where counts are given, parameter servers and workers."""
    if not job.settings.get("workerCount") and not job.settings.get("parameterServerCount") and len(job.nodes) == 1:
        return (_process(job, role="master", index=0, cluster={}, node_index=0),)
    workers = count(job, "workerCount")
    servers = job.settings.get("parameterServerCount")
    servers = servers if isinstance(servers, int) and servers > 0 else 1
    nodes = {id(node): i for i, node in enumerate(job.nodes)}
    places = [nodes[id(node)] for node in spread(job, workers)]
    on = [*(i % len(job.nodes) for i in range(servers)), *places]
    hosts = [f"{job.host(job.nodes[node])}:{_FIRST_PORT + i}" for i, node in enumerate(on)]
    cluster = {"ps": hosts[:servers], "worker": hosts[servers:]}
    return (
        *(_process(job, role="ps", index=i, cluster=cluster, node_index=i % len(job.nodes)) for i in range(servers)),
        *(
            _process(job, role="worker" if i else "master", index=i, cluster=cluster, node_index=place)
            for i, place in enumerate(places)
        ),
    )


def _process(job: Assignment, *, role: str, index: int, cluster: dict[str, list[str]], node_index: int) -> Process:
    arguments = {"master": "master", "worker": "worker", "ps": "parameterServer"}[role] + "CommandLineArgs"
    config = {"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"}
    chosen = choice(job, "tensorFlow")
    return Process(
        index,
        job.nodes[node_index],
        script(job, chosen.python, arguments),
        {
            "TF_CONFIG": json.dumps(config),
            "AZ_BATCHAI_TASK_INDEX": str(index),
            "AZ_BATCHAI_PS_HOSTS": ",".join(cluster.get("ps", [])),
            "AZ_BATCHAI_WORKER_HOSTS": ",".join(cluster.get("worker", [])),
        },
        label=f"-{'ps' if role == 'ps' else 'wk'}-{index}",
        leads=role != "ps",
        note=f"toolkit: {chosen.description}",
        python=chosen.python,
    )
