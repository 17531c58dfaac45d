"""A workspace and in it a GPU cluster, with the share mounted."""

from dataclasses import dataclass

from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.batchai import models

from harness.errors import ProvisioningError
from harness.resources.events import ClusterStatus
from harness.resources.provisioning import Provisioning, Resource


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What a cluster is to be.

    Attributes:
        share: the Azure file share that every node mounts.
        mount: where, under ``$AZ_BATCHAI_MOUNT_ROOT``.
        queued: seconds until its nodes must be idle.
    """

    workspace: str
    location: str
    vm_size: str
    nodes: int
    share: str
    mount: str
    queued: float


class GpuCluster(Resource):
    """A cluster whose nodes are idle."""

    kind = "cluster"

    def __init__(self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan) -> None:
        super().__init__(provisioning, group=group, name=name)
        self.plan = plan
        self._told: ClusterStatus | None = None

    def create(self) -> None:
        """Create workspace and cluster and wait for the nodes.

        Raises:
            ProvisioningError: a node is unusable, or they were not idle in time.
        """
        batchai, plan = self.provisioning.clients.batchai, self.plan
        workspace = models.WorkspaceCreateParameters(location=plan.location)
        batchai.workspaces.begin_create(self.group, plan.workspace, workspace).result()
        batchai.clusters.begin_create(self.group, plan.workspace, self.name, self._parameters()).result()
        seen = self.provisioning.clients.poller.until(self._look, self._is_up, deadline=plan.queued)
        if seen is None:
            raise ProvisioningError(
                f"cluster {self.name} had no {plan.nodes} idle nodes within {plan.queued:.0f} s: {self._told}"
            )

    def delete(self) -> None:
        """Delete the cluster; the workspace goes with its group."""
        try:
            self.provisioning.clients.batchai.clusters.begin_delete(self.group, self.plan.workspace, self.name).result()
        except ResourceNotFoundError:
            return

    def _parameters(self) -> models.ClusterCreateParameters:
        facts, plan = self.provisioning.cloud.facts, self.plan
        share = models.AzureFileShareReference(
            account_name=facts.storage_account,
            azure_file_url=f"https://{facts.storage_account}.file.core.windows.net/{plan.share}",
            credentials=models.AzureStorageCredentialsInfo(account_key=facts.storage_key),
            relative_mount_path=plan.mount,
        )
        return models.ClusterCreateParameters(
            vm_size=plan.vm_size,
            user_account_settings=models.UserAccountSettings(
                admin_user_name=facts.admin_user, admin_user_password=facts.admin_password
            ),
            scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=plan.nodes)),
            node_setup=models.NodeSetup(mount_volumes=models.MountVolumes(azure_file_shares=[share])),
        )

    def _look(self) -> models.Cluster:
        cluster = self.provisioning.clients.batchai.clusters.get(self.group, self.plan.workspace, self.name)
        nodes = cluster.node_state_counts
        status = ClusterStatus(
            state=str(getattr(cluster.allocation_state, "value", cluster.allocation_state)),
            target=cluster.scale_settings.manual.target_node_count,
            allocated=cluster.current_node_count or 0,
            idle=nodes.idle_node_count,
            unusable=nodes.unusable_node_count,
            running=nodes.running_node_count,
            preparing=nodes.preparing_node_count,
            leaving=nodes.leaving_node_count,
        )
        if status != self._told:
            self.provisioning.sink(status)
            self._told = status
        return cluster

    def _is_up(self, cluster: models.Cluster) -> bool:
        unusable = cluster.node_state_counts.unusable_node_count
        if cluster.errors or unusable:
            reported = "; ".join(f"{error.code}: {error.message}" for error in cluster.errors or ())
            raise ProvisioningError(f"cluster {self.name}: {reported or f'{unusable} nodes are unusable'}")
        return bool(cluster.node_state_counts.idle_node_count >= self.plan.nodes)
