"""Dry runs: a description of what a run would create and run, and checks that need no cloud."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    """A description of a run; this opens the scenario's own files only.

    Args:
        scenario: the whole scenario.
        service: the service on which it would run.
        cloud: where it would run.
        limit: the maximum number of trials that would run; None for all.
        trial: ``name=value,...`` of the only trial that would run; empty for all.
        price: returns the price of a node-hour of a VM size; None if it is unknown or costs nothing.
        upload_from: directories that may be uploaded from, besides the scenario's own.

    Raises:
        ScenarioError: a file cannot be uploaded, or the cloud has no such VM size.
        UserError: the named trial does not exist.
    """
    sample = list(scenario.trials.sample())
    refuse_unknown_size(scenario, sample, cloud)
    uploads = {field_path: own_files(scenario, field_path, upload_from) for field_path in scenario.volumes}
    plan = _plan_one(named_trial(scenario, trial)) if trial else _plan_all(scenario, sample, limit)
    lines = (
        *_resources(scenario, service, cloud, uploads, plan.clusters),
        *_costs(scenario, plan, price),
        *_trials(scenario, plan, uploads),
    )
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Plan:
    """The trials that would run.

    Attributes:
        count: how many trials would run.
        examples: the trials that are shown: the first ones, or points that a search may choose.
        clusters: the clusters, and how many of the trials run on each.
        job_nodes: the number of nodes of the largest job.
    """

    count: int
    examples: tuple[Trial, ...]
    clusters: tuple[tuple[ClusterSpec, int], ...]
    job_nodes: int


def _plan_one(trial: Trial) -> _Plan:
    return _Plan(1, (trial,), ((trial.cluster, 1),), trial.job.nodes)


def _plan_all(scenario: Scenario, sample: Sequence[Trial], limit: int | None) -> _Plan:
    search = scenario.sweep.search
    total = len(scenario.trials) if search is None else study_of(scenario, storage=None).total
    count = total if limit is None else min(limit, total)
    examples = islice(scenario.trials if search is None else sample, min(count, _MAX_SHOWN))
    job_nodes = max(trial.job.nodes for trial in sample)
    return _Plan(count, tuple(examples), tuple(_clusters(scenario, sample, count)), job_nodes)


def refuse_unknown_size(scenario: Scenario, trials: Iterable[Trial], cloud: str) -> None:
    """Refuse a VM size that the emulator does not have; Azure may have sizes that the harness does not know.

    Args:
        scenario: the scenario of the trials.
        trials: the trials whose sizes are checked.
        cloud: where they would run.

    Raises:
        ScenarioError: the emulator does not have a size; the message names the line and the nearest known size.
    """
    if cloud != "emulator":
        return
    for size in dict.fromkeys(trial.cluster.vm_size for trial in trials):
        if vm_size(size) is None:
            line = scenario.line("cluster", "vm_size")
            hint = suggestion(size, vm_size_names())
            raise ScenarioError(f"{scenario.path}:{line}: cluster.vm_size: there is no VM size {size!r}; {hint}")


def _clusters(scenario: Scenario, sample: Sequence[Trial], count: int) -> list[tuple[ClusterSpec, int]]:
    """How many trials run on each cluster."""
    clusters = {trial.cluster.name: trial.cluster for trial in sample}
    if len(clusters) == 1:
        return [(next(iter(clusters.values())), count)]  # all trials of a search share one cluster, too
    counts: Counter[str] = Counter()
    for trial in islice(scenario.trials, count):
        clusters.setdefault(trial.cluster.name, trial.cluster)
        counts[trial.cluster.name] += 1
    return [(clusters[name], trials) for name, trials in counts.items()]


def _resources(
    scenario: Scenario,
    service: Service,
    cloud: str,
    uploads: Mapping[FieldPath, Mapping[str, Path]],
    clusters: Sequence[tuple[ClusterSpec, int]],
) -> Iterator[str]:
    yield f"{scenario.path}: {scenario.scenario}, on {cloud} by {service.name}; a dry run creates nothing"
    yield f"  resource group  {scenario.resource_group} in {scenario.location}"
    for field_path, volume in scenario.volumes.items():
        kind = "file share    " if volume.kind == "share" else "blob container"
        yield f"  {kind}  {volume.name}, mounted at $AZ_BATCHAI_MOUNT_ROOT/{volume.mount}"
        for upload in volume.upload:
            if isinstance(upload, DatasetUpload):
                yield f"    upload        {volume.directory or '.'}/ the data set {upload.dataset}"
        for name, file in uploads[field_path].items():
            yield f"    upload        {volume.directory or '.'}/{name} from {file}"
    for cluster, trials in clusters:
        nodes = f"{cluster.nodes.min} to {cluster.nodes.max}" if isinstance(cluster.nodes, NodeRange) else cluster.nodes
        size = service.available_size(cluster.vm_size)
        unknown = "" if vm_size(size) else ", a size that the harness does not know"
        portion = f", for {trials} of the trials" if len(clusters) > 1 else ""
        yield f"  cluster         {cluster.name}, {nodes} node(s) {size}{unknown}{portion}"
        for line in service.substitutions(vm_size=cluster.vm_size, image=scenario.image_of(service.name)):
            yield f"  instead         {line}"


def _costs(scenario: Scenario, plan: _Plan, price_of: Callable[[str], float | None]) -> Iterator[str]:
    hours = [
        most_node_hours(scenario.on(cluster), trials, job_nodes=plan.job_nodes) for cluster, trials in plan.clusters
    ]
    prices = [price for cluster, _ in plan.clusters if (price := price_of(cluster.vm_size)) is not None]
    costs = ""
    if prices and len(prices) == len(plan.clusters):
        total = sum(price * hour_count for price, hour_count in zip(prices, hours, strict=True))
        costs = f", which cost {total:.2f}" + (f" at {prices[0]:g} each" if len(set(prices)) == 1 else "")
    yield f"  at most         {sum(hours):.2f} node-hours if every limit is reached{costs}"
    if scenario.faults.rules:
        yield f"  faults          {scenario.faults} (injected by the emulator only)"


def _trials(scenario: Scenario, plan: _Plan, uploads: Mapping[FieldPath, Mapping[str, Path]]) -> Iterator[str]:
    node_count = max(cluster.most_nodes for cluster, _ in plan.clusters)
    yield f"  trials          {plan.count}, at most {node_count} node(s) at a time"
    search = scenario.sweep.search
    if search is not None:
        pruner = f", pruned by {search.pruner.name}" if search.pruner else ""
        yield f"  search          by {search.sampler.name}{pruner}; trials such as"
    for trial in plan.examples:
        job = trial.job
        command = job.command or " ".join(filter(None, (job.script, job.args)))
        yield f"    {trial.id}: {job.toolkit} job {job_name(job.name, trial.id)} on {job.nodes} node(s): {command}"
    if plan.count > len(plan.examples):
        yield f"    and {plan.count - len(plan.examples)} more"
    scripts = dict.fromkeys(script_on_volume(trial.job, scenario) for trial in plan.examples)
    for field_path, script in filter(None, scripts):
        if script not in _uploaded_paths(scenario.volumes[field_path], uploads[field_path]):
            volume = scenario.volumes[field_path].kind
            yield f"  script          {script} is not uploaded: it must be on the {volume} already"


def _uploaded_paths(volume: VolumeSpec, uploads: Mapping[str, Path]) -> set[str]:
    """The paths of the uploaded files, from the root of the volume."""
    has_data = any(isinstance(upload, DatasetUpload) for upload in volume.upload)
    names = (*uploads, *((TRAIN_FILE, TEST_FILE) if has_data else ()))
    return {f"{volume.directory.strip('/')}/{name}".lstrip("/") for name in names}
