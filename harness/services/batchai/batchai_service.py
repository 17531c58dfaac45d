"""Batch AI as a service that runs jobs."""

from collections.abc import Mapping

from harness.errors import ProvisioningError
from harness.resources.azure_errors import KnownErrors
from harness.resources.provisioning import Provisioning
from harness.resources.registration import register_providers
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.batchai.cluster import GpuCluster
from harness.services.batchai.job import BatchAiJob, list_jobs, make_experiment
from harness.services.batchai.job_parameters import job_parameters
from harness.services.batchai.quota import check_quota
from harness.services.batchai.retirement import KNOWN_ERRORS
from harness.services.service import Cluster, ClusterPlan, Job, JobView
from harness.target import ServiceName

PROVIDERS = ("Microsoft.BatchAI", "Microsoft.Batch")


class BatchAiService:
    """Clusters and jobs of Batch AI, each in a workspace of the resource group."""

    @property
    def name(self) -> ServiceName:
        """The name that ``--service`` takes."""
        return "batchai"

    @property
    def known_errors(self) -> KnownErrors:
        """The meanings of its error codes, including those since its retirement."""
        return KNOWN_ERRORS

    def available_size(self, vm_size: str) -> str:
        """Return the size unchanged, because every cloud with Batch AI offers its sizes."""
        return vm_size

    def substitutions(self, *, vm_size: str, image: str | None) -> tuple[str, ...]:  # noqa: ARG002 - the protocol's
        """Return no replacements."""
        return ()

    def check_plan(self, provisioning: Provisioning, plan: ClusterPlan) -> None:
        """Refuse every cluster if a policy forbids account keys.

        Raises:
            ProvisioningError: storage is to be accessed with the sign-in.
        """
        if not provisioning.cloud.facts.storage_key:
            names = ", ".join(mount.name for mount in plan.mounts)
            raise ProvisioningError(
                f"storage_auth is identity, but nodes of Batch AI need the account's key to mount storage ({names}): "
                "set it to key, or run the scenario with --service azureml"
            )

    def prepare(self, provisioning: Provisioning) -> None:
        """Sign in, and register the resource providers.

        Raises:
            CloudError: the cloud refuses.
        """
        register_providers(provisioning, PROVIDERS)

    def check_quota(self, provisioning: Provisioning, *, name: str, plan: ClusterPlan) -> tuple[str, ...]:
        """Compare the quota of the region with a cluster; return a line for each comparison that was impossible.

        Raises:
            ProvisioningError: the quota is too small.
        """
        return check_quota(provisioning, name=name, plan=plan)

    def cluster(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> Cluster:
        """Return a cluster and its workspace, without creating them."""
        return GpuCluster(provisioning, group=group, name=name, plan=plan)

    def make_experiment(self, provisioning: Provisioning, cluster: Cluster, name: str) -> None:
        """Create an experiment in the workspace of a cluster, unless it exists.

        Raises:
            JobError: the service refuses.
        """
        make_experiment(provisioning, group=cluster.group, workspace=cluster.plan.workspace, name=name)

    def list_jobs(self, provisioning: Provisioning, cluster: Cluster, experiment: str) -> Mapping[str, JobView]:
        """List the jobs of an experiment in the workspace of a cluster by name; none if it does not exist.

        Raises:
            JobError: the service does not list them.
        """
        return list_jobs(provisioning, cluster.group, cluster.plan.workspace, experiment)

    def job(
        self, provisioning: Provisioning, cluster: Cluster, *, experiment: str, name: str, spec: JobSpec, limits: Limits
    ) -> Job:
        """Return a job in an experiment of a cluster's workspace, without submitting it."""
        return BatchAiJob(
            provisioning,
            group=cluster.group,
            workspace=cluster.plan.workspace,
            experiment=experiment,
            name=name,
            parameters=job_parameters(spec, cluster_id=cluster.id, limits=limits),
        )
