"""Fixtures with which a test makes resources of its own; all are deleted when it ends, last-made-first.

Their traffic is one cassette, ``cassettes/<service>/<module>/<test>.json``.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

from harness import resources, services
from harness import scenario as scenarios

if TYPE_CHECKING:
    from harness.experiments.run_context import RunContext
    from harness.resources import BlobContainer, FileShare, Provisioning, ResourceGroup, Volume
    from harness.services.service import Cluster, Job

V = TypeVar("V", "FileShare", "BlobContainer")
V_co = TypeVar("V_co", covariant=True)


class MakeResourceGroup(Protocol):
    """Makes a resource group."""

    def __call__(self, name: str, *, location: str = "eastus") -> "ResourceGroup":
        """Raises ProvisioningError where one of that name is there already."""


class MakeVolume(Protocol[V_co]):
    """Makes a file share or a blob container and uploads local files into a directory of it."""

    def __call__(
        self, group: "ResourceGroup", name: str, *, directory: str = "", upload: Mapping[str, Path] | None = None
    ) -> V_co:
        """Raises ProvisioningError where the cloud refuses."""


MakeFileShare = MakeVolume["FileShare"]
MakeBlobContainer = MakeVolume["BlobContainer"]


class MakeGpuCluster(Protocol):
    """Makes a cluster that mounts a share or container, and others by their mounts, and waits for its nodes."""

    def __call__(
        self,
        share: "Volume",
        name: str,
        *,
        nodes: int = 1,
        vm_size: str = "STANDARD_NC6",
        mount: str = "azurefileshare",
        others: Mapping[str, "Volume"] | None = None,
        queued: float = 1800.0,
    ) -> "Cluster":
        """Raises ProvisioningError where nodes are not there after ``queued`` seconds."""


class MakeJob(Protocol):
    """Submits a job; ``wait`` of what it returns gives the end of it."""

    def __call__(self, cluster: "Cluster", name: str, **spec: Any) -> "Job":
        """``spec`` is what a scenario has under ``job``. Raises JobError where the cloud refuses."""


def cassette_of(test: pytest.Item) -> str:
    """The cassette of a test: module, class and parameters are part of its name, so no two tests share one."""
    module, *names = test.nodeid.partition("[")[0].split("::")
    parameters = test.nodeid[len("::".join([module, *names])) :].replace("/", "%2F")
    return f"{module.removesuffix('.py')}/{'.'.join(names)}{parameters}"


@pytest.fixture
def harness_provisioning(request: pytest.FixtureRequest, harness_run_context: "RunContext") -> Iterator["Provisioning"]:
    """What resources of the test's own cassette are made from."""
    with harness_run_context.provisioning(cassette_of(request.node)) as made:
        yield made


@pytest.fixture
def harness_made(harness_provisioning: "Provisioning") -> Iterator[ExitStack]:  # noqa: ARG001 - it outlives what is made
    """What the factories of a test have made so far."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_resource_group(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_made: ExitStack
) -> MakeResourceGroup:
    """A factory of resource groups; providers are registered first."""
    harness_run_context.service.prepare(harness_provisioning)

    def make(name: str, *, location: str = "eastus") -> "ResourceGroup":
        return harness_made.enter_context(resources.ResourceGroup(harness_provisioning, name=name, location=location))

    return make


@pytest.fixture
def make_file_share(harness_provisioning: "Provisioning", harness_made: ExitStack) -> MakeFileShare:
    """A factory of file shares."""
    return _factory_of(resources.FileShare, harness_provisioning, harness_made)


@pytest.fixture
def make_blob_container(harness_provisioning: "Provisioning", harness_made: ExitStack) -> MakeBlobContainer:
    """A factory of blob containers."""
    return _factory_of(resources.BlobContainer, harness_provisioning, harness_made)


def _factory_of(kind: type[V], provisioning: "Provisioning", made: ExitStack) -> MakeVolume[V]:
    def make(group: "ResourceGroup", name: str, *, directory: str = "", upload: Mapping[str, Path] | None = None) -> V:
        uploads = {path: resources.Upload(local) for path, local in (upload or {}).items()}
        volume = kind(
            provisioning, group=group.name, name=name, directory=directory, uploads=lambda: nullcontext(uploads)
        )
        return made.enter_context(volume)

    return make


@pytest.fixture
def make_gpu_cluster(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_made: ExitStack
) -> MakeGpuCluster:
    """A factory of clusters."""

    def make(
        share: "Volume",
        name: str,
        *,
        nodes: int = 1,
        vm_size: str = "STANDARD_NC6",
        mount: str = "azurefileshare",
        others: Mapping[str, "Volume"] | None = None,
        queued: float = 1800.0,
    ) -> "Cluster":
        plan = services.ClusterPlan(
            workspace=f"{name}-workspace",
            location="eastus",
            vm_size=vm_size,
            nodes=nodes,
            mounts=tuple(
                services.MountPlan(volume.volume_kind, volume.name, path)
                for path, volume in {mount: share, **(others or {})}.items()
            ),
            queued=queued,
        )
        cluster = harness_run_context.service.cluster(harness_provisioning, group=share.group, name=name, plan=plan)
        return harness_made.enter_context(cluster)

    return make


@pytest.fixture
def make_job(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_made: ExitStack
) -> MakeJob:
    """A factory of jobs."""
    service = harness_run_context.service

    def make(cluster: "Cluster", name: str, **spec: Any) -> "Job":
        experiment = f"{name}-experiment"
        service.make_experiment(harness_provisioning, cluster, experiment)
        job = service.job(
            harness_provisioning,
            cluster,
            experiment=experiment,
            name=name,
            spec=scenarios.JobSpec(name=name, **spec),
            limits=scenarios.Limits(),
        )
        return harness_made.enter_context(job)

    return make
