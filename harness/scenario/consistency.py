"""Checks that the parts of a scenario are consistent, so that its job can work; pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.scenario.direction import Direction
from harness.scenario.document import FieldPath
from harness.suggestions import suggestion
from harness.vm_sizes import vm_size

if TYPE_CHECKING:
    from harness.scenario.job import JobSpec
    from harness.scenario.model import ExpectSpec, Scenario
    from harness.scenario.search import SearchSpec
    from harness.scenario.volumes import VolumeSpec

Mistake = tuple[FieldPath, str]

STDOUTERR = "stdouterr"
_PREFIX = "AZ_BATCHAI_"
_MOUNT_ROOT = "AZ_BATCHAI_MOUNT_ROOT"
_MOUNT_ROOTS = (f"${_MOUNT_ROOT}", f"${{{_MOUNT_ROOT}}}", "/mnt/batch/tasks/shared/LS_root/mounts")
_JOB_MOUNT_ROOTS = (
    "$AZ_BATCHAI_JOB_MOUNT_ROOT",
    "${AZ_BATCHAI_JOB_MOUNT_ROOT}",
)  # unused: scenarios mount nothing here
_VARIABLE = re.compile(r"\$(?:\{(AZ_BATCHAI_\w+)\}|(AZ_BATCHAI_\w+))", re.ASCII)
# Variables that Batch AI sets besides those of the job's directories, by its documentation and its job samples.
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
_BRAINSCRIPT = (".cntk", ".bs")  # suffixes of BrainScript files


def mistakes_of(scenario: "Scenario") -> Iterator[Mistake]:
    """Yield every field of a scenario that contradicts others, and why."""
    yield from _volumes(scenario)
    yield from trial_mistakes(scenario, scenario.job, scenario.expect)
    if goal := scenario.sweep.goal:
        for direction, names in (("minimize", goal.minimize), ("maximize", goal.maximize)):
            for name in names:
                if name not in scenario.metrics:
                    hint = suggestion(name, scenario.metrics)
                    text = f"metrics defines no {name!r}" + (f"; {hint}" if hint else "")
                    yield ("sweep", "goal", direction), text
    if search := scenario.sweep.search:
        yield from _search(scenario, search)
    yield from _sweep_expectations(scenario)


def _sweep_expectations(scenario: "Scenario") -> Iterator[Mistake]:
    """Check that the expectations of a sweep name defined metrics whose better direction is known."""
    expect, section = scenario.sweep.expect, ("sweep", "expect")
    yield from _unknown((*section, "best"), expect.best, scenario.metrics, "metrics defines no")
    for index, spec in enumerate(expect.monotone):
        yield from (
            ((*section, "monotone", index, "metric"), text)
            for _, text in _unknown((), [spec.metric], scenario.metrics, "metrics defines no")
        )
        yield from (
            ((*section, "monotone", index, "parameter"), text)
            for _, text in _unknown((), [spec.parameter], scenario.sweep.names(), "the sweep has no")
        )
    if expect.baseline is None:
        return
    yield from _unknown((*section, "baseline", "worse"), expect.baseline.worse, scenario.metrics, "metrics defines no")
    for name in expect.baseline.worse:
        if name in scenario.metrics and direction_of(scenario, name) is None:
            text = f"state which values are better: sweep.goal: {{minimize: {name}}}, or a bound in expect.metrics"
            yield (*section, "baseline", "worse", name), text


def _search(scenario: "Scenario", search: "SearchSpec") -> Iterator[Mistake]:
    """Check that the metrics that a search uses are defined."""
    yield from _unknown(("sweep", "search", "constraints"), search.constraints, scenario.metrics, "metrics defines no")
    steps = [name for name, spec in scenario.metrics.items() if spec.step and spec.is_followed]
    metric = watched_metric(scenario)
    if search.metric is not None and search.metric not in steps:
        hint = f"; those with step: true are: {', '.join(steps)}" if steps else ""
        yield ("sweep", "search", "metric"), f"metrics defines no {search.metric!r} with step: true{hint}"
    elif search.pruner and metric is None:
        text = "a pruner needs a metric that is read while a job runs: add step: true to a metric"
        yield ("sweep", "search", "pruner"), text + (f", and name it: metric: {steps[0]}" if steps else "")


def direction_of(scenario: "Scenario", metric: str) -> Direction | None:
    """Return the better direction of a metric, from the goal of the sweep, else from its bound; None if unknown."""
    goal, bound = scenario.sweep.goal, scenario.expect.metrics.get(metric)
    if goal is not None and metric in goal.names:
        return goal.direction(metric)
    return None if bound is None else bound.direction


def watched_metric(scenario: "Scenario") -> str | None:
    """Return the metric that a pruner reads while a job runs: the named one, the goal's, or the only one with steps."""
    search, goal = scenario.sweep.search, scenario.sweep.goal
    if search is None or goal is None:
        return None
    steps = [name for name, spec in scenario.metrics.items() if spec.step and spec.is_followed]
    candidates = (search.metric, *(goal.names if len(goal.names) == 1 else ()), *(steps if len(steps) == 1 else ()))
    return next((name for name in candidates if name in steps), None)


