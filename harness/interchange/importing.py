"""Import of files of Batch AI and of Azure ML as a scenario file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.interchange.azureml_compute import cluster_from_compute
from harness.interchange.azureml_job import draft_from_command_job
from harness.interchange.azureml_sweep import draft_from_sweep_job
from harness.interchange.batchai_cluster import cluster_from_batchai
from harness.interchange.batchai_job import draft_from_batchai_job
from harness.interchange.draft import Draft, header_comments
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source, read_source

_CLUSTERS = ("Batch AI cluster", "Azure ML compute")


@dataclass(frozen=True, slots=True)
class ImportedScenario:
    """A scenario that was imported from files.

    Attributes:
        text: the text of the scenario file.
        notes: parts of the files that were not imported, or changed, each with its line.
    """

    text: str
    notes: tuple[str, ...]


def import_files(paths: Sequence[Path], base: Path = Path()) -> ImportedScenario:
    """Convert the file of a job and, optionally, the file of its cluster to a scenario.

    Args:
        paths: the files.
        base: the future folder of the scenario, to which the paths of uploads are relative.

    Raises:
        UserError: a file cannot be read or imported, or no scenario can run its job; or there is not exactly one job,
            or more than one cluster.
    """
    sources = [read_source(path) for path in paths]
    clusters = [source for source in sources if source.kind in _CLUSTERS]
    jobs = [source for source in sources if source.kind not in _CLUSTERS]
    if len(jobs) != 1:
        listing = ", ".join(f"{source.path} ({source.kind})" for source in sources)
        raise UserError(f"an import needs the file of exactly one job; given: {listing or 'none'}")
    if len(clusters) > 1:
        raise UserError(
            f"a job runs on one cluster; given: {', '.join(str(cluster_file.path) for cluster_file in clusters)}"
        )
    mounts = Mounts()
    cluster = _cluster(clusters[0], mounts) if clusters else None
    draft = _draft(jobs[0], mounts, cluster, base)
    for source in sources:
        source.ignore("$schema")
        source.note_unread_fields()
    notes = [note for source in sources for note in source.notes]
    return ImportedScenario(draft.text(header_comments(paths, notes)), tuple(map(str, sorted(notes))))


def _cluster(source: Source, mounts: Mounts) -> Mapping[str, Any]:
    for name in ("id", "type", "resourceGroup", "location", "tags"):
        source.ignore(name)
    if source.kind == "Azure ML compute":
        return cluster_from_compute(source)
    return cluster_from_batchai(source, mounts)


def _draft(source: Source, mounts: Mounts, cluster: Mapping[str, Any] | None, base: Path) -> Draft:
    match source.kind:
        case "Batch AI job":
            return draft_from_batchai_job(source, mounts, cluster)
        case "Azure ML sweep job":
            return draft_from_sweep_job(source, cluster, base)
        case _:
            return draft_from_command_job(source, cluster, base)
