"""A compute cluster, with its workspace and the datastores through which its nodes access storage."""

from typing import Any

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from harness.clouds import Clients
from harness.errors import ProvisioningError
from harness.resources.events import ClusterStatus
from harness.resources.provisioning import Provisioning
from harness.resources.tags import read_tags, tags_of
from harness.scenario.cluster import NodeRange
from harness.services.azureml.code_asset import delete_code, upload_code
from harness.services.azureml.datastore import delete_datastore, make_datastore, name_of_datastore
from harness.services.azureml.durations import duration_of
from harness.services.azureml.known_errors import forbids_account_keys
from harness.services.azureml.launch_command import MountedVolume
from harness.services.azureml.names import compute_name
from harness.services.azureml.rest_client import RestClient
from harness.services.azureml.vm_size_replacements import available_size
from harness.services.azureml.workspace import (
    WorkspaceAddress,
    delete_workspace,
    make_workspace,
)
from harness.services.service import Cluster, ClusterPlan

_DELETION_SECONDS = 1800.0
_TAGGING_SECONDS = 300.0
_PRIORITIES = {"dedicated": "Dedicated", "lowpriority": "LowPriority"}
_KEY_REMEDY = (
    "a policy forbids account keys, with which nodes mount shares and containers: allow shared key access for the "
    "storage account, or exempt it from the policy; or do without keys: storage_auth = identity, with containers "
    "instead of shares (harness docs live)"
)


