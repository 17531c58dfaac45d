"""The fields of an Azure ML command job for a job of a scenario; pure."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any
from urllib.parse import quote

from harness.interchange.azureml_tags import (
    OUTPUT_DIRECTORY,
    TOOLKIT,
    VOLUMES,
    command_line,
    holds_variables,
    volume_input,
)
from harness.scenario.consistency import below_mount_root
from harness.scenario.document import FieldPath
from harness.scenario.job import JobSpec
from harness.scenario.model import Scenario

SENTINEL = "harnessSweptValue{index}x"
"""A placeholder for the value of a swept name, by its position, while the job is generated."""

SENTINELS = re.compile(r"harnessSweptValue(\d+)x")

_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"  # for jobs without an image, which Azure ML requires
_MPI = ("cntk", "caffe", "chainer", "horovod", "customMpi")


def command_of(scenario: Scenario, job: JobSpec, datastores: Mapping[FieldPath, str]) -> dict[str, Any]:
    """Return the fields with the command line, inputs, outputs and resources of a job.

    Args:
        scenario: the scenario with the volumes and the set-up of nodes.
        job: the job with its parameters filled in; a swept parameter may be a sentinel.
        datastores: the names of the datastores, by the fields of the volumes.
    """
    setup = scenario.cluster.setup.command if scenario.cluster.setup else None
    on_node = {
        name: value for name, value in job.environment.items() if holds_variables(value) or SENTINELS.search(value)
    }
    uris = {name: _uri(scenario, datastores, path) for name, path in job.inputs.items()}
    visible = job.model_copy(
        update={"inputs": {name: "${{" if uris[name] else path for name, path in job.inputs.items()}}
    )
    mounts = {
        volume.mount.strip("/"): volume_input(index) for index, volume in enumerate(scenario.volumes.values())
        if _uses_mount_root(job, setup)
    }  # fmt: skip
    volumes = zip(scenario.volumes.items(), range(len(scenario.volumes)), strict=True)
    inputs = {name: _folder(uri, "ro_mount") for name, uri in uris.items() if uri}
    inputs |= {
        volume_input(index): _folder(f"azureml://datastores/{datastores[field_path]}/paths/", "rw_mount")
        for (field_path, _), index in volumes
        if mounts
    }
    volume_tag = " ".join(
        f"{datastores[field_path]}={volume.kind}:{volume.name}:{quote(volume.mount)}"
        for field_path, volume in scenario.volumes.items()
    )
    command = {
        "tags": {TOOLKIT: job.toolkit, VOLUMES: volume_tag},
        "command": command_line(visible, mounts=mounts, variables=on_node, setup=setup),
        "environment": {"image": job.image or _IMAGE},
        "environment_variables": {name: value for name, value in job.environment.items() if name not in on_node},
        "inputs": inputs,
        "outputs": {
            name: _folder(_output_uri(scenario, datastores, output.prefix, output.suffix), "rw_mount")
            for name, output in job.outputs.items()
        },
        "resources": {"instance_count": job.nodes},
        "distribution": _distribution(job),
    }
    return {name: value for name, value in command.items() if value}


def _distribution(job: JobSpec) -> dict[str, Any] | None:
    """Return the field ``distribution``, which decides how the service starts the processes of a toolkit."""
    per_node = ceil((job.processes or job.nodes) / job.nodes)
    match job.toolkit:
        case "tensorFlow" if job.nodes > 1 or job.workers:
            return {
                "type": "tensorflow",
                "worker_count": job.workers or job.nodes,
                "parameter_server_count": job.parameter_servers or 1,
            }
        case "pyTorch" | "caffe2" if job.nodes > 1 or per_node > 1:
            return {"type": "pytorch", "process_count_per_instance": per_node}
        case toolkit if toolkit in _MPI and (toolkit == "customMpi" or job.nodes > 1 or per_node > 1):
            return {"type": "mpi", "process_count_per_instance": per_node}
        case _:
            return None


def _uses_mount_root(job: JobSpec, setup: str | None) -> bool:
    texts = (job.script, job.args, job.command, job.preparation, setup, *job.environment.values(), *job.inputs.values())
    input_paths = {path for path in job.inputs.values() if below_mount_root(path)}
    return any("MOUNT_ROOT" in text for text in texts if text and text not in input_paths)


def _uri(scenario: Scenario, datastores: Mapping[FieldPath, str], path: str) -> str | None:
    """Return the URI of a path of a job; None if the path is on no volume."""
    inner_path = below_mount_root(path)
    for field_path, volume in scenario.volumes.items():
        mount = volume.mount.strip("/")
        if inner_path is not None and inner_path.is_relative_to(mount):
            inner = str(inner_path.relative_to(mount))
            return f"azureml://datastores/{datastores[field_path]}/paths/{'' if inner == '.' else inner}"
    return None


def _output_uri(scenario: Scenario, datastores: Mapping[FieldPath, str], prefix: str, suffix: str) -> str:
    start = (_uri(scenario, datastores, prefix) or "").rstrip("/")
    return "/".join(filter(None, (start, OUTPUT_DIRECTORY, suffix.strip("/"))))


def _folder(uri: str, mode: str) -> dict[str, str]:
    return {"type": "uri_folder", "path": uri, "mode": mode}
