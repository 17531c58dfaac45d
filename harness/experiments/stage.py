"""What the trials of a scenario share, each with a story of its own: group, share, cluster."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar

from harness.clouds import Clients, Cloud
from harness.experiments.injection import Injection
from harness.experiments.leases import Leases
from harness.experiments.materials import Materials
from harness.experiments.pattern_matching import PatternMatcher
from harness.experiments.script_location import script_on_share
from harness.experiments.terms import Terms, plan_of
from harness.fault_plans import make_plan
from harness.interruption import Interruption
from harness.resources import FileShare, Journal, Provisioning, Resource, ResourceGroup
from harness.resources.ceiling import Meter
from harness.resources.events import Noted, Sink
from harness.resources.owner import Owner, this_process
from harness.scenario.model import Scenario
from harness.services.service import Cluster, Service

R = TypeVar("R", bound=Resource)
Stories = Callable[[str], AbstractContextManager[Clients]]


@dataclass(frozen=True)
class Stage:
    """Where scenarios are played.

    Attributes:
        service: what runs the jobs.
        materials: gives what is uploaded.
        keep: find resources of an earlier run again, and leave them for a later one.
        leases: who else uses them, where several processes do.
        worker: name of this process among those; it gets experiments of its own.
        stories: opens the clients of a story; default the cloud's.
        owner: the process that what is made belongs to; one that outlives all who share it.
        terms: on which the cloud is used.
        matcher: matches the patterns of metrics; whoever makes the stage closes it.
    """

    cloud: Cloud
    service: Service
    journal: Journal
    materials: Materials
    sink: Sink
    interruption: Interruption = field(default_factory=Interruption)
    keep: bool = False
    leases: Leases | None = None
    worker: str = ""
    stories: Stories | None = None
    owner: Owner = field(default_factory=this_process)
    terms: Terms = field(default_factory=Terms)
    matcher: PatternMatcher = field(default_factory=PatternMatcher)

    @contextmanager
    def provisioning(self, story: str) -> Iterator[Provisioning]:
        """What resources of one story are made from."""
        with (self.stories or self.cloud.clients)(story) as clients:
            yield Provisioning(
                self.cloud,
                clients,
                self.journal,
                self.sink,
                run=self.cloud.facts.run,
                interruption=self.interruption,
                owner=self.owner,
                lifetime=self.terms.lifetime,
                known_errors=self.service.known_errors,
            )

    @contextmanager
    def hold(self, resource: R) -> Iterator[R]:
        """The resource, for as long as the block lasts; kept and shared ones longer."""
        if self.leases is not None:
            with self.leases.shared(resource):
                yield resource
        elif self.keep:
            if resource.adopt():
                self.sink(Noted(f"{resource.kind} {resource.name} is there already: used again"))
            else:
                resource.open()
            yield resource
            resource.release()
            self.sink(Noted(f"{resource.kind} {resource.name} is kept; delete it with: harness reap"))
        else:
            with resource:
                yield resource


@contextmanager
def open_alone(stage: Stage, story: str) -> Iterator[Stage]:
    """A stage whose resources all belong to one story, and to nobody else."""
    with stage.cloud.clients(story) as clients:
        yield replace(stage, stories=lambda _story: nullcontext(clients), leases=None)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the jobs of a scenario run.

    Attributes:
        experiment: what they belong to.
        data: which data set is on the share; None where none was uploaded.
        meter: of the cluster; asked before each trial.
    """

    cluster: Cluster
    experiment: str
    data: str | None
    meter: Meter


@contextmanager
def open_group(stage: Stage, scenario: Scenario) -> Iterator[ResourceGroup]:
    """The resource group; signs in and registers providers first.

    Raises:
        CloudError: the cloud refuses.
    """
    with stage.provisioning(f"{scenario.scenario}/resource_group") as made:
        with made.interruption.allowed():
            stage.terms.prepare(stage.service, made, scenario)
        with (
            _faults(stage, scenario),
            stage.hold(ResourceGroup(made, name=scenario.resource_group, location=scenario.location)) as group,
        ):
            yield group


@contextmanager
def _faults(stage: Stage, scenario: Scenario) -> Iterator[None]:
    """What the scenario must survive is injected as long as the block lasts, where that can be done."""
    cloud, faults = stage.cloud, scenario.faults
    if not faults.rules:
        yield
        return
    plan = make_plan(
        f"{cloud.facts.run}-{scenario.scenario}",
        faults.rules,
        seed=faults.seed,
        group=scenario.resource_group,
        share=scenario.share.name,
    )
    if cloud.injects:
        stage.sink(Noted(f"faults injected: {faults}"))
    elif cloud.name == "azure":
        stage.sink(Noted(f"faults are injected by the emulator only; not injected here: {faults}"))
    injection = Injection(cloud, plan)
    with stage.leases.shared(injection) if stage.leases is not None else injection:
        yield


@contextmanager
def open_share(stage: Stage, scenario: Scenario, group: ResourceGroup) -> Iterator[FileShare]:
    """The share with everything uploaded, and the trials' scripts found on it.

    Raises:
        ScenarioError: a file to upload is not there.
        CloudError: the cloud refuses, or a script is not on the share.
    """
    spec = scenario.share
    with stage.provisioning(f"{scenario.scenario}/file_share") as made:
        share = FileShare(
            made,
            group=group.name,
            name=spec.name,
            directory=spec.directory,
            uploads=lambda: stage.materials.uploads(scenario),
        )
        with stage.hold(share):
            scripts = dict.fromkeys(script_on_share(trial.job, spec) for trial in scenario.trials.sample())
            with made.interruption.allowed():
                for script in filter(None, scripts):
                    share.require(script)
            yield share


@contextmanager
def open_cluster(stage: Stage, scenario: Scenario, share: FileShare) -> Iterator[Cluster]:
    """The cluster with its nodes idle, and beside it the experiment that the jobs belong to.

    Raises:
        CloudError: the cloud refuses, or nodes do not come up in time.
    """
    service, plan = stage.service, plan_of(scenario)
    with (
        stage.provisioning(f"{scenario.scenario}/gpu_cluster") as made,
        stage.hold(service.cluster(made, group=share.group, name=scenario.cluster.name, plan=plan)) as cluster,
    ):
        with made.interruption.allowed():
            service.make_experiment(made, cluster, _experiment_of(stage, scenario))
        yield cluster


@contextmanager
def open_site(stage: Stage, scenario: Scenario) -> Iterator[Site]:
    """Group, share and cluster together; deleted last-made-first."""
    with (
        open_group(stage, scenario) as group,
        open_share(stage, scenario, group) as share,
        open_cluster(stage, scenario, share) as cluster,
    ):
        yield site_of(stage, scenario, share, cluster)


def site_of(stage: Stage, scenario: Scenario, share: FileShare, cluster: Cluster) -> Site:
    """Where the jobs run, once everything is there."""
    ceiling = stage.terms.ceiling(scenario.cluster.vm_size)
    meter = Meter(stage.cloud.clock, ceiling, nodes=scenario.cluster.most_nodes, began=cluster.began)
    return Site(cluster, _experiment_of(stage, scenario), share.data, meter)


def _experiment_of(stage: Stage, scenario: Scenario) -> str:
    return f"{scenario.scenario}-{stage.worker}"[-64:] if stage.worker else scenario.scenario
