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
    """The body of the request that submits a trial's job.

    Args:
        job: with parameters filled in.
        experiment: that it belongs to.
        volumes: the volumes that the nodes of its cluster mount.
        segment: the job's own directory below the prefixes of its outputs.
        names: of the job, its experiment, cluster and workspace, by Batch AI's variables for them.
        ids: of the compute, the environment and the code: ``computeId`` and so on.
        limits: the longest that it may run; the service cancels it then.
        tags: of the job.
        options: the options that only this service has.
        size: VM size of the nodes of a serverless job.

    Raises:
        JobError: an output is on no share and in no container; or the processes cannot be spread.
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
    """The uris of the outputs of a job, by name; below the prefixes in the scenario, as with Batch AI.

    Raises:
        JobError: one is on no share and in no container.
    """
    paths = {name: _output_path(job, name) for name in (*job.outputs, STREAMS)}
    found = {}
    for name, (prefix, below) in paths.items():
        located = locate(prefix, volumes)
        if located is None:
            raise JobError(f"the output directory {prefix} of job {job.name} is on no share and in no container")
        volume, start = located
        found[name] = volume.uri("/".join(filter(None, (start.strip("/"), segment, below))))
    return found


def _output_path(job: JobSpec, name: str) -> tuple[str, str]:
    if name == STREAMS:
        return job.stdouterr, "stdouterr"
    output = job.outputs[name]
    return output.prefix, f"outputs/{output.suffix or name}"


def _inputs(job: JobSpec, volumes: tuple[MountedVolume, ...]) -> dict[str, Any]:
    found = {volume_input(index): volume.uri("") for index, volume in enumerate(volumes)}
    for name, path in job.inputs.items():
        if located := locate(path, volumes):
            volume, within = located
            found[name] = volume.uri(within)
    return {name: {"jobInputType": _FOLDER, "uri": uri, "mode": "ReadOnlyMount"} for name, uri in found.items()}


def _distribution(job: JobSpec) -> dict[str, Any] | None:
    """How the service starts the processes of a toolkit; by default one for each node, as Batch AI did.

    Raises:
        JobError: they cannot be spread over the nodes.
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
