"""Dry runs: a description of what a run would create and run, and early refusals."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.data import TEST_FILE, TRAIN_FILE
from harness.errors import ScenarioError
from harness.experiments.script_location import script_on_volume
from harness.experiments.selection import named_trial
from harness.experiments.studies import study_of
from harness.experiments.upload_files import own_files
from harness.resources.budget import most_node_hours
from harness.scenario.cluster import ClusterSpec, NodeRange
from harness.scenario.document import FieldPath
from harness.scenario.model import Scenario, Trial
from harness.scenario.names import job_name
from harness.scenario.volumes import DatasetUpload, VolumeSpec
from harness.services.service import Service
from harness.suggestions import suggestion
from harness.vm_sizes import vm_size, vm_size_names

_MAX_SHOWN = 50  # trials


def describe(
    scenario: Scenario,
    service: Service,
    *,
    cloud: str,
    limit: int | None = None,
    trial: str = "",
    price: Callable[[str], float | None] = lambda _size: None,
    upload_from: Sequence[Path] = (),
) -> str:
    """A description of a run; only the scenario's own files are opened.

    Args:
        scenario: the whole scenario.
        service: the service on which it would run.
        cloud: where it would run.
        limit: the most trials that would run.
        trial: ``name=value,...`` of the only one that would run; empty for all.
        price: the price of a node-hour of a VM size, if it is known and paid.
        upload_from: directories that may be uploaded from, besides the scenario's own.

    Raises:
        ScenarioError: a file cannot be uploaded, or the cloud has no such VM size.
        UserError: the trial that is named does not exist.
    """
    refuse_unknown_size(scenario, cloud)
    uploads = {field_path: own_files(scenario, field_path, upload_from) for field_path in scenario.volumes}
    planned = _all_planned(scenario, limit) if not trial else _one_planned(named_trial(scenario, trial))
    lines = (
        *_resources(scenario, service, cloud, uploads, planned.clusters),
        *_costs(scenario, planned, price),
        *_trials(scenario, planned, uploads),
    )
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Planned:
    """The trials that would run.

    Attributes:
        count: how many there are.
        shown: those that are shown: the first ones, or examples of those that a search may choose.
        clusters: the clusters, and how many of the trials run on each.
        job_nodes: the most nodes that one of their jobs takes.
    """

    count: int
    shown: tuple[Trial, ...]
    clusters: tuple[tuple[ClusterSpec, int], ...]
    job_nodes: int


def _one_planned(trial: Trial) -> _Planned:
    return _Planned(1, (trial,), ((trial.cluster, 1),), trial.job.nodes)


def _all_planned(scenario: Scenario, limit: int | None) -> _Planned:
    search = scenario.sweep.search
    most = len(scenario.trials) if search is None else study_of(scenario, storage=None).total
    count = most if limit is None else min(limit, most)
    shown = islice(scenario.trials if search is None else scenario.trials.sample(), min(count, _MAX_SHOWN))
    job_nodes = max(trial.job.nodes for trial in scenario.trials.sample())
    return _Planned(count, tuple(shown), tuple(_clusters(scenario, count)), job_nodes)


def refuse_unknown_size(scenario: Scenario, cloud: str) -> None:
    """Refuse a VM size that the emulator does not have; Azure may have sizes that are not known here.

    Raises:
        ScenarioError: with the line, and the nearest size that is known.
    """
    if cloud != "emulator":
        return
    for size in dict.fromkeys(trial.cluster.vm_size for trial in scenario.trials.sample()):
        if vm_size(size) is None:
            line = scenario.line("cluster", "vm_size")
            hint = suggestion(size, vm_size_names())
            raise ScenarioError(f"{scenario.path}:{line}: cluster.vm_size: there is no VM size {size!r}; {hint}")


def _clusters(scenario: Scenario, count: int) -> list[tuple[ClusterSpec, int]]:
    """How many trials run on each cluster."""
    different = {trial.cluster.name: trial.cluster for trial in scenario.trials.sample()}
    if len(different) == 1:
        return [(next(iter(different.values())), count)]  # of a search, too
    counts: Counter[str] = Counter()
    for trial in islice(scenario.trials, count):
        different.setdefault(trial.cluster.name, trial.cluster)
        counts[trial.cluster.name] += 1
    return [(different[name], trials) for name, trials in counts.items()]


def _resources(
    scenario: Scenario,
    service: Service,
    cloud: str,
    uploads: Mapping[FieldPath, Mapping[str, Path]],
    clusters: Sequence[tuple[ClusterSpec, int]],
) -> Iterator[str]:
    yield f"{scenario.path}: {scenario.scenario}, on {cloud} by {service.name}; nothing is made by a dry run"
    yield f"  resource group  {scenario.resource_group} in {scenario.location}"
    for field_path, volume in scenario.volumes.items():
        what = "file share    " if volume.kind == "share" else "blob container"
        yield f"  {what}  {volume.name}, mounted at $AZ_BATCHAI_MOUNT_ROOT/{volume.mount}"
        for upload in volume.upload:
            if isinstance(upload, DatasetUpload):
                yield f"    upload        {volume.directory or '.'}/ the data set {upload.dataset}"
        for name, file in uploads[field_path].items():
            yield f"    upload        {volume.directory or '.'}/{name} from {file}"
    for cluster, trials in clusters:
        nodes = f"{cluster.nodes.min} to {cluster.nodes.max}" if isinstance(cluster.nodes, NodeRange) else cluster.nodes
        size = service.offered_size(cluster.vm_size)
        unknown = "" if vm_size(size) else ", a size that is not known here"
        share_of = f", for {trials} of the trials" if len(clusters) > 1 else ""
        yield f"  cluster         {cluster.name}, {nodes} node(s) {size}{unknown}{share_of}"
        for line in service.substitutions(vm_size=cluster.vm_size, image=scenario.image_of(service.name)):
            yield f"  instead         {line}"


def _costs(scenario: Scenario, planned: _Planned, price: Callable[[str], float | None]) -> Iterator[str]:
    hours = [
        most_node_hours(scenario.on(cluster), trials, job_nodes=planned.job_nodes)
        for cluster, trials in planned.clusters
    ]
    prices = [price(cluster.vm_size) for cluster, _ in planned.clusters]
    known = [each for each in prices if each is not None]
    costs = ""
    if known and len(known) == len(prices):
        total = sum(each * used for each, used in zip(known, hours, strict=True))
        costs = f", which cost {total:.2f}" + (f" at {known[0]:g} each" if len(set(known)) == 1 else "")
    yield f"  at most         {sum(hours):.2f} node-hours if every limit is reached{costs}"
    if scenario.faults.rules:
        yield f"  faults          {scenario.faults} (injected by the emulator only)"


def _trials(scenario: Scenario, planned: _Planned, uploads: Mapping[FieldPath, Mapping[str, Path]]) -> Iterator[str]:
    at_once = max(cluster.most_nodes for cluster, _ in planned.clusters)
    yield f"  trials          {planned.count}, at most {at_once} node(s) at a time"
    search = scenario.sweep.search
    if search is not None:
        pruner = f", pruned by {search.pruner.name}" if search.pruner else ""
        yield f"  search          by {search.sampler.name}{pruner}; trials such as"
    for trial in planned.shown:
        job = trial.job
        runs = job.command or " ".join(filter(None, (job.script, job.args)))
        yield f"    {trial.id}: {job.toolkit} job {job_name(job.name, trial.id)} on {job.nodes} node(s): {runs}"
    if planned.count > len(planned.shown):
        yield f"    and {planned.count - len(planned.shown)} more"
    scripts = dict.fromkeys(script_on_volume(trial.job, scenario) for trial in planned.shown)
    for field_path, script in filter(None, scripts):
        if script not in _files_there(scenario.volumes[field_path], uploads[field_path]):
            volume = scenario.volumes[field_path].kind
            yield f"  script          {script} is not uploaded: it must be on the {volume} already"


def _files_there(volume: VolumeSpec, uploads: Mapping[str, Path]) -> set[str]:
    """The paths of what is uploaded, from the root of the volume."""
    has_data = any(isinstance(upload, DatasetUpload) for upload in volume.upload)
    names = (*uploads, *((TRAIN_FILE, TEST_FILE) if has_data else ()))
    return {f"{volume.directory.strip('/')}/{name}".lstrip("/") for name in names}
