"""What the parts of a scenario must agree on for its job to work; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.scenario.document import FieldPath
from harness.suggestions import suggestion

if TYPE_CHECKING:
    from harness.scenario.model import ExpectSpec, JobSpec, Scenario

Mistake = tuple[FieldPath, str]

STDOUTERR = "stdouterr"
_PREFIX = "AZ_BATCHAI_"
_MOUNT_ROOT = "AZ_BATCHAI_MOUNT_ROOT"
_MOUNT_ROOTS = (f"${_MOUNT_ROOT}", f"${{{_MOUNT_ROOT}}}", "/mnt/batch/tasks/shared/LS_root/mounts")
_JOB_MOUNT_ROOTS = ("$AZ_BATCHAI_JOB_MOUNT_ROOT", "${AZ_BATCHAI_JOB_MOUNT_ROOT}")  # where a scenario mounts nothing
_VARIABLE = re.compile(r"\$(?:\{(AZ_BATCHAI_\w+)\}|(AZ_BATCHAI_\w+))", re.ASCII)
# What Batch AI sets besides the directories of the job, by its documentation and its job samples.
_VARIABLES = (
    _MOUNT_ROOT,
    "AZ_BATCHAI_JOB_MOUNT_ROOT",
    "AZ_BATCHAI_JOB_TEMP",
    "AZ_BATCHAI_JOB_TEMP_DIR",
    "AZ_BATCHAI_SHARED_JOB_TEMP",
    "AZ_BATCHAI_STDOUTERR_DIR",
    "AZ_BATCHAI_MPI_HOST_FILE",
    "AZ_BATCHAI_NUM_GPUS",
    "AZ_BATCHAI_NUM_GPUS_PER_NODE",
    "AZ_BATCHAI_TASK_INDEX",
    "AZ_BATCHAI_PS_HOSTS",
    "AZ_BATCHAI_WORKER_HOSTS",
    "AZ_BATCHAI_PYTORCH_INIT_METHOD",
    "AZ_BATCHAI_PYTORCH_BACKEND",
)
_BRAINSCRIPT = (".cntk", ".bs")  # the endings of its scripts


def mistakes_of(scenario: "Scenario") -> Iterator[Mistake]:
    """Every field of a scenario that cannot work with the others, and why."""
    yield from trial_mistakes(scenario, scenario.job, scenario.expect)


def trial_mistakes(scenario: "Scenario", job: "JobSpec", expect: "ExpectSpec") -> Iterator[Mistake]:
    """The same for a trial with a job and expectations of its own."""
    if job.nodes > scenario.cluster.most_nodes:
        yield ("job", "nodes"), f"the job needs {job.nodes} nodes, the cluster has {scenario.cluster.most_nodes}"
    yield from _unknown(("expect", "metrics"), expect.metrics, scenario.metrics, "metrics defines no")
    yield from _unknown(("expect", "files"), expect.files, (*job.outputs, STDOUTERR), "there is no output directory")
    yield from _paths(job, scenario.share.mount)
    yield from _variables(job)
    if job.toolkit == "cntk" and (job.script or "").lower().endswith(_BRAINSCRIPT):
        text = f"{job.script} is BrainScript, which needs Microsoft's cntk program; only Python scripts run"
        yield ("job", "script"), text


def _unknown(section: FieldPath, named: Iterable[str], known: Iterable[str], text: str) -> Iterator[Mistake]:
    for name in named:
        if name not in known:
            hint = suggestion(name, known)
            yield (*section, name), f"{text} {name!r}" + (f"; {hint}" if hint else "")


def _paths(job: "JobSpec", mount: str) -> Iterator[Mistake]:
    """The directories of a job must be on the share; an input may also be on the node or in the image."""
    yield from _off_the_share((STDOUTERR,), job.stdouterr, mount)
    for name, output in job.outputs.items():
        yield from _off_the_share(("outputs", name, "prefix"), output.prefix, mount)
    for name, path in job.inputs.items():
        if path.startswith((*_MOUNT_ROOTS, *_JOB_MOUNT_ROOTS)):
            yield from _off_the_share(("inputs", name), path, mount)


def _off_the_share(field_path: FieldPath, path: str, mount: str) -> Iterator[Mistake]:
    root = next((root for root in _MOUNT_ROOTS if path == root or path.startswith(f"{root}/")), None)
    below = PurePosixPath(path.removeprefix(root).lstrip("/")) if root else None
    if below is None or ".." in below.parts or not below.is_relative_to(mount.strip("/")):
        text = f"{path!r} is not on the share, which nodes see as ${_MOUNT_ROOT}/{mount.strip('/')}"
        yield ("job", *field_path), text


def _variables(job: "JobSpec") -> Iterator[Mistake]:
    """Batch AI's variables that a job uses must be among those that it gets."""
    inputs, outputs = (f"{_PREFIX}INPUT_", job.inputs), (f"{_PREFIX}OUTPUT_", job.outputs)
    own = [f"{prefix}{name}" for prefix, names in (inputs, outputs) for name in names]
    known = [*_VARIABLES, *own, *job.environment]
    for field_path, text in _texts(job):
        for found in dict.fromkeys(match[1] or match[2] for match in _VARIABLE.finditer(text)):
            if found in known:
                continue
            directories = [name for name in own if name.startswith(found.rpartition("_")[0])]
            hint = suggestion(found, directories or known)
            yield ("job", *field_path), f"there is no variable ${found}" + (f"; {hint}" if hint else "")


def _texts(job: "JobSpec") -> Iterator[tuple[FieldPath, str]]:
    """What a node expands variables in."""
    fields: Mapping[str, str | None] = {
        "script": job.script,
        "args": job.args,
        "command": job.command,
        "preparation": job.preparation,
        "stdouterr": job.stdouterr,
    }
    yield from (((name,), text) for name, text in fields.items() if text)
    yield from ((("inputs", name), path) for name, path in job.inputs.items())
    yield from ((("outputs", name, "prefix"), output.prefix) for name, output in job.outputs.items())
    yield from ((("environment", name), value) for name, value in job.environment.items())
