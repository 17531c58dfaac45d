"""Where scenarios run, and the resources that trials share: group, storage and cluster, each with its cassette."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from harness import resources
from harness.clouds import Clients, Cloud
from harness.experiments.fault_injection import FaultInjection
from harness.experiments.leases import Leases
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.run_policy import RunPolicy, plan_of
from harness.experiments.script_location import script_on_volume
from harness.experiments.uploads import Uploads
from harness.fault_plans import make_plan
from harness.interruption import Interruption
from harness.resources import Journal, Provisioning, Resource, ResourceGroup, Volume
from harness.resources.budget import BudgetMeter
from harness.resources.events import Note, Sink
from harness.resources.owner import Owner, this_process
from harness.scenario.cluster import ClusterSpec
from harness.scenario.document import FieldPath
from harness.scenario.model import Scenario
from harness.services.service import Cluster, Service

R = TypeVar("R", bound=Resource)
OpenClients = Callable[[str], AbstractContextManager[Clients]]


@dataclass(frozen=True)
class RunContext:
    """Where scenarios run, and everything else that a run needs besides the scenario.

    Attributes:
        service: runs the jobs.
        uploads: opens the files to upload.
        sink: gets the events of the run.
        keep: whether to reuse the resources of an earlier run, and to keep them for a later one.
        leases: records which processes share a resource; None if there is one process only.
        worker: the name of this process among those that share resources; its jobs have separate experiments.
        open_clients: opens the clients of a cassette; default the cloud's.
        owner: the process that the resources belong to; it outlives all processes that share them.
        policy: how the cloud may be used.
        matcher: matches the patterns of metrics; the creator of the context closes it.
    """

    cloud: Cloud
    service: Service
    journal: Journal
    uploads: Uploads
    sink: Sink
    interruption: Interruption = field(default_factory=Interruption)
    keep: bool = False
    leases: Leases | None = None
    worker: str = ""
    open_clients: OpenClients | None = None
    owner: Owner = field(default_factory=this_process)
    policy: RunPolicy = field(default_factory=RunPolicy)
    matcher: PatternMatcher = field(default_factory=PatternMatcher)

    @contextmanager
    def provisioning(self, cassette: str, *, source: Path | None = None) -> Iterator[Provisioning]:
        """The clients and settings with which the resources of one cassette are created.

        Args:
            cassette: the name of the cassette.
            source: the scenario file that the cassette belongs to.
        """
        opened = self.open_clients(cassette) if self.open_clients else self.cloud.clients(cassette, source=source)
        with opened as clients:
            yield Provisioning(
                self.cloud,
                clients,
                self.journal,
                self.sink,
                run=self.cloud.facts.run,
                interruption=self.interruption,
                owner=self.owner,
                lifetime=self.policy.lifetime,
                known_errors=self.service.known_errors,
            )

    @contextmanager
    def hold(self, resource: R) -> Iterator[R]:
        """The resource, which exists while the block lasts; a kept or shared resource exists longer."""
        if self.leases is not None:
            with self.leases.shared(resource):
                yield resource
        elif self.keep:
            with resource.provisioning.errors(f"look for {resource.kind} {resource.name}"):
                is_adopted = resource.adopt()
            if is_adopted:
                self.sink(Note(f"{resource.kind} {resource.name} exists already and is used again"))
            else:
                resource.open()
            yield resource
            resource.release()
            self.sink(Note(f"{resource.kind} {resource.name} is kept; delete it with: harness reap"))
        else:
            with resource:
                yield resource


@contextmanager
def open_isolated(context: RunContext, cassette: str, *, source: Path | None = None) -> Iterator[RunContext]:
    """A context whose resources all belong to one cassette and are not shared with other processes.

    Args:
        context: the context to derive from.
        cassette: the name of the cassette.
        source: the scenario file that the cassette belongs to.
    """
    with context.cloud.clients(cassette, source=source) as clients:
        yield replace(context, open_clients=lambda _cassette: nullcontext(clients), leases=None)


@dataclass(frozen=True, slots=True)
class JobTarget:
    """Where the jobs of a scenario run.

    Attributes:
        experiment: the experiment that the jobs belong to.
        data: the name of the uploaded data set; None if none was uploaded.
        meter: counts the node-hours of the cluster, and admits each trial.
    """

    cluster: Cluster
    experiment: str
    data: str | None
    meter: BudgetMeter


@contextmanager
def open_group(context: RunContext, scenario: Scenario) -> Iterator[ResourceGroup]:
    """The resource group; this signs in and registers providers first.

    Raises:
        CloudError: the cloud refuses.
    """
    with context.provisioning(f"{scenario.scenario}/resource_group", source=scenario.path) as provisioning:
        with provisioning.interruption.allowed():
            context.policy.prepare(context.service, provisioning, scenario)
        with (
            _faults(context, scenario),
            context.hold(
                ResourceGroup(provisioning, name=scenario.resource_group, location=scenario.location)
            ) as group,
        ):
            yield group


@contextmanager
def _faults(context: RunContext, scenario: Scenario) -> Iterator[None]:
    """Inject the scenario's faults while the block lasts, if the cloud can inject faults."""
    cloud, faults = context.cloud, scenario.faults
    if not faults.rules:
        yield
        return
    plan = make_plan(
        f"{cloud.facts.run}-{scenario.scenario}",
        faults.rules,
        seed=faults.seed,
        group=scenario.resource_group,
        share=[volume.name for volume in scenario.volumes.values()],
    )
    if cloud.injects:
        context.sink(Note(f"faults injected: {faults}"))
    elif cloud.name == "azure":
        context.sink(Note(f"faults are injected by the emulator only; not injected here: {faults}"))
    injection = FaultInjection(cloud, plan)
    with context.leases.shared(injection) if context.leases is not None else injection:
        yield