class AmlCompute(Cluster):
    """A compute that grows and shrinks with its queue, in a workspace of this run or in an existing one.

    A fixed number of nodes in a scenario is its maximum, because idle nodes cost money.
    """

    def __init__(
        self, provisioning: Provisioning, *, group: str, name: str, plan: ClusterPlan, workspace: WorkspaceAddress
    ) -> None:
        super().__init__(provisioning, group=group, name=name, plan=plan)
        self.workspace = workspace

    @property
    def _client(self) -> RestClient:
        return self.provisioning.clients.management(RestClient)

    @property
    def id(self) -> str:
        """Its resource id."""
        return f"{self.workspace.id}/computes/{compute_name(self.name)}"

    @property
    def volumes(self) -> tuple[MountedVolume, ...]:
        """The volumes that its jobs mount."""
        mounts = self.plan.mounts
        names = [name_of_datastore(self.provisioning, self.workspace, mount) for mount in mounts]
        return tuple(MountedVolume(name, mount.mount) for name, mount in zip(names, mounts, strict=True))

    def check(self) -> None:
        """Check an existing workspace: it must exist, and the name of the compute must not be taken.

        Raises:
            ProvisioningError: the workspace does not exist, or has a compute of that name from another run.
        """
        if self.workspace.is_owned:
            return
        if self._client.find(self.workspace.id) is None:
            raise ProvisioningError(
                f"there is no workspace {self.workspace.name} in resource group {self.workspace.group}: check the "
                "settings azureml_workspace and azureml_resource_group, or unset both to create one for the run"
            )
        compute = self._client.find(self.id)
        if compute is not None and not self._is_ours(compute):
            raise ProvisioningError(
                f"compute {compute_name(self.name)} already exists in workspace {self.workspace.name} and does not "
                "belong to this run; delete it (harness reap, if an earlier run left it) or name another in the "
                "scenario"
            )

    def create(self) -> None:
        """Create the compute, after its workspace, datastores and code; its nodes start with the first job.

        Raises:
            HttpResponseError: the cloud refuses.
            ProvisioningError: the cloud refuses account keys, or an operation took too long.
        """
        if self.workspace.is_owned:
            make_workspace(self.provisioning, self.workspace, location=self.plan.location)
        self._prepare()
        if self.plan.azureml.serverless:
            return  # there is no compute: each job gets separate nodes
        response = self._client.send("PUT", self.id, body=self._parameters())
        poller, action = self.provisioning.clients.poller, f"create compute {compute_name(self.name)}"
        self._client.finish(response, poller, action=action, deadline=self.plan.queued)
        compute = poller.until(self._look, _is_steady, deadline=self.plan.queued)
        if compute is None:
            raise ProvisioningError(
                f"compute {compute_name(self.name)} ({available_size(self.plan.vm_size)}) was not ready within "
                f"{self.plan.queued:.0f} s (limits.queued in the scenario): {self._status}"
            )

    def _prepare(self) -> None:
        for mount in self.plan.mounts:
            try:
                make_datastore(self.provisioning, self.workspace, mount)
            except HttpResponseError as error:
                if forbids_account_keys(str(error)):
                    raise ProvisioningError(
                        f"cannot create a datastore for {mount.kind} {mount.name} of account "
                        f"{self.provisioning.cloud.facts.storage_account}: {_KEY_REMEDY}"
                    ) from None
                raise
        upload_code(self.provisioning, self.workspace)

    def adopt(self) -> bool:
        """Whether the compute already exists, as planned; it then gets the tags of this run, so that it is not reaped.

        Raises:
            ProvisioningError: the compute exists with another size or number of nodes. In an existing workspace also:
                the harness did not create it, or another run may still use it.
        """
        if self.plan.azureml.serverless:
            if self._client.find(self.workspace.id) is None:
                return False
            self._prepare()
            return True
        compute = self._client.find(self.id)
        if compute is None or compute["properties"].get("provisioningState") == "Deleting":
            return False
        if not self.workspace.is_owned:  # otherwise the tags of the group decide
            self._check_owner(compute)
        inner = compute["properties"]["properties"]
        size = available_size(self.plan.vm_size)
        counts = [(scale["minNodeCount"], scale["maxNodeCount"]) for scale in (self._scale(), inner["scaleSettings"])]
        if inner["vmSize"].lower() != size.lower() or counts[0] != counts[1]:
            raise ProvisioningError(
                f"compute {compute_name(self.name)} exists with {inner['vmSize']} and {counts[1][0]} to "
                f"{counts[1][1]} nodes, the scenario wants {size} and {counts[0][0]} to {counts[0][1]}; name another "
                "cluster, or run without --reuse"
            )
        self._prepare()
        self._tag()
        return True

    def _check_owner(self, compute: dict[str, Any]) -> None:
        label, name = read_tags(compute.get("tags")), f"compute {compute_name(self.name)}"
        if label is None or not label.describes(self.id):
            raise ProvisioningError(
                f"{name} already exists in workspace {self.workspace.name} and was not made by the harness; "
                "name another in the scenario"
            )
        if label.owner != self.provisioning.owner and label.may_be_alive(self.provisioning.cloud.clock.now()):
            raise ProvisioningError(
                f"{name} is in use by {label.run_description}; wait for its end, or name another in the scenario"
            )

    def _tag(self, *, is_kept: bool = False) -> None:
        """Write the tags of this run by a PUT of the entire compute, because a PATCH only changes its scale."""
        response = self._client.send("PUT", self.id, body=self._parameters(is_kept=is_kept))
        action = f"tag compute {compute_name(self.name)}"
        self._client.finish(response, self.provisioning.clients.poller, action=action, deadline=_TAGGING_SECONDS)

    def mark_as_kept(self) -> None:
        """Write into its tags that its run has ended and kept it; delete its datastores in an existing workspace."""
        if not self.workspace.is_owned:
            self._delete_datastores()
        if self.plan.azureml.serverless:
            return
        compute = self._client.find(self.id)
        if compute is not None and self._is_ours(compute):
            self._tag(is_kept=True)

    def delete(self) -> None:
        """Delete the compute, and what this run created for it, except for dependencies: the group contains them."""
        if not self.plan.azureml.serverless:
            self._delete_compute()
        if self.workspace.is_owned:
            delete_workspace(self.provisioning.clients, self.workspace.id)
        else:
            self._delete_datastores()
            delete_code(self.provisioning, self.workspace)

    def _delete_datastores(self) -> None:
        for mount in self.plan.mounts:
            delete_datastore(self.provisioning, self.workspace, mount)

    def _delete_compute(self) -> None:
        if not self.workspace.is_owned:
            compute = self._client.find(self.id)
            if compute is None or not self._is_ours(compute):
                return
        delete_compute(self.provisioning.clients, self.id)

    def _is_ours(self, compute: dict[str, Any]) -> bool:
        label = read_tags(compute.get("tags"))
        return label is not None and label.belongs_to(self.id, self.provisioning.run)

    def _parameters(self, *, is_kept: bool = False) -> dict[str, Any]:
        return {
            "location": self.plan.location,
            "tags": tags_of(self.provisioning, self.id, is_kept=is_kept),
            "properties": {
                "computeType": "AmlCompute",
                "disableLocalAuth": True,
                "properties": {
                    "vmSize": available_size(self.plan.vm_size),
                    "vmPriority": _PRIORITIES[self.plan.priority],
                    "scaleSettings": self._scale(),
                    "remoteLoginPortPublicAccess": "NotSpecified",
                    "enableNodePublicIp": True,
                    "osType": "Linux",
                },
            },
        }

    def _scale(self) -> dict[str, Any]:
        nodes = self.plan.nodes
        least, most = (nodes.min, nodes.max) if isinstance(nodes, NodeRange) else (0, nodes)
        idle_time = duration_of(self.plan.azureml.idle_time)
        return {"minNodeCount": least, "maxNodeCount": most, "nodeIdleTimeBeforeScaleDown": idle_time}

    def _look(self) -> dict[str, Any]:
        """Read the compute; a change of the states of its nodes is reported as an event.

        Raises:
            ProvisioningError: the compute cannot get nodes.
        """
        compute = self._client.get(self.id)
        inner = compute["properties"].get("properties") or {}
        counts = inner.get("nodeStateCounts") or {}
        status = ClusterStatus(
            state=str(inner.get("allocationState") or compute["properties"].get("provisioningState")).lower(),
            target=inner.get("targetNodeCount") or 0,
            allocated=inner.get("currentNodeCount") or 0,
            idle=counts.get("idleNodeCount") or 0,
            unusable=counts.get("unusableNodeCount") or 0,
            running=counts.get("runningNodeCount") or 0,
            preparing=counts.get("preparingNodeCount") or 0,
            leaving=counts.get("leavingNodeCount") or 0,
        )
        self._report_status(status)
        errors = [*(inner.get("errors") or ()), *(compute["properties"].get("provisioningErrors") or ())]
        if errors:
            reported = "; ".join(_error(error) for error in errors)
            raise ProvisioningError(f"compute {compute_name(self.name)}: {reported}")
        return compute


def delete_compute(clients: Clients, identifier: str) -> None:
    """Delete a compute, given by its id, with the jobs that run on it.

    Raises:
        HttpResponseError: the service refuses.
        ProvisioningError: the deletion took too long.
    """
    client = clients.management(RestClient)
    try:
        response = client.send("DELETE", identifier, underlyingResourceAction="Delete")
    except ResourceNotFoundError:
        return
    action = f"delete compute {identifier.rpartition('/')[2]}"
    client.finish(response, clients.poller, action=action, deadline=_DELETION_SECONDS)


def _is_steady(compute: dict[str, Any]) -> bool:
    return str(compute["properties"].get("provisioningState")) == "Succeeded"


def _error(error: dict[str, Any]) -> str:
    inner = error.get("error", error)
    return f"{inner.get('code')}: {inner.get('message')}"
