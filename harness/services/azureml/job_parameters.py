"""The definition of a job as Azure Machine Learning takes it. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from harness.errors import JobError
from harness.scenario.model import JobSpec, Limits
from harness.services.azureml.launch_command import (
    STREAMS,
    MountedShare,
    launch_command,
    locate,
    plain_variables,
    share_input,
)

_FOLDER = "uri_folder"


def job_parameters(
    job: JobSpec,
    *,
    experiment: str,
    shares: tuple[MountedShare, ...],
    segment: str,
    places: Mapping[str, str],
    resources: Mapping[str, str],
    limits: Limits,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """The body of the request that submits a trial's job.

    Args:
        job: with parameters filled in.
        experiment: that it belongs to.
        shares: what the nodes of its cluster mount.
        segment: the job's own directory below the prefixes of its outputs.
        places: names of the job, its experiment, cluster and workspace, by Batch AI's variables for them.
        resources: ids of the compute, the environment and the code: ``computeId`` and so on.
        limits: the longest that it may run; the service cancels it then.
        tags: of the job.

    Raises:
        JobError: an output is on no share.
    """
    body: dict[str, Any] = {
        "jobType": "Command",
        "displayName": job.name,
        "experimentName": experiment,
        "tags": dict(tags),
        "properties": {},
        "isArchived": False,
        **resources,
        "command": launch_command(job, shares, places),
        "environmentVariables": plain_variables(job),
        "inputs": _inputs(job, shares),
        "outputs": {
            name: {"jobOutputType": _FOLDER, "uri": uri, "mode": "ReadWriteMount"}
            for name, uri in output_uris(job, shares, segment).items()
        },
        "resources": {"instanceCount": job.nodes, "properties": {}},
        "limits": {"jobLimitsType": "Command", "timeout": _duration(limits.running)},
    }
    if distribution := _distribution(job):
        body["distribution"] = distribution
    return {"properties": body}


def output_uris(job: JobSpec, shares: tuple[MountedShare, ...], segment: str) -> dict[str, str]:
    """Where the outputs of a job are, by name; below the prefixes that the scenario gives, as on Batch AI.

    Raises:
        JobError: one is on no share.
    """
    paths = {name: _output_path(job, name) for name in (*job.outputs, STREAMS)}
    found = {}
    for name, (prefix, below) in paths.items():
        located = locate(prefix, shares)
        if located is None:
            raise JobError(f"the output directory {prefix} of job {job.name} is on no share")
        share, start = located
        found[name] = share.uri("/".join(filter(None, (start.strip("/"), segment, below))))
    return found


def _output_path(job: JobSpec, name: str) -> tuple[str, str]:
    if name == STREAMS:
        return job.stdouterr, "stdouterr"
    output = job.outputs[name]
    return output.prefix, f"outputs/{output.suffix or name}"


def _inputs(job: JobSpec, shares: tuple[MountedShare, ...]) -> dict[str, Any]:
    found = {share_input(index): share.uri("") for index, share in enumerate(shares)}
    for name, path in job.inputs.items():
        if located := locate(path, shares):
            share, within = located
            found[name] = share.uri(within)
    return {name: {"jobInputType": _FOLDER, "uri": uri, "mode": "ReadOnlyMount"} for name, uri in found.items()}


def _distribution(job: JobSpec) -> dict[str, Any] | None:
    """How the service starts the processes of a toolkit: as many as nodes, which is Batch AI's default."""
    match job.toolkit:
        case "pyTorch" | "caffe2":
            return {"distributionType": "PyTorch", "processCountPerInstance": 1} if job.nodes > 1 else None
        case "tensorFlow":
            if job.nodes == 1:
                return None
            return {"distributionType": "TensorFlow", "workerCount": job.nodes, "parameterServerCount": 1}
        case "horovod" | "chainer" | "customMpi":
            return {"distributionType": "Mpi", "processCountPerInstance": 1}
        case "cntk":
            return {"distributionType": "Mpi", "processCountPerInstance": 1} if job.nodes > 1 else None
        case _:
            return None


def _duration(limit: timedelta) -> str:
    """ISO 8601, in whole seconds."""
    return f"PT{max(1, round(limit.total_seconds()))}S"