def trial_mistakes(scenario: "Scenario", job: "JobSpec", expect: "ExpectSpec") -> Iterator[Mistake]:
    """Yield the contradictions in a trial, which has its own job and expectations."""
    if job.nodes > scenario.cluster.most_nodes:
        yield ("job", "nodes"), f"the job needs {job.nodes} nodes, the cluster has {scenario.cluster.most_nodes}"
    size = vm_size(scenario.cluster.vm_size)
    if job.gpus and size is not None and job.gpus > size.gpus:
        yield ("job", "gpus"), f"the job uses {job.gpus} GPUs of each node, and a {size.name} has {size.gpus}"
    yield from _unknown(("expect", "metrics"), expect.metrics, scenario.metrics, "metrics defines no")
    yield from _unknown(("expect", "files"), expect.files, (*job.outputs, STDOUTERR), "there is no output directory")
    yield from _paths(job, [volume.mount for volume in scenario.volumes.values()])
    yield from _variables(job)
    setup = scenario.cluster.setup
    if setup is not None and setup.stdouterr is not None:
        mounts = [volume.mount for volume in scenario.volumes.values()]
        yield from _path_off_volumes(("cluster", "setup", STDOUTERR), setup.stdouterr, mounts)
    if job.toolkit == "cntk" and (job.script or "").lower().endswith(_BRAINSCRIPT):
        text = f"{job.script} is BrainScript, which needs Microsoft's cntk program; only Python scripts run"
        yield ("job", "script"), text


def _unknown(section: FieldPath, names: Iterable[str], choices: Iterable[str], text: str) -> Iterator[Mistake]:
    for name in names:
        if name not in choices:
            hint = suggestion(name, choices)
            yield (*section, name), f"{text} {name!r}" + (f"; {hint}" if hint else "")


def _volumes(scenario: "Scenario") -> Iterator[Mistake]:
    """Check that there is a volume, that no volume is named twice, and that no mounts overlap."""
    if not scenario.volumes:
        yield ("share",), "a job needs storage for its logs: give share, shares or containers"
    volumes: list[tuple[str, VolumeSpec]] = []
    for field_path, volume in scenario.volumes.items():
        dotted = ".".join(map(str, field_path))
        for earlier, other in volumes:
            if (volume.kind, volume.name) == (other.kind, other.name):
                yield (
                    (*field_path, "name"),
                    f"{volume.kind} {volume.name} is already in {earlier}; mount it once",
                )
            if _overlap(volume.mount, other.mount):
                yield (*field_path, "mount"), f"{volume.mount!r} is taken: nodes mount {earlier} at {other.mount!r}"
        volumes.append((dotted, volume))


def _overlap(mount: str, other: str) -> bool:
    first, second = PurePosixPath(mount), PurePosixPath(other)
    return first.is_relative_to(second) or second.is_relative_to(first)


def _paths(job: "JobSpec", mounts: Sequence[str]) -> Iterator[Mistake]:
    """Check that the directories of a job are on a volume; an input may also be on the node or in the image."""
    yield from _path_off_volumes(("job", STDOUTERR), job.stdouterr, mounts)
    for name, output in job.outputs.items():
        yield from _path_off_volumes(("job", "outputs", name, "prefix"), output.prefix, mounts)
    for name, path in job.inputs.items():
        if path.startswith((*_MOUNT_ROOTS, *_JOB_MOUNT_ROOTS)):
            yield from _path_off_volumes(("job", "inputs", name), path, mounts)


def _path_off_volumes(field_path: FieldPath, path: str, mounts: Sequence[str]) -> Iterator[Mistake]:
    below = below_mount_root(path)
    inside = below is not None and ".." not in below.parts
    if mounts and not (inside and below and any(below.is_relative_to(mount.strip("/")) for mount in mounts)):
        directories = ", ".join(f"${_MOUNT_ROOT}/{mount.strip('/')}" for mount in mounts)
        problem = "not on the share, which is" if len(mounts) == 1 else "on no share or container; these are"
        yield field_path, f"{path!r} is {problem} mounted at {directories}"


def below_mount_root(path: str) -> PurePosixPath | None:
    """Return a path of a job relative to the mount root of nodes; None if it is elsewhere."""
    root = next((root for root in _MOUNT_ROOTS if path == root or path.startswith(f"{root}/")), None)
    return PurePosixPath(path.removeprefix(root).lstrip("/")) if root else None


def _variables(job: "JobSpec") -> Iterator[Mistake]:
    """Check that the ``AZ_BATCHAI_`` variables that a job uses exist."""
    inputs, outputs = (f"{_PREFIX}INPUT_", job.inputs), (f"{_PREFIX}OUTPUT_", job.outputs)
    own = [f"{prefix}{name}" for prefix, names in (inputs, outputs) for name in names]
    variables = [*_VARIABLES, *own, *job.environment]
    for field_path, text in _texts(job):
        for variable in dict.fromkeys(match[1] or match[2] for match in _VARIABLE.finditer(text)):
            if variable in variables:
                continue
            directories = [name for name in own if name.startswith(variable.rpartition("_")[0])]
            hint = suggestion(variable, directories or variables)
            yield ("job", *field_path), f"there is no variable ${variable}" + (f"; {hint}" if hint else "")


def _texts(job: "JobSpec") -> Iterator[tuple[FieldPath, str]]:
    """Yield the texts of a job in which nodes expand variables."""
    fields: Mapping[str, str | None] = {
        "script": job.script,
        "args": job.args,
        "worker_args": job.worker_args,
        "parameter_server_args": job.parameter_server_args,
        "command": job.command,
        "preparation": job.preparation,
        "stdouterr": job.stdouterr,
    }
    yield from (((name,), text) for name, text in fields.items() if text)
    yield from ((("inputs", name), path) for name, path in job.inputs.items())
    yield from ((("outputs", name, "prefix"), output.prefix) for name, output in job.outputs.items())
    yield from ((("environment", name), value) for name, value in job.environment.items())
