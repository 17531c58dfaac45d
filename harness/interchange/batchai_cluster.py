"""A cluster of Batch AI, as ``az batchai cluster create -f`` takes it, as a scenario's."""

from typing import Any

from harness.interchange.draft import SMALLEST_SIZE, known_size, literal, name_of
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source
from harness.interchange.variables import take_variables


def take_cluster(source: Source, mounts: Mounts) -> dict[str, Any]:
    """The section ``cluster`` of the scenario.

    Args:
        source: the file.
        mounts: gets what the cluster mounts.
    """
    root = source.root
    setup = (*root, "nodeSetup")
    mounts.take(source, "cluster", *setup, "mountVolumes")
    section = {
        "name": name_of(source.text("name") or source.path.stem, otherwise="cluster"),
        "vm_size": size_of(source, *root, "vmSize"),
        "priority": _priority(source),
        "setup": _setup(source, mounts),
        "nodes": _nodes(source),
    }
    source.drop(*setup, "performanceCountersSettings", why="the emulator and Azure ML keep no performance counters")
    source.drop(*root, "userAccountSettings", why="the nodes' administrator comes from settings")
    source.drop(*root, "virtualMachineConfiguration", why="nodes have the service's image; jobs name a container image")
    source.drop(*root, "subnet", why="a scenario's cluster is in no network of yours")
    return {name: value for name, value in section.items() if value is not None}


def size_of(source: Source, *field_path: str | int) -> str:
    """A VM size, or one that the emulator has in its place."""
    size = source.text(*field_path) or SMALLEST_SIZE
    if known_size(size):
        return literal(size)
    source.note(*field_path, text=f"{size} is not known here; {SMALLEST_SIZE} stands for it")
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
            source.note(*scale, "autoScale", "initialNodeCount", text="is not carried over: it begins with the minimum")
        return {"min": least, "max": max(most, least, 1)}
    return max(1, source.number(*scale, "manual", "targetNodeCount") or 0)


def _setup(source: Source, mounts: Mounts) -> dict[str, Any] | None:
    task = (*source.root, "nodeSetup", "setupTask")
    command = source.text(*task, "commandLine")
    source.ignore(*task, "stdOutErrPathSuffix")
    source.ignore(*task, "runElevated")
    source.drop(*task, "secrets", why="a scenario holds no secrets")
    if not command:
        return None
    setup: dict[str, Any] = {"command": literal(mounts.placed(command, source, *task, "commandLine"))}
    if prefix := source.text(*task, "stdOutErrPathPrefix"):
        setup["stdouterr"] = literal(mounts.placed(prefix, source, *task, "stdOutErrPathPrefix"))
    if variables := take_variables(source, mounts, *task, "environmentVariables"):
        setup["environment"] = variables
    return setup
