"""Azure Machine Learning as a service that runs jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from harness.clouds.recorded_workspace import PROVENANCE, RECORDED
from harness.config import Settings
from harness.errors import ProvisioningError, SettingsError
from harness.resources.azure_errors import KnownErrors
from harness.resources.provisioning import Provisioning
from harness.resources.registration import register_providers
from harness.scenario.azureml import AzureMlSpec
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.azureml.compute import AmlCompute
from harness.services.azureml.images import living_image
from harness.services.azureml.job import AzureMlJob, list_jobs
from harness.services.azureml.known_errors import KNOWN_ERRORS
from harness.services.azureml.living_sizes import living_size, replacement
from harness.services.azureml.names import workspace_name
from harness.services.azureml.quota import check_quota
from harness.services.azureml.storage_identity import identity_problem
from harness.services.azureml.workspace import DEPENDENCIES, PROVIDER, WorkspaceAddress
from harness.services.service import Cluster, ClusterPlan, Job, JobView
from harness.target import ServiceName

T = TypeVar("T")


@dataclass(frozen=True)
class AzureMlService:
    """Computes and jobs of Azure Machine Learning.

    Attributes:
        workspace: resource group and name of an existing workspace; None creates one for each run.
        images: container images by pattern, which replace those that scenarios name.
    """

    workspace: tuple[str, str] | None = None
    images: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, cloud: str) -> "AzureMlService":
        """The service that settings describe; in a replay, recordings say whether they were made in a workspace.

        Raises:
            SettingsError: only one of the two settings of a workspace has a value.
        """
        group, name = settings.azureml_resource_group, settings.azureml_workspace
        if cloud == "replay" or not (group or name):
            return cls(None, settings.azureml_images)
        if not (group and name):
            missing = "azureml_workspace" if group else "azureml_resource_group"
            raise SettingsError(f"a workspace that is there is named by two settings, and {missing} has no value")
        return cls((group, name), settings.azureml_images)

    @property
    def name(self) -> ServiceName:
        """The name that ``--service`` takes."""
        return "azureml"

    @property
    def known_errors(self) -> KnownErrors:
        """The meanings of its error codes."""
        return KNOWN_ERRORS

    def offered_size(self, vm_size: str) -> str:
        """The VM size that is used in place of one that a scenario names."""
        return living_size(vm_size)

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:
        """Replacements of what a scenario names, and why, a line each."""
        lines = []
        if found := replacement(vm_size):
            lines.append(f"VM size {vm_size} is {found.reason}; {found.size} is used instead")
        living = living_image(image, self.images)
        if image is None:
            lines.append(f"jobs run in containers; without job.image, in {living}")
        elif living != image:
            lines.append(f"image {image} is replaced by {living} (setting azureml_images)")
        return tuple(lines)

    def check_plan(self, provisioning: Provisioning, plan: ClusterPlan) -> None:
        """Refuse a plan that needs the account's key where policy forbids keys.

        Raises:
            ProvisioningError: shares, jobs without an identity, or a workspace of the run's own.
        """
        if provisioning.cloud.facts.storage_key:
            return
        if problem := identity_problem(plan, makes_workspace=self.workspace is None):
            raise ProvisioningError(problem)

    def prepare(self, provisioning: Provisioning) -> None:
        """Sign in, and register the resource providers.

        Raises:
            CloudError: the cloud refuses.
        """
        register_providers(provisioning, (PROVIDER, *(() if self._existing(provisioning) else DEPENDENCIES)))

    def check_quota(self, provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
        """Compare sizes and quota of the region with a compute; returns what could not be compared, a line each.

        Raises:
            ProvisioningError: the region does not have the size, or the quota is too small.
        """
        return check_quota(provisioning, name=name, plan=plan)

    def cluster(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> Cluster:
        """A compute, and its workspace."""
        subscription = provisioning.cloud.facts.subscription_id
        existing = self._existing(provisioning)
        if existing is None:
            workspace = WorkspaceAddress(subscription, group, workspace_name(plan.workspace, name), is_made=True)
        else:
            workspace = WorkspaceAddress(subscription, *existing, is_made=False)
        return AmlCompute(provisioning, group=group, name=name, plan=plan, workspace=workspace)

    def _existing(self, provisioning: Provisioning) -> tuple[str, str] | None:
        """The existing workspace, if any; in a recording another name stands for it."""
        if provisioning.cloud.name == "replay":
            return RECORDED if PROVENANCE in provisioning.clients.recorded() else None
        return self.workspace

    def make_experiment(self, provisioning: Provisioning, cluster: Cluster, name: str) -> None:
        """Nothing: an experiment begins with the first job that names it."""

    def list_jobs(self, provisioning: Provisioning, cluster: Cluster, experiment: str) -> Mapping[str, JobView]:
        """The jobs of a run's experiment, by name; none where there is no workspace.

        Raises:
            JobError: the service does not list them.
        """
        return list_jobs(provisioning, _compute(cluster).workspace, experiment)

    def job(
        self, provisioning: Provisioning, cluster: Cluster, *, experiment: str, name: str, spec: JobSpec, limits: Limits
    ) -> Job:
        """A job on a compute."""
        compute = _compute(cluster)
        return AzureMlJob(
            provisioning,
            compute,
            experiment=experiment,
            name=name,
            spec=spec,
            limits=limits,
            image=_image_of(compute.plan.azureml) or living_image(spec.image, self.images),
        )


def _image_of(options: AzureMlSpec) -> str | None:
    """The image that a scenario names only for this service, which is not replaced."""
    return options.environment.image if options.environment else None


def _compute(cluster: Cluster) -> AmlCompute:
    if not isinstance(cluster, AmlCompute):
        raise TypeError(f"{cluster!r} is not a compute of Azure Machine Learning")
    return cluster
