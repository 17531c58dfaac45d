"""Fixtures with which a test creates its own resources; they are deleted in reverse order when the test ends.

Their requests are recorded in one cassette, ``cassettes/<service>/<module>/<test>.json``.
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
        """Raises ProvisioningError if a group of that name exists already."""


class MakeVolume(Protocol[V_co]):
    """Makes a file share or a blob container and uploads local files into a directory of it."""

    def __call__(
        self, group: "ResourceGroup", name: str, *, directory: str = "", upload: Mapping[str, Path] | None = None
    ) -> V_co:
        """Raises ProvisioningError if the cloud refuses a request."""


MakeFileShare = MakeVolume["FileShare"]
MakeBlobContainer = MakeVolume["BlobContainer"]


class MakeGpuCluster(Protocol):
    """Makes a cluster that mounts a share or container (and ``others``, by mount path), and waits for its nodes."""

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
        """Raises ProvisioningError if nodes are not ready after ``queued`` seconds."""


class MakeJob(Protocol):
    """Submits a job; the method ``wait`` of the returned job waits for its end."""

    def __call__(self, cluster: "Cluster", name: str, **spec: Any) -> "Job":
        """``spec`` has the fields of a scenario's ``job``. Raises JobError if the cloud refuses the job."""


def cassette_of(test: pytest.Item) -> str:
    """The name of a test's cassette, unique because it includes module, class and parameters."""
    module, *names = test.nodeid.partition("[")[0].split("::")
    parameters = test.nodeid[len("::".join([module, *names])) :].replace("/", "%2F")
    return f"{module.removesuffix('.py')}/{'.'.join(names)}{parameters}"


@pytest.fixture
def harness_provisioning(request: pytest.FixtureRequest, harness_run_context: "RunContext") -> Iterator["Provisioning"]:
    """The clients and settings with which the test's resources are created, recorded in the test's own cassette."""
    with harness_run_context.provisioning(cassette_of(request.node)) as provisioning:
        yield provisioning


@pytest.fixture
def harness_resource_stack(harness_provisioning: "Provisioning") -> Iterator[ExitStack]:  # noqa: ARG001 - it must end after the resources
    """The stack of the resources that the factories of a test have created; it deletes them at the end."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_resource_group(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_resource_stack: ExitStack
) -> MakeResourceGroup:
    """A factory of resource groups; providers are registered first."""
    harness_run_context.service.prepare(harness_provisioning)

    def make(name: str, *, location: str = "eastus") -> "ResourceGroup":
        return harness_resource_stack.enter_context(
            resources.ResourceGroup(harness_provisioning, name=name, location=location)
        )

    return make


@pytest.fixture
def make_file_share(harness_provisioning: "Provisioning", harness_resource_stack: ExitStack) -> MakeFileShare:
    """A factory of file shares."""
    return _volume_factory(resources.FileShare, harness_provisioning, harness_resource_stack)


@pytest.fixture
def make_blob_container(harness_provisioning: "Provisioning", harness_resource_stack: ExitStack) -> MakeBlobContainer:
    """A factory of blob containers."""
    return _volume_factory(resources.BlobContainer, harness_provisioning, harness_resource_stack)


def _volume_factory(kind: type[V], provisioning: "Provisioning", stack: ExitStack) -> MakeVolume[V]:
    def make(group: "ResourceGroup", name: str, *, directory: str = "", upload: Mapping[str, Path] | None = None) -> V:
        uploads = {path: resources.Upload(local) for path, local in (upload or {}).items()}
        volume = kind(
            provisioning, group=group.name, name=name, directory=directory, uploads=lambda: nullcontext(uploads)
        )
        return stack.enter_context(volume)

    return make


@pytest.fixture
def make_gpu_cluster(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_resource_stack: ExitStack
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
        return harness_resource_stack.enter_context(cluster)

    return make


@pytest.fixture
def make_job(
    harness_run_context: "RunContext", harness_provisioning: "Provisioning", harness_resource_stack: ExitStack
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
        return harness_resource_stack.enter_context(job)

    return make
