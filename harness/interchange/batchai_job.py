"""A job of Batch AI, as ``az batchai job create -f`` takes it, as a scenario."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harness.interchange.draft import Draft, literal, name_of, scenario_name
from harness.interchange.mounts import ROOT, Mounts
from harness.interchange.source import Source
from harness.interchange.variables import take_variables
from harness.scenario.job import Toolkit
from harness.scenario.record import Duration

# Settings of a toolkit -> the toolkit, and how they call what a scenario calls by another name.
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


def take_job(source: Source, mounts: Mounts, cluster: Mapping[str, Any] | None) -> Draft:
    """The scenario of a job.

    Args:
        source: the file of the job.
        mounts: what its cluster mounts; gets what the job mounts.
        cluster: the section ``cluster``; None where no file of a cluster was given.

    Raises:
        UserError: the job runs what no scenario can run.
    """
    root = source.root
    mounts.take(source, "job", *root, "mountVolumes")
    name = scenario_name(source.path, source.text("name"))
    job = _job(source, mounts, name)
    nodes = job["nodes"]
    made = {"name": _cluster_name(source), "nodes": nodes} if cluster is None else dict(cluster)
    if cluster is None:
        source.note(*root, text=f"no cluster was given; the scenario has one of {nodes} node(s) STANDARD_NC6")
    _grow(source, made, nodes)
    source.drop(*root, "schedulingPriority", why="the jobs of a scenario are alike")
    source.drop(*root, "secrets", why="a scenario holds no secrets")
    source.drop(*root, "constraints", "maxRetryCount", why="harness run --resume runs again what has failed")
    draft = Draft({"scenario": name, "location": source.text("location")})
    limit = _running(source)
    draft.sections |= {
        "resource_group": name_of(f"{name[:80]}-group", otherwise="imported-group"),
        "cluster": made,
        "job": job,
        "limits": {"running": limit} if limit else None,
        **mounts.sections(),
    }
    return draft


def _job(source: Source, mounts: Mounts, name: str) -> dict[str, Any]:
    root = source.root

    def placed(*field_path: str | int) -> str | None:
        text = source.text(*field_path)
        return None if text is None else literal(mounts.placed(text, source, *field_path))

    job: dict[str, Any] = {
        "name": name,
        **_toolkit(source, mounts),
        "image": _image(source),
        "nodes": max(1, source.number(*root, "nodeCount") or 1),
        "preparation": placed(*root, "jobPreparation", "commandLine"),
        "inputs": {
            source.text(*item, "id") or "": placed(*item, "path") or ""
            for item in source.items(*root, "inputDirectories")
        },
        "outputs": {source.text(*item, "id") or "": _output(source, mounts, *item)
                    for item in source.items(*root, "outputDirectories")},
        "environment": take_variables(source, mounts, *root, "environmentVariables"),
    }  # fmt: skip
    stdouterr = placed(*root, "stdOutErrPathPrefix")
    if stdouterr is None:
        raise source.refuse(*root, "stdOutErrPathPrefix", text="is missing: a job needs a directory for its logs")
    job["stdouterr"] = stdouterr
    return {key: value for key, value in job.items() if value not in (None, {}, "")}


def _toolkit(source: Source, mounts: Mounts) -> dict[str, Any]:
    found = [name for name in _TOOLKITS if source.has(*source.root, name)]
    if len(found) != 1:
        said = " and ".join(found) or "none"
        raise source.refuse(*source.root, text=f"a job has the settings of one toolkit; found {said}")
    toolkit, arguments = _TOOLKITS[found[0]]
    where = (*source.root, found[0])
    if source.has(*where, "configFilePath"):
        what = (
            "BrainScript, which needs Microsoft's cntk program" if toolkit == "cntk" else "a solver of Caffe's program"
        )
        raise source.refuse(*where, "configFilePath", text=f"is {what}; a scenario runs Python scripts and commands")
    job: dict[str, Any] = {"toolkit": toolkit}
    for wire, name in (_TEXTS | dict(arguments)).items():
        if text := source.text(*where, wire):
            job[name] = literal(mounts.placed(text, source, *where, wire))
    for wire, name in _NUMBERS.items():
        if number := source.number(*where, wire):
            job[name] = number
    source.ignore(*where, "languageType")
    source.drop(*where, "communicationBackend", why="PyTorch's processes meet by gloo")
    wanted = "command" if toolkit in ("customToolkit", "customMpi") else "script"
    if wanted not in job:
        raise source.refuse(*where, text=f"gives no {'commandLine' if wanted == 'command' else 'pythonScriptFilePath'}")
    return job


def _output(source: Source, mounts: Mounts, *item: str | int) -> dict[str, str]:
    source.ignore(*item, "createNew")
    source.ignore(*item, "type")
    prefix = source.text(*item, "pathPrefix") or ROOT
    output = {"prefix": literal(mounts.placed(prefix, source, *item, "pathPrefix"))}
    if suffix := source.text(*item, "pathSuffix"):
        output["suffix"] = literal(suffix)
    return output


def _image(source: Source) -> str | None:
    where = (*source.root, "containerSettings")
    source.drop(*where, "shmSize", why="the service's own size of shared memory is used")
    source.drop(*where, "imageSourceRegistry", "credentials", why="a scenario holds no secrets")
    server = (source.text(*where, "imageSourceRegistry", "serverUrl") or "").removeprefix("https://").strip("/")
    image = source.text(*where, "imageSourceRegistry", "image")
    if image is None:
        return None
    return literal(f"{server}/{image}" if server and not image.startswith(f"{server}/") else image)


def _cluster_name(source: Source) -> str:
    found = _CLUSTER_ID.match(source.text(*source.root, "cluster", "id") or "")
    return name_of(found[1] if found else "cluster", otherwise="cluster")


def _grow(source: Source, cluster: dict[str, Any], nodes: int) -> None:
    """A cluster has the nodes that its job needs."""
    source.ignore(*source.root, "cluster", "id")
    has = cluster["nodes"]
    most = has["max"] if isinstance(has, dict) else has
    if most < nodes:
        cluster["nodes"] = {**has, "max": nodes} if isinstance(has, dict) else nodes
        source.note(*source.root, "nodeCount", text=f"the cluster has {most} node(s); the scenario's has {nodes}")


def _running(source: Source) -> str | None:
    where = (*source.root, "constraints", "maxWallClockTime")
    limit = source.text(*where)
    if limit is None:
        return None
    try:
        _DURATION.validate_python(limit)
    except ValidationError:
        source.note(*where, text=f"is not carried over: {limit} is no ISO 8601 duration of up to 7 days")
        return None
    return literal(limit)
