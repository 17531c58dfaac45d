"""A workspace, and in it a GPU cluster that mounts storage."""

from collections.abc import Iterable
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.batchai import BatchAI, models

from harness.clouds import CloudFacts
from harness.errors import HarnessError, ProvisioningError
from harness.resources.events import ClusterStatus
from harness.scenario.cluster import NodeRange
from harness.services.service import Cluster, ClusterPlan, MountPlan

_STATES = ("idle", "unusable", "running", "preparing", "leaving")  # of nodes


class GpuCluster(Cluster):
    """A cluster in its workspace; it is usable when its nodes are idle."""

    @property
    def _clusters(self) -> Any:
        return self.provisioning.clients.management(BatchAI).clusters

    @property
    def id(self) -> str:
        """Its resource id."""
        subscription = self.provisioning.cloud.facts.subscription_id
        provider = f"/subscriptions/{subscription}/resourceGroups/{self.group}/providers/Microsoft.BatchAI"
        return f"{provider}/workspaces/{self.plan.workspace}/clusters/{self.name}"

    def create(self) -> None:
        """Create workspace and cluster, and wait for the nodes.

        Raises:
            ProvisioningError: a node is unusable, or the nodes were not idle in time.
        """
        plan, workspaces = self.plan, self.provisioning.clients.management(BatchAI).workspaces
        workspace = models.WorkspaceCreateParameters(location=plan.location)
        workspaces.begin_create(self.group, plan.workspace, workspace).result()
        try:
            self._clusters.begin_create(self.group, plan.workspace, self.name, self._parameters()).result()
        except ResourceExistsError:
            # An earlier attempt took effect, and its response was lost: then the cluster is as planned.
            if not self.adopt():
                raise
            return
        self.wait_for_nodes()

    def wait_for_nodes(self) -> None:
        """Return when the nodes are idle or run jobs.

        Raises:
            ProvisioningError: a node is unusable, or the nodes were not ready in time.
        """
        cluster = self.provisioning.clients.poller.until(self._look, self._is_up, deadline=self.plan.queued)
        if cluster is None:
            raise ProvisioningError(
                f"cluster {self.name} ({self.plan.vm_size}) did not get its {self.plan.min_nodes} node(s) within "
                f"{self.plan.queued:.0f} s (limits.queued in the scenario): {self._status}{self._unready()}"
            )

    def adopt(self) -> bool:
        """Whether the cluster already exists, as planned and not being deleted; waits for its nodes.

        Raises:
            ProvisioningError: the cluster exists with another size or number of nodes, or its nodes do not start.
        """
        try:
            cluster = self._clusters.get(self.group, self.plan.workspace, self.name)
        except ResourceNotFoundError:
            return False
        planned = self.plan.vm_size, self._parameters().scale_settings
        reported = cluster.vm_size or "an unknown size", cluster.scale_settings
        if planned[0].lower() != reported[0].lower() or _size(planned[1]) != _size(reported[1]):
            raise ProvisioningError(
                f"cluster {self.name} exists with {reported[0]} and {_size(reported[1])} node(s), the scenario wants "
                f"{planned[0]} and {_size(planned[1])}; name another cluster, or run without --reuse"
            )
        self.wait_for_nodes()
        return True

    def delete(self) -> None:
        """Delete the cluster; the workspace is deleted with its group."""
        try:
            self._clusters.begin_delete(self.group, self.plan.workspace, self.name).result()
        except ResourceNotFoundError:
            return

    def _parameters(self) -> models.ClusterCreateParameters:
        facts, plan = self.provisioning.cloud.facts, self.plan
        return models.ClusterCreateParameters(
            vm_size=plan.vm_size,
            user_account_settings=models.UserAccountSettings(
                admin_user_name=facts.admin_user, admin_user_password=facts.admin_password
            ),
            scale_settings=_scale(plan.nodes),
            vm_priority=plan.priority if plan.priority != "dedicated" else None,
            node_setup=models.NodeSetup(mount_volumes=_mount_volumes(plan.mounts, facts), setup_task=_setup(plan)),
        )

    def _look(self) -> models.Cluster:
        cluster = self._clusters.get(self.group, self.plan.workspace, self.name)
        manual = cluster.scale_settings.manual if cluster.scale_settings else None
        status = ClusterStatus(
            state=str(getattr(cluster.allocation_state, "value", cluster.allocation_state)),
            target=manual.target_node_count if manual else cluster.current_node_count or 0,
            allocated=cluster.current_node_count or 0,
            **{state: _nodes_in(cluster, state) for state in _STATES},
        )
        self._report_status(status)
        return cluster

    def _unready(self) -> str:
        """Describe the nodes that exist and are not ready, as far as the service reports them."""
        if self._status is None or not self._status.preparing:
            return ""
        try:
            address = (self.group, self.plan.workspace, self.name)
            nodes = ", ".join(str(node.node_id) for node in self._clusters.list_remote_login_information(*address))
        except (AzureError, HarnessError):
            nodes = ""  # another error must not hide the reported one
        names = f" (of {nodes})" if nodes else ""
        return f"; {self._status.preparing} node(s){names} still preparing: run again, and the cluster gets others"

    def _is_up(self, cluster: models.Cluster) -> bool:
        unusable = _nodes_in(cluster, "unusable")
        if cluster.errors or unusable:
            reported = "; ".join(f"{error.code}: {error.message}" for error in cluster.errors or ())
            names = ", ".join(f"{mount.kind} {mount.name}" for mount in self.plan.mounts)
            mount = f" ({names} of account {self.provisioning.cloud.facts.storage_account})"
            raise ProvisioningError(
                f"cluster {self.name}: {reported or f'{unusable} node(s) are unusable'}"
                f"{mount if 'Mount' in reported else ''}"
            )
        return _nodes_in(cluster, "idle") + _nodes_in(cluster, "running") >= self.plan.min_nodes


