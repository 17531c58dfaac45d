"""What a run would make and run, in words."""

from collections.abc import Iterator, Sequence

from harness.experiments.materials import own_files
from harness.resources.ceiling import most_node_hours
from harness.scenario.model import DatasetUpload, NodeRange, Scenario, Trial
from harness.scenario.names import job_name


def describe(scenario: Scenario, trials: Sequence[Trial], *, cloud: str, price: float | None = None) -> str:
    """The plan of a run, for people; nothing is opened but the scenario's own files.

    Args:
        scenario: the whole scenario.
        trials: those that would run.
        cloud: where.
        price: of a node-hour, where it is known and is paid.

    Raises:
        ScenarioError: a file to upload is not there.
    """
    return "\n".join(_lines(scenario, trials, cloud, price))


def _lines(scenario: Scenario, trials: Sequence[Trial], cloud: str, price: float | None) -> Iterator[str]:
    share, cluster = scenario.share, scenario.cluster
    nodes = f"{cluster.nodes.min} to {cluster.nodes.max}" if isinstance(cluster.nodes, NodeRange) else cluster.nodes
    data = [upload.dataset for upload in share.upload if isinstance(upload, DatasetUpload)]
    yield f"{scenario.path}: {scenario.scenario}, on {cloud}; nothing is made by a dry run"
    yield f"  resource group  {scenario.resource_group} in {scenario.location}"
    yield f"  file share      {share.name}, mounted at $AZ_BATCHAI_MOUNT_ROOT/{share.mount}"
    for name in (*(f"data set {name}" for name in data), *own_files(scenario)):
        yield f"    upload        {share.directory or '.'}/{name}"
    yield f"  cluster         {cluster.name}, {nodes} node(s) {cluster.vm_size}"
    hours = most_node_hours(scenario, len(trials))
    costs = "" if price is None else f", which cost {hours * price:.2f} at {price:g} each"
    yield f"  at most         {hours:.2f} node-hours if every limit is reached{costs}"
    if scenario.faults.rules:
        yield f"  faults          {scenario.faults} (injected by the emulator only)"
    yield f"  trials          {len(trials)}, at most {cluster.most_nodes} node(s) at a time"
    for trial in trials:
        job = trial.job
        runs = job.command or " ".join(filter(None, (job.script, job.args)))
        yield f"    {trial.id}: {job.toolkit} job {job_name(job.name, trial.id)} on {job.nodes} node(s): {runs}"
