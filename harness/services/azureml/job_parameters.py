"""The definition of a job in the form of Azure Machine Learning. Pure."""

from collections.abc import Mapping
from typing import Any

from harness.errors import JobError
from harness.scenario.azureml import AzureMlSpec
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.azureml.durations import duration_of
from harness.services.azureml.launch_command import (
    STREAMS,
    MountedVolume,
    launch_command,
    locate,
    plain_variables,
    runs_tensorflow_cluster,
    volume_input,
)

_FOLDER = "uri_folder"
_IDENTITIES = {"user": "UserIdentity", "managed": "Managed"}


def job_parameters(
    job: JobSpec,
    *,
    experiment: str,
    volumes: tuple[MountedVolume, ...],
    segment: str,
    names: Mapping[str, str],
    ids: Mapping[str, str],
    limits: Limits,
    tags: Mapping[str, str],
    options: AzureMlSpec | None = None,
    size: str = "",
) -> dict[str, Any]:
    """Create the body of the request that submits a trial's job.

    Args:
        job: the definition, with the values of the trial's parameters.
        experiment: the experiment of the job.
        volumes: the volumes that the nodes of its cluster mount.
        segment: the directory of the job below the prefixes of its outputs.
        names: Batch AI's variable -> the name of the job, its experiment, cluster or workspace.
        ids: the ids of compute, environment and code: ``computeId`` and so on.
        limits: the limits of the scenario; the service cancels the job after ``limits.running``.
        tags: the tags of the job.
        options: the options that only this service has.
        size: the VM size of the nodes of a serverless job.

    Raises:
        JobError: an output is on no share and in no container, or the processes cannot be distributed evenly.
    """
    body: dict[str, Any] = {
        "jobType": "Command",
        "displayName": job.name,
        "experimentName": experiment,
        "tags": dict(tags),
        "properties": {},
        "isArchived": False,
        **ids,
        "command": launch_command(job, volumes, names),
        "environmentVariables": plain_variables(job),
        "inputs": _inputs(job, volumes),
        "outputs": {
            name: {"jobOutputType": _FOLDER, "uri": uri, "mode": "ReadWriteMount"}
            for name, uri in output_uris(job, volumes, segment).items()
        },
        "resources": {"instanceCount": job.nodes, "properties": {}},
        "limits": {"jobLimitsType": "Command", "timeout": duration_of(limits.running)},
    }
    if distribution := _distribution(job):
        body["distribution"] = distribution
    options = options or AzureMlSpec()
    if options.identity is not None:
        body["identity"] = {"identityType": _IDENTITIES[options.identity]}
    if options.serverless:
        body["resources"]["instanceType"] = size
        body["queueSettings"] = {"jobTier": (options.tier or "standard").capitalize()}
    return {"properties": body}


def output_uris(job: JobSpec, volumes: tuple[MountedVolume, ...], segment: str) -> dict[str, str]:
    """The URIs of the outputs of a job by name, below the prefixes in the scenario as in Batch AI.

    Raises:
        JobError: an output is on no share and in no container.
    """
    paths = {name: _output_path(job, name) for name in (*job.outputs, STREAMS)}
    uris = {}
    for name, (prefix, suffix) in paths.items():
        location = locate(prefix, volumes)
        if location is None:
            raise JobError(f"the output directory {prefix} of job {job.name} is on no share and in no container")
        volume, start = location
        uris[name] = volume.uri("/".join(filter(None, (start.strip("/"), segment, suffix))))
    return uris


def _output_path(job: JobSpec, name: str) -> tuple[str, str]:
    if name == STREAMS:
        return job.stdouterr, "stdouterr"
    output = job.outputs[name]
    return output.prefix, f"outputs/{output.suffix or name}"


def _inputs(job: JobSpec, volumes: tuple[MountedVolume, ...]) -> dict[str, Any]:
    uris = {volume_input(index): volume.uri("") for index, volume in enumerate(volumes)}
    for name, path in job.inputs.items():
        if location := locate(path, volumes):
            volume, subpath = location
            uris[name] = volume.uri(subpath)
    return {name: {"jobInputType": _FOLDER, "uri": uri, "mode": "ReadOnlyMount"} for name, uri in uris.items()}


def _distribution(job: JobSpec) -> dict[str, Any] | None:
    """The distribution of a toolkit's processes; by default one for each node, as in Batch AI.

    Raises:
        JobError: the processes cannot be distributed evenly over the nodes.
    """
    match job.toolkit:
        case "tensorFlow":
            if not runs_tensorflow_cluster(job):
                return None
            servers = 1 if job.parameter_servers is None else job.parameter_servers
            workers = job.workers or job.nodes
            return {"distributionType": "TensorFlow", "workerCount": workers, "parameterServerCount": servers}
        case "pyTorch" | "caffe2":
            kind, is_always = "PyTorch", False
        case "horovod" | "chainer" | "customMpi":
            kind, is_always = "Mpi", True
        case "cntk" | "caffe":
            kind, is_always = "Mpi", False
        case _:
            return None
    processes = job.processes or job.nodes
    if processes % job.nodes:
        raise JobError(
            f"job {job.name} has {processes} processes on {job.nodes} nodes: Azure Machine Learning starts as many on "
            "each node; make job.processes a multiple of job.nodes"
        )
    if processes == 1 and not is_always:
        return None
    return {"distributionType": kind, "processCountPerInstance": processes // job.nodes}
