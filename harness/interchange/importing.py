"""Files of Batch AI and of Azure ML made into one scenario file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.interchange.azureml_compute import take_compute
from harness.interchange.azureml_job import take_command_job
from harness.interchange.azureml_sweep import take_sweep_job
from harness.interchange.batchai_cluster import take_cluster
from harness.interchange.batchai_job import take_job
from harness.interchange.draft import Draft, head_of
from harness.interchange.mounts import Mounts
from harness.interchange.source import Source, read_source

_CLUSTERS = ("Batch AI cluster", "Azure ML compute")


@dataclass(frozen=True, slots=True)
class Imported:
    """A scenario that was made of files.

    Attributes:
        text: of the scenario file.
        notes: what the files say and the scenario does not, or says otherwise, each with its line.
    """

    text: str
    notes: tuple[str, ...]


def import_files(paths: Sequence[Path], base: Path = Path()) -> Imported:
    """Make a scenario of a job's file and, where there is one, the file of its cluster.

    Args:
        paths: the files.
        base: the folder that the scenario will be in: what it uploads is relative to it.

    Raises:
        UserError: a file cannot be read, holds nothing that can be imported, or runs what no scenario can run; or
            there is not one job, or more than one cluster.
    """
    sources = [read_source(path) for path in paths]
    clusters = [source for source in sources if source.kind in _CLUSTERS]
    jobs = [source for source in sources if source.kind not in _CLUSTERS]
    if len(jobs) != 1:
        said = ", ".join(f"{source.path} ({source.kind})" for source in sources)
        raise UserError(f"a scenario is made of one job; given: {said}; give each import the file of one job")
    if len(clusters) > 1:
        raise UserError(f"a job runs on one cluster; given: {', '.join(str(one.path) for one in clusters)}")
    mounts = Mounts()
    cluster = _cluster(clusters[0], mounts) if clusters else None
    draft = _draft(jobs[0], mounts, cluster, base)
    for source in sources:
        source.ignore("$schema")
        source.note_the_rest()
    notes = [note for source in sources for note in source.notes]
    return Imported(draft.text(head_of(paths, notes)), tuple(map(str, sorted(notes))))


def _cluster(source: Source, mounts: Mounts) -> Mapping[str, Any]:
    for name in ("id", "type", "resourceGroup", "location", "tags"):
        source.ignore(name)
    if source.kind == "Azure ML compute":
        return take_compute(source)
    return take_cluster(source, mounts)


def _draft(source: Source, mounts: Mounts, cluster: Mapping[str, Any] | None, base: Path) -> Draft:
    match source.kind:
        case "Batch AI job":
            return take_job(source, mounts, cluster)
        case "Azure ML sweep job":
            return take_sweep_job(source, cluster, base)
        case _:
            return take_command_job(source, cluster, base)