@contextmanager
def open_volumes(context: RunContext, scenario: Scenario, group: ResourceGroup) -> Iterator[tuple[Volume, ...]]:
    """The shares and containers after all uploads; the scripts of the trials were found on them.

    Raises:
        ScenarioError: a file to upload does not exist.
        CloudError: the cloud refuses, or a script is not where the job looks for it.
    """
    # All volumes share one cassette, whose name is older than scenarios with several volumes.
    with (
        context.provisioning(f"{scenario.scenario}/file_share", source=scenario.path) as provisioning,
        ExitStack() as stack,
    ):
        volumes = {
            field_path: stack.enter_context(context.hold(_volume(context, provisioning, scenario, field_path, group)))
            for field_path in scenario.volumes
        }
        scripts = dict.fromkeys(script_on_volume(trial.job, scenario) for trial in scenario.trials.sample())
        with provisioning.interruption.allowed():
            for field_path, script in filter(None, scripts):
                volumes[field_path].require(script)
        yield tuple(volumes.values())


def _volume(
    context: RunContext, provisioning: Provisioning, scenario: Scenario, field_path: FieldPath, group: ResourceGroup
) -> Volume:
    """The share or container that a field defines, before its creation."""
    spec = scenario.volumes[field_path]
    kind = resources.FileShare if spec.kind == "share" else resources.BlobContainer
    return kind(
        provisioning,
        group=group.name,
        name=spec.name,
        directory=spec.directory,
        uploads=lambda: context.uploads.open(scenario, field_path),
    )


@contextmanager
def open_cluster(
    context: RunContext, scenario: Scenario, group: str, cluster: ClusterSpec | None = None
) -> Iterator[Cluster]:
    """A cluster with idle nodes; this also creates the experiment of the jobs.

    Args:
        context: where the scenario runs.
        scenario: the whole scenario.
        group: the name of its resource group.
        cluster: the cluster; default the scenario's. The cluster of some trials only has a separate cassette.

    Raises:
        CloudError: the cloud refuses a request, or nodes are not ready in time.
    """
    spec = cluster or scenario.cluster
    service, plan = context.service, plan_of(scenario.on(spec))
    cassette = "gpu_cluster" if spec.name == scenario.cluster.name else f"gpu_cluster-{spec.name}"
    with (
        context.provisioning(f"{scenario.scenario}/{cassette}", source=scenario.path) as provisioning,
        context.hold(service.cluster(provisioning, group=group, name=spec.name, plan=plan)) as held_cluster,
    ):
        with provisioning.interruption.allowed():
            service.make_experiment(provisioning, held_cluster, experiment_of(context, scenario))
        yield held_cluster


@contextmanager
def open_target(context: RunContext, scenario: Scenario) -> Iterator[JobTarget]:
    """Group, storage and cluster; they are deleted in reverse order."""
    with (
        open_group(context, scenario) as group,
        open_volumes(context, scenario, group) as volumes,
        open_cluster(context, scenario, group.name) as cluster,
    ):
        yield target_of(context, scenario, volumes, cluster)


def target_of(
    context: RunContext, scenario: Scenario, volumes: Sequence[Volume], cluster: Cluster, *, spent: float = 0.0
) -> JobTarget:
    """The target of the jobs on an existing cluster and storage.

    Args:
        context: where the scenario runs.
        scenario: the scenario with the specification of this cluster.
        volumes: the shares and containers.
        cluster: the cluster.
        spent: the part of the budget that earlier clusters of the run have used.
    """
    budget = context.policy.budget(context.service.available_size(scenario.cluster.vm_size))
    nodes = scenario.cluster.most_nodes
    meter = BudgetMeter(context.cloud.clock, budget, nodes=nodes, began=cluster.began, spent=spent)
    data = next((volume.data for volume in volumes if volume.data), None)
    return JobTarget(cluster, experiment_of(context, scenario), data, meter)


def experiment_of(context: RunContext, scenario: Scenario) -> str:
    """The name of the experiment of a scenario's jobs; each worker of pytest-xdist has its own."""
    return f"{scenario.scenario}-{context.worker}"[-64:] if context.worker else scenario.scenario


def numbered_experiment(name: str, number: int) -> str:
    """The name of experiment ``number`` when the jobs of one experiment are too many; ``name`` itself for 0."""
    return f"{name[:58]}-{number + 1}" if number else name
