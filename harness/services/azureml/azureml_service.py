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
from harness.services.azureml.images import available_image
from harness.services.azureml.job import AzureMlJob, list_jobs
from harness.services.azureml.known_errors import KNOWN_ERRORS
from harness.services.azureml.names import workspace_name
from harness.services.azureml.quota import check_quota
from harness.services.azureml.storage_identity import identity_problem
from harness.services.azureml.vm_size_replacements import available_size, replacement
from harness.services.azureml.workspace import DEPENDENCIES, PROVIDER, WorkspaceAddress
from harness.services.service import Cluster, ClusterPlan, Job, JobView
from harness.target import ServiceName

T = TypeVar("T")


@dataclass(frozen=True)
class AzureMlService:
    """Computes and jobs of Azure Machine Learning.

    Attributes:
        workspace: resource group and name of an existing workspace; None creates one for each run.
        images: pattern of an image in scenarios -> the image that replaces it.
    """

    workspace: tuple[str, str] | None = None
    images: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings, cloud: str) -> "AzureMlService":
        """Create the service from settings; in a replay, the recording determines whether the workspace existed.

        Raises:
            SettingsError: only one of the two settings of a workspace has a value.
        """
        group, name = settings.azureml_resource_group, settings.azureml_workspace
        if cloud == "replay" or not (group or name):
            return cls(None, settings.azureml_images)
        if not (group and name):
            missing = "azureml_workspace" if group else "azureml_resource_group"
            raise SettingsError(f"two settings name an existing workspace, and {missing} has no value")
        return cls((group, name), settings.azureml_images)

    @property
    def name(self) -> ServiceName:
        """The name that ``--service`` takes."""
        return "azureml"

    @property
    def known_errors(self) -> KnownErrors:
        """The meanings of its error codes."""
        return KNOWN_ERRORS

    def available_size(self, vm_size: str) -> str:
        """The available VM size for one that a scenario names."""
        return available_size(vm_size)

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:
        """Describe each replacement of the VM size and the image in a line with its reason."""
        lines = []
        if substitute := replacement(vm_size):
            lines.append(f"VM size {vm_size} is {substitute.reason}; {substitute.size} is used instead")
        living = available_image(image, self.images)
        if image is None:
            lines.append(f"jobs run in containers; without job.image, in {living}")
        elif living != image:
            lines.append(f"image {image} is replaced by {living} (setting azureml_images)")
        return tuple(lines)

    def check_plan(self, provisioning: Provisioning, plan: ClusterPlan) -> None:
        """Refuse a plan that needs the account's key if a policy forbids keys.

        Raises:
            ProvisioningError: the plan has shares, jobs without an identity, or a new workspace.
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
        """Compare sizes and quota of the region with a compute; return a line for each comparison that was impossible.

        Raises:
            ProvisioningError: the region does not have the size, or the quota is too small.
        """
        return check_quota(provisioning, name=name, plan=plan)

    def cluster(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> Cluster:
        """Return a compute and its workspace, without creating them."""
        subscription = provisioning.cloud.facts.subscription_id
        existing = self._existing(provisioning)
        if existing is None:
            workspace = WorkspaceAddress(subscription, group, workspace_name(plan.workspace, name), is_owned=True)
        else:
            workspace = WorkspaceAddress(subscription, *existing, is_owned=False)
        return AmlCompute(provisioning, group=group, name=name, plan=plan, workspace=workspace)

    def _existing(self, provisioning: Provisioning) -> tuple[str, str] | None:
        """The existing workspace, if any; recordings contain a substitute for its name."""
        if provisioning.cloud.name == "replay":
            return RECORDED if PROVENANCE in provisioning.clients.provenance() else None
        return self.workspace

    def make_experiment(self, provisioning: Provisioning, cluster: Cluster, name: str) -> None:
        """Do nothing: an experiment begins with the first job that names it."""

    def list_jobs(self, provisioning: Provisioning, cluster: Cluster, experiment: str) -> Mapping[str, JobView]:
        """List the jobs of a run's experiment by name; none if there is no workspace.

        Raises:
            JobError: the service does not list them.
        """
        return list_jobs(provisioning, _compute(cluster).workspace, experiment)

    def job(
        self, provisioning: Provisioning, cluster: Cluster, *, experiment: str, name: str, spec: JobSpec, limits: Limits
    ) -> Job:
        """Return a job on a compute, without submitting it."""
        compute = _compute(cluster)
        return AzureMlJob(
            provisioning,
            compute,
            experiment=experiment,
            name=name,
            spec=spec,
            limits=limits,
            image=_image_of(compute.plan.azureml) or available_image(spec.image, self.images),
        )


def _image_of(options: AzureMlSpec) -> str | None:
    """The image that a scenario names for this service only; it is never replaced."""
    return options.environment.image if options.environment else None


def _compute(cluster: Cluster) -> AmlCompute:
    if not isinstance(cluster, AmlCompute):
        raise TypeError(f"{cluster!r} is not a compute of Azure Machine Learning")
    return cluster
