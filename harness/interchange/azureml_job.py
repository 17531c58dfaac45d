"""Import of a command job of Azure ML, a file of ``az ml job create -f``, as a scenario."""

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

from harness.interchange.azureml_tags import read_tags
from harness.interchange.batchai_cluster import size_of
from harness.interchange.command_parts import CommandParts
from harness.interchange.datastores import Datastores
from harness.interchange.draft import Draft, literal, name_of, scenario_name
from harness.interchange.source import Source
from harness.scenario.document import FieldPath

_LONGEST = 7 * 24 * 3600


def draft_from_command_job(source: Source, cluster: Mapping[str, Any] | None, base: Path) -> Draft:
    """Convert a command job to a scenario.

    Args:
        source: the file.
        cluster: the section ``cluster``; None if no file of a compute was given.
        base: the future folder of the scenario, to which the paths of uploads are relative.

    Raises:
        UserError: no scenario can run the job.
    """
    parts = parts_of(source, (), base)
    parts.read_inputs()
    job = parts.job()
    draft = draft_of(parts, job, cluster)
    draft.sections["limits"] = limit_of(source, "limits", "timeout")
    return draft


def parts_of(source: Source, where: FieldPath, base: Path) -> CommandParts:
    """Return the parts of a job, of which only the tags and names are read yet."""
    tags = read_tags(source)
    title = source.text("experiment_name") or source.text("name")
    scenario = scenario_name(source.path, title)
    name = name_of(source.text("display_name") or scenario, otherwise="job")
    source.ignore("name")
    source.ignore("type")
    return CommandParts(source, where, name, tags, Datastores(f"{scenario}-files", tags.volumes), base)


def draft_of(parts: CommandParts, job: dict[str, Any], cluster: Mapping[str, Any] | None) -> Draft:
    """Return a scenario with a job."""
    source = parts.source
    scenario = scenario_name(source.path, source.text("experiment_name") or source.text("name"))
    for name, why in (
        ("services", "a scenario starts no services"),
        ("identity", "the service's identity is used"),
        ("queue_settings", "all jobs of a scenario have the same priority"),
    ):
        source.drop(name, why=why)
    cluster_section = dict(cluster) if cluster is not None else _cluster(parts, job["nodes"])
    if cluster is not None:
        source.ignore("compute")
        cluster_section["nodes"] = enough_nodes(cluster_section["nodes"], job["nodes"])
    return Draft(
        {
            "scenario": scenario,
            "description": literal(source.text("description") or ""),
            "resource_group": name_of(f"{scenario[:80]}-group", otherwise="imported-group"),
            **parts.datastores.sections(),
            "cluster": cluster_section,
            "job": job,
            "parameters": parts.parameters,
        }
    )


def enough_nodes(nodes: Any, needed: int) -> Any:
    """Enlarge the nodes of a cluster, a number or a range, to those that a job needs; a range keeps its minimum."""
    if isinstance(nodes, dict):
        return {**nodes, "max": max(nodes["max"], needed)}
    return max(nodes, needed)


def _cluster(parts: CommandParts, nodes: int) -> dict[str, Any]:
    source, size = parts.source, (*parts.where, "resources", "instance_type")
    name = (source.text("compute") or source.text("resources", "name") or "cluster").removeprefix("azureml:")
    if source.has(*size):
        return {"name": name_of(name, otherwise="cluster"), "vm_size": size_of(source, *map(str, size)), "nodes": nodes}
    source.note("compute", text=f"its size is not known; the scenario has {nodes} node(s) STANDARD_NC6")
    return {"name": name_of(name, otherwise="cluster"), "nodes": nodes}


def limit_of(source: Source, *field_path: str) -> dict[str, str] | None:
    """Return the section ``limits`` for a limit in seconds."""
    text = source.text(*field_path)
    if text is None:
        return None
    try:
        seconds = ceil(float(text))
    except (ValueError, OverflowError):
        seconds = 0
    if not 1 <= seconds <= _LONGEST:
        source.note(*field_path, text=f"is not imported: {text} is not between 1 s and 7 days")
        return None
    return {"running": f"PT{seconds}S"}
