"""Import of a job of Batch AI, a file of ``az batchai job create -f``, as a scenario."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.interchange.draft import Draft, literal, name_of, scenario_name
from harness.interchange.mounts import ROOT, Mounts
from harness.interchange.source import Source
from harness.interchange.variables import read_variables
from harness.scenario.job import Toolkit
from harness.scenario.record import Duration

# For the settings of a toolkit: the toolkit, and the scenario's names of fields that are called differently.
_TOOLKITS: Mapping[str, tuple[Toolkit, Mapping[str, str]]] = {
    "cntkSettings": ("cntk", {"commandLineArgs": "args"}),
    "pyTorchSettings": ("pyTorch", {"commandLineArgs": "args"}),
    "tensorFlowSettings": (
        "tensorFlow",
        {
            "masterCommandLineArgs": "args",
            "workerCommandLineArgs": "worker_args",
            "parameterServerCommandLineArgs": "parameter_server_args",
        },
    ),
    "caffeSettings": ("caffe", {"commandLineArgs": "args"}),
    "caffe2Settings": ("caffe2", {"commandLineArgs": "args"}),
    "chainerSettings": ("chainer", {"commandLineArgs": "args"}),
    "horovodSettings": ("horovod", {"commandLineArgs": "args"}),
    "customToolkitSettings": ("customToolkit", {"commandLine": "command"}),
    "customMpiSettings": ("customMpi", {"commandLine": "command"}),
}
_TEXTS = {"pythonScriptFilePath": "script", "pythonInterpreterPath": "interpreter"}
_NUMBERS = {"processCount": "processes", "workerCount": "workers", "parameterServerCount": "parameter_servers"}
_CLUSTER_ID = re.compile(r".*/clusters/([^/]+)", re.IGNORECASE)
_DURATION: TypeAdapter[Any] = TypeAdapter(Duration)


def draft_from_batchai_job(source: Source, mounts: Mounts, cluster: Mapping[str, Any] | None) -> Draft:
    """Convert a job to a scenario.

    Args:
        source: the file of the job.
        mounts: the volumes that its cluster mounts; receives those that the job mounts.
        cluster: the section ``cluster``; None if no file of a cluster was given.

    Raises:
        UserError: no scenario can run the job.
    """
    root = source.root
    mounts.read(source, "job", *root, "mountVolumes")
    name = scenario_name(source.path, source.text("name"))
    job = _job(source, mounts, name)
    nodes = job["nodes"]
    section = {"name": _cluster_name(source), "nodes": nodes} if cluster is None else dict(cluster)
    if cluster is None:
        source.note(*root, text=f"no cluster file was given; the scenario's cluster has {nodes} node(s) STANDARD_NC6")
    _grow(source, section, nodes)
    source.drop(*root, "schedulingPriority", why="all jobs of a scenario have the same priority")
    source.drop(*root, "secrets", why="a scenario has no secrets")
    source.drop(*root, "constraints", "maxRetryCount", why="use retries in the scenario, or harness run --rerun failed")
    draft = Draft({"scenario": name, "location": source.text("location")})
    limit = _run_limit(source)
    draft.sections |= {
        "resource_group": name_of(f"{name[:80]}-group", otherwise="imported-group"),
        "cluster": section,
        "job": job,
        "limits": {"running": limit} if limit else None,
        **mounts.sections(),
    }
    return draft


def _job(source: Source, mounts: Mounts, name: str) -> dict[str, Any]:
    root = source.root

    def translated(*field_path: str | int) -> str | None:
        text = source.text(*field_path)
        return None if text is None else literal(mounts.translate(text, source, *field_path))

    job: dict[str, Any] = {
        "name": name,
        **_toolkit(source, mounts),
        "image": _image(source),
        "nodes": max(1, source.number(*root, "nodeCount") or 1),
        "preparation": translated(*root, "jobPreparation", "commandLine"),
        "inputs": {
            source.text(*item, "id") or "": translated(*item, "path") or ""
            for item in source.items(*root, "inputDirectories")
        },
        "outputs": {source.text(*item, "id") or "": _output(source, mounts, *item)
                    for item in source.items(*root, "outputDirectories")},
        "environment": read_variables(source, mounts, *root, "environmentVariables"),
    }  # fmt: skip
    stdouterr = translated(*root, "stdOutErrPathPrefix")
    if stdouterr is None:
        raise source.refuse(*root, "stdOutErrPathPrefix", text="is missing: a job needs a directory for its logs")
    job["stdouterr"] = stdouterr
    return {key: value for key, value in job.items() if value not in (None, {}, "")}


def _toolkit(source: Source, mounts: Mounts) -> dict[str, Any]:
    names = [name for name in _TOOLKITS if source.has(*source.root, name)]
    if len(names) != 1:
        listing = " and ".join(names) or "none"
        raise source.refuse(*source.root, text=f"a job needs the settings of exactly one toolkit; found {listing}")
    toolkit, arguments = _TOOLKITS[names[0]]
    where = (*source.root, names[0])
    if source.has(*where, "configFilePath"):
        program = (
            "BrainScript, which needs Microsoft's cntk program" if toolkit == "cntk" else "a solver of Caffe's program"
        )
        raise source.refuse(*where, "configFilePath", text=f"is {program}; a scenario runs Python scripts and commands")
    job: dict[str, Any] = {"toolkit": toolkit}
    for wire, name in (_TEXTS | dict(arguments)).items():
        if text := source.text(*where, wire):
            job[name] = literal(mounts.translate(text, source, *where, wire))
    for wire, name in _NUMBERS.items():
        if number := source.number(*where, wire):
            job[name] = number
    source.ignore(*where, "languageType")
    source.drop(*where, "communicationBackend", why="PyTorch's processes use gloo")
    required = "command" if toolkit in ("customToolkit", "customMpi") else "script"
    if required not in job:
        raise source.refuse(*where, text=f"has no {'commandLine' if required == 'command' else 'pythonScriptFilePath'}")
    return job


def _output(source: Source, mounts: Mounts, *item: str | int) -> dict[str, str]:
    source.ignore(*item, "createNew")
    source.ignore(*item, "type")
    prefix = source.text(*item, "pathPrefix") or ROOT
    output = {"prefix": literal(mounts.translate(prefix, source, *item, "pathPrefix"))}
    if suffix := source.text(*item, "pathSuffix"):
        output["suffix"] = literal(suffix)
    return output


def _image(source: Source) -> str | None:
    where = (*source.root, "containerSettings")
    source.drop(*where, "shmSize", why="the service's default size of shared memory is used")
    source.drop(*where, "imageSourceRegistry", "credentials", why="a scenario has no secrets")
    server = (source.text(*where, "imageSourceRegistry", "serverUrl") or "").removeprefix("https://").strip("/")
    image = source.text(*where, "imageSourceRegistry", "image")
    if image is None:
        return None
    return literal(f"{server}/{image}" if server and not image.startswith(f"{server}/") else image)


def _cluster_name(source: Source) -> str:
    match = _CLUSTER_ID.match(source.text(*source.root, "cluster", "id") or "")
    return name_of(match[1] if match else "cluster", otherwise="cluster")


def _grow(source: Source, cluster: dict[str, Any], nodes: int) -> None:
    """Enlarge the cluster to the nodes that its job needs."""
    source.ignore(*source.root, "cluster", "id")
    current = cluster["nodes"]
    most = current["max"] if isinstance(current, dict) else current
    if most < nodes:
        cluster["nodes"] = {**current, "max": nodes} if isinstance(current, dict) else nodes
        source.note(*source.root, "nodeCount", text=f"the cluster has {most} node(s); the scenario's has {nodes}")


def _run_limit(source: Source) -> str | None:
    where = (*source.root, "constraints", "maxWallClockTime")
    limit = source.text(*where)
    if limit is None:
        return None
    try:
        _DURATION.validate_python(limit)
    except ValidationError:
        source.note(*where, text=f"is not imported: {limit} is not an ISO 8601 duration of up to 7 days")
        return None
    return literal(limit)
