"""Import of a cluster of Batch AI, a file of ``az batchai cluster create -f``, as the cluster of a scenario."""

from typing import Any

from harness.interchange.draft import SMALLEST_SIZE, is_known_size, literal, name_of
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source
from harness.interchange.variables import read_variables


def cluster_from_batchai(source: Source, mounts: Mounts) -> dict[str, Any]:
    """Return the section ``cluster`` of the scenario.

    Args:
        source: the file.
        mounts: receives the volumes that the cluster mounts.
    """
    root = source.root
    setup = (*root, "nodeSetup")
    mounts.read(source, "cluster", *setup, "mountVolumes")
    section = {
        "name": name_of(source.text("name") or source.path.stem, otherwise="cluster"),
        "vm_size": size_of(source, *root, "vmSize"),
        "priority": _priority(source),
        "setup": _setup(source, mounts),
        "nodes": _nodes(source),
    }
    source.drop(*setup, "performanceCountersSettings", why="the emulator and Azure ML have no performance counters")
    source.drop(*root, "userAccountSettings", why="the nodes' administrator comes from settings")
    source.drop(*root, "virtualMachineConfiguration", why="nodes use the service's image; jobs name a container image")
    source.drop(*root, "subnet", why="a scenario's cluster cannot join your network")
    return {name: value for name, value in section.items() if value is not None}


def size_of(source: Source, *field_path: str | int) -> str:
    """Return a VM size; an unknown size is replaced by the smallest."""
    size = source.text(*field_path) or SMALLEST_SIZE
    if is_known_size(size):
        return literal(size)
    source.note(*field_path, text=f"{size} is not a known size; {SMALLEST_SIZE} replaces it")
    return SMALLEST_SIZE


def _priority(source: Source) -> str | None:
    priority = (source.text(*source.root, "vmPriority") or "").lower()
    return "lowpriority" if priority == "lowpriority" else None


def _nodes(source: Source) -> int | dict[str, int]:
    scale = (*source.root, "scaleSettings")
    source.ignore(*scale, "manual", "nodeDeallocationOption")
    if source.has(*scale, "autoScale"):
        least = source.number(*scale, "autoScale", "minimumNodeCount") or 0
        most = source.number(*scale, "autoScale", "maximumNodeCount") or 0
        if (source.number(*scale, "autoScale", "initialNodeCount") or least) != least:
            source.note(
                *scale, "autoScale", "initialNodeCount", text="is not imported: the cluster begins with the minimum"
            )
        return {"min": least, "max": max(most, least, 1)}
    return max(1, source.number(*scale, "manual", "targetNodeCount") or 0)


def _setup(source: Source, mounts: Mounts) -> dict[str, Any] | None:
    task = (*source.root, "nodeSetup", "setupTask")
    command = source.text(*task, "commandLine")
    source.ignore(*task, "stdOutErrPathSuffix")
    source.ignore(*task, "runElevated")
    source.drop(*task, "secrets", why="a scenario has no secrets")
    if not command:
        return None
    setup: dict[str, Any] = {"command": literal(mounts.translate(command, source, *task, "commandLine"))}
    if prefix := source.text(*task, "stdOutErrPathPrefix"):
        setup["stdouterr"] = literal(mounts.translate(prefix, source, *task, "stdOutErrPathPrefix"))
    if variables := read_variables(source, mounts, *task, "environmentVariables"):
        setup["environment"] = variables
    return setup