def _nodes_in(cluster: models.Cluster, state: str) -> int:
    """The number of nodes in a state; 0 if the service does not report it."""
    return getattr(cluster.node_state_counts, f"{state}_node_count", None) or 0


def _mount_volumes(mounts: Iterable[MountPlan], facts: CloudFacts) -> models.MountVolumes:
    key = models.AzureStorageCredentialsInfo(account_key=facts.storage_key)
    shares, containers = [], []
    for mount in mounts:
        account: dict[str, Any] = {
            "account_name": facts.storage_account,
            "credentials": key,
            "relative_mount_path": mount.mount,
        }
        if mount.kind == "share":
            url = f"https://{facts.storage_account}.file.core.windows.net/{mount.name}"
            shares.append(models.AzureFileShareReference(azure_file_url=url, **account))
        else:
            containers.append(models.AzureBlobFileSystemReference(container_name=mount.name, **account))
    return models.MountVolumes(azure_file_shares=shares or None, azure_blob_file_systems=containers or None)


def _setup(plan: ClusterPlan) -> models.SetupTask | None:
    if plan.setup is None:
        return None
    return models.SetupTask(
        command_line=plan.setup.command,
        std_out_err_path_prefix=plan.setup.stdouterr or f"$AZ_BATCHAI_MOUNT_ROOT/{plan.mounts[0].mount}",
        environment_variables=[
            models.EnvironmentVariable(name=name, value=value) for name, value in plan.setup.environment.items()
        ]
        or None,
    )


def _scale(nodes: int | NodeRange) -> models.ScaleSettings:
    if isinstance(nodes, int):
        return models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=nodes))
    return models.ScaleSettings(
        auto_scale=models.AutoScaleSettings(
            minimum_node_count=nodes.min, maximum_node_count=nodes.max, initial_node_count=nodes.min
        )
    )


def _size(scale: models.ScaleSettings | None) -> str:
    if scale is None or not (scale.manual or scale.auto_scale):
        return "an unknown number of"
    if scale.manual is not None:
        return str(scale.manual.target_node_count)
    return f"{scale.auto_scale.minimum_node_count} to {scale.auto_scale.maximum_node_count}"
