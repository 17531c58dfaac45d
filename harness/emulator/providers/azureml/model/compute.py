"""Computes: the properties that the engine's cluster does not have, and the wire form."""

from collections import Counter
from datetime import datetime
from typing import Any, Literal

import msgspec

from harness.emulator.engine.model.records import Cluster, Node, Problem, Record
from harness.emulator.engine.model.spec.clusters import VmPriority
from harness.emulator.providers.azureml.model.documents import Document, format_time
from harness.emulator.providers.azureml.model.workspace import TYPE

ComputeType = Literal["AmlCompute", "ComputeInstance"]

DEFAULT_IDLE_TIME = "PT120S"  # the idle time before AmlCompute releases a node
_STATES = {"allocated": "preparing"}  # states of nodes in the engine that Azure Machine Learning does not have


class ComputeDetails(Record, frozen=True):
    """The properties of a compute besides those of its cluster; stored under the cluster's key.

    ``properties`` are those of the inner object that the service stores and returns. ``idle_time`` is as the creator
    wrote it. ``problem`` is the reason why the compute could not be created.
    """

    type: ComputeType
    created: datetime
    modified: datetime
    min_nodes: int
    max_nodes: int
    idle_time: str | None = None
    description: str | None = None
    disable_local_auth: bool = False
    properties: dict[str, Any] = msgspec.field(default_factory=dict)
    problem: Problem | None = None


def wire(cluster: Cluster, details: ComputeDetails, *, is_new: bool = False) -> Document:
    """The wire form of a compute, with the recorded order of keys.

    Args:
        is_new: whether the request created or changed the compute; such a response has no counts yet.
    """
    document: Document = {
        "id": cluster.address.id("cluster"),
        "name": cluster.address.name,
        "type": f"{TYPE}/computes",
        "location": cluster.location,
        "tags": cluster.tags or ({} if not is_new else None),
        "properties": {
            "createdOn": format_time(details.created),
            "modifiedOn": format_time(details.modified),
            "disableLocalAuth": details.disable_local_auth,
            "description": details.description,
            "resourceId": None,
            "computeType": details.type,
            "computeLocation": cluster.location,
            "provisioningState": _state(cluster, details, is_new),
            "provisioningErrors": _provisioning_errors(details) if not (is_new or cluster.creating) else None,
            "provisioningWarnings": {},
            "isAttachedCompute": False,
        },
    }
    inner = _instance(cluster, details) if details.type == "ComputeInstance" else _cluster(cluster, details, is_new)
    document["properties"]["properties"] = inner
    return document


def node_document(node: Node, number: int, run: str | None) -> Document:
    """A node. Its public address is reserved for documentation, so nothing listens there."""
    return {
        "nodeId": node.id,
        "privateIpAddress": f"10.0.0.{number % 250 + 4}",
        "publicIpAddress": f"203.0.113.{number % 254 + 1}",
        "port": 50_000 + number,
        "nodeState": node_state(node),
        "runId": run,
    }


def node_state(node: Node) -> str:
    """The service's name of a node's state: idle, running, preparing, unusable, leaving or preempted."""
    if node.preempted:
        return "preempted"
    if node.job and node.state == "idle":
        return "running"
    return _STATES.get(node.state, node.state)


def _cluster(cluster: Cluster, details: ComputeDetails, is_new: bool) -> Document:
    document: Document = {
        "vmSize": cluster.spec.vm_size.upper(),
        "vmPriority": "LowPriority" if cluster.spec.vm_priority is VmPriority.LOW_PRIORITY else "Dedicated",
        "scaleSettings": {
            "maxNodeCount": details.max_nodes,
            "minNodeCount": details.min_nodes,
            "nodeIdleTimeBeforeScaleDown": details.idle_time,
        },
        "subnet": details.properties.get("subnet"),
        "currentNodeCount": None,
        "targetNodeCount": None,
        "nodeStateCounts": None,
        "allocationState": None,
        "allocationStateTransitionTime": None,
        "errors": None,
    }
    if not is_new:
        counts = Counter(map(node_state, cluster.nodes))
        states = ("preparing", "running", "idle", "unusable", "leaving", "preempted")
        document |= {
            "currentNodeCount": len(cluster.nodes),
            "targetNodeCount": cluster.target,
            "nodeStateCounts": {f"{state}NodeCount": counts[state] for state in states},
            "allocationState": cluster.allocation.capitalize(),
            "allocationStateTransitionTime": format_time(cluster.allocation_changed),
            "errors": [_problem(problem.code, problem.message) for problem in cluster.problems] or None,
        }
    document |= {
        "remoteLoginPortPublicAccess": details.properties.get("remoteLoginPortPublicAccess") or "NotSpecified",
        "osType": details.properties.get("osType") or "Linux",
        "virtualMachineImage": details.properties.get("virtualMachineImage"),
        "isolatedNetwork": False,
        "enableNodePublicIp": details.properties.get("enableNodePublicIp", True),
        "enableBatchPrivateLink": False,
    }
    if account := details.properties.get("userAccountCredentials"):
        document["userAccountCredentials"] = account
    if not is_new:
        document["propertyBag"] = {}
    return document


def _instance(cluster: Cluster, details: ComputeDetails) -> Document:
    """The inner properties of a compute instance: one node, which runs until it is stopped."""
    active = [node for node in cluster.nodes if node.state == "idle"]
    steady = "Running" if active else "Starting" if cluster.target else "CreateFailed" if details.problem else "Stopped"
    return {
        "vmSize": cluster.spec.vm_size.upper(),
        "subnet": details.properties.get("subnet"),
        "applicationSharingPolicy": details.properties.get("applicationSharingPolicy") or "Shared",
        "sshSettings": {"sshPublicAccess": "Disabled"},
        "state": "Deleting" if cluster.deleting else "Creating" if cluster.creating else steady,
        "errors": [_problem(problem.code, problem.message) for problem in cluster.problems],
        "enableNodePublicIp": details.properties.get("enableNodePublicIp", True),
    }


def _problem(code: str, message: str) -> Document:
    return {"error": {"code": code, "message": message}}


def _provisioning_errors(details: ComputeDetails) -> list[Document] | None:
    return [_problem(details.problem.code, details.problem.message)] if details.problem else None


def _state(cluster: Cluster, details: ComputeDetails, is_new: bool) -> str:
    if cluster.deleting:
        return "Deleting"
    if is_new or cluster.creating:
        return "Creating"
    return "Failed" if details.problem else "Succeeded"
