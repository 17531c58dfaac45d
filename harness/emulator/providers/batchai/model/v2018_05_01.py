"""API version 2018-05-01, in whose form definitions are stored; all resources are in workspaces."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from harness.emulator.engine.model.address import BATCH_AI, TYPES, Address, Kind
from harness.emulator.engine.model.records import Cluster, Experiment, FileServer, Job, Problem, Workspace
from harness.emulator.providers.batchai.model.operation_times import MAY_2018
from harness.emulator.providers.batchai.model.version import Document, OutputEntry
from harness.emulator.wire import timestamp

TOOL_TYPES = {
    "cntkSettings": "cntk",
    "pyTorchSettings": "pytorch",
    "tensorFlowSettings": "tensorflow",
    "caffeSettings": "caffe",
    "caffe2Settings": "caffe2",
    "chainerSettings": "chainer",
    "customToolkitSettings": "custom",
    "customMpiSettings": "mpi",
    "horovodSettings": "horovod",
}
_BEFORE_TOOLKIT = ("nodeCount", "containerSettings", "mountVolumes")
_AFTER_TOOLKIT = (
    "jobPreparation",
    "stdOutErrPathPrefix",
    "inputDirectories",
    "outputDirectories",
    "environmentVariables",
    "secrets",
    "constraints",
)


class Version2018May:
    """The version whose definitions are stored unchanged; keys are in the recorded order."""

    name = "2018-05-01"
    is_flat = False
    times = MAY_2018
    location_path = "operationstatuses"
    logs = "stdouterr"
    file_server_mount = "/data"

    def read(self, properties: Document) -> Document:
        """Return the definition unchanged."""
        return properties

    def target(self, address: Address) -> str:
        """The subscription, the group and all names of a resource."""
        return "$".join((address.subscription, address.group, *address.names))

    def segment(self, kind: Kind, address: Address, incarnation: str) -> str:
        """The path of the resource, and the id of its incarnation."""
        steps = zip(TYPES[BATCH_AI][kind], address.names, strict=True)
        path = "".join(f"/{step}/{name}" for step, name in steps)
        return f"{address.subscription}/{address.group}{path}/{incarnation}"

    def workspace(self, workspace: Workspace) -> Document:
        """A workspace; while it is being deleted, its transition time is that of the DELETE request."""
        document = {**self._head("workspace", workspace.address), "location": workspace.location}
        if workspace.tags is not None:
            document["tags"] = workspace.tags
        changed = workspace.deleting.since if workspace.deleting else workspace.created
        properties = {
            "provisioningState": _provisioning(workspace),
            "provisioningStateTransitionTime": timestamp(changed),
            "creationTime": timestamp(workspace.created),
        }
        return document | {"properties": properties}

    def experiment(self, experiment: Experiment) -> Document:
        """An experiment."""
        changed = experiment.deleting.since if experiment.deleting else experiment.created
        properties = {
            "provisioningState": _provisioning(experiment),
            "provisioningStateTransitionTime": timestamp(changed),
            "creationTime": timestamp(experiment.created),
        }
        return self._head("experiment", experiment.address) | {"properties": properties}

    def cluster(self, cluster: Cluster) -> Document:
        """A cluster."""
        spec = msgspec.to_builtins(cluster.spec)
        properties: Document = {
            "provisioningState": _provisioning(cluster),
            "allocationState": cluster.allocation,
            "creationTime": timestamp(cluster.created),
            "allocationStateTransitionTime": timestamp(cluster.allocation_changed),
            "provisioningStateTransitionTime": timestamp(_provisioned(cluster)),
            "vmSize": spec.pop("vmSize"),
            "currentNodeCount": len(cluster.nodes),
            "nodeStateCounts": self.node_counts(cluster),
        }
        if task := (spec.get("nodeSetup") or {}).get("setupTask"):
            task.pop("runElevated", None)
            task["stdOutErrPathSuffix"] = cluster.task_suffix
        properties |= spec
        if cluster.problems:
            properties["errors"] = [self.problem(problem) for problem in cluster.problems]
        return {**self._head("cluster", cluster.address), **self.location_and_tags(cluster), "properties": properties}

    def node_counts(self, cluster: Cluster) -> Document:
        """How many nodes are in each state."""
        counts = Counter(node.state if node.job is None else "running" for node in cluster.nodes)
        return {
            "runningNodeCount": counts["running"],
            "idleNodeCount": counts["idle"],
            "unusableNodeCount": counts["unusable"],
            "preparingNodeCount": counts["preparing"] + counts["allocated"],
            "leavingNodeCount": counts["leaving"],
        }

    def file_server(self, server: FileServer) -> Document:
        """A file server, with its mount settings once it is created."""
        properties: Document = {
            "provisioningState": _provisioning(server),
            "creationTime": timestamp(server.created),
            "provisioningStateTransitionTime": timestamp(_provisioned(server)),
            **msgspec.to_builtins(server.spec),
        }
        properties["subnet"] = {"id": server.subnet}
        if server.provisioned:
            properties["mountSettings"] = {
                "mountPoint": self.file_server_mount,
                "fileServerPublicIP": server.public_address,
                "fileServerInternalIP": "10.0.0.4",
            }
        return {**self._head("file_server", server.address), **self.location_and_tags(server), "properties": properties}

    def job(self, job: Job) -> Document:
        """A job."""
        spec = msgspec.to_builtins(job.spec)
        toolkit = next(name for name in TOOL_TYPES if name in spec)
        properties: Document = {
            **self.job_head(job, spec),
            "cluster": spec["cluster"],
            "jobOutputDirectoryPathSegment": job.segment,
            **{name: spec[name] for name in _BEFORE_TOOLKIT if name in spec},
            "toolType": TOOL_TYPES[toolkit],
            toolkit: spec[toolkit],
            **{name: spec[name] for name in _AFTER_TOOLKIT if name in spec},
            "creationTime": timestamp(job.created),
            "provisioningState": _provisioning(job),
            "provisioningStateTransitionTime": timestamp(job.provisioned or job.created),
            "executionState": self.execution_state(job),
            "executionStateTransitionTime": timestamp(self.execution_changed(job)),
        }
        self.adapt_job(properties)
        if information := self.execution_information(job):
            properties["executionInfo"] = information
        return self._head("job", job.address) | {"properties": properties}

    def job_head(self, job: Job, spec: Document) -> Document:
        """The properties that precede the cluster."""
        return {"experimentName": job.address.names[1], "schedulingPriority": spec["schedulingPriority"]}

    def adapt_job(self, properties: Document) -> None:
        """Remove properties that only earlier versions have."""
        properties["constraints"].pop("maxRetryCount", None)
        for directory in properties.get("outputDirectories", ()):
            directory.pop("type", None)
            directory.pop("createNew", None)

    def execution_state(self, job: Job) -> str:
        """The state; a job that holds nodes but does not run yet is still queued."""
        if job.phase == "running" and job.terminating:
            return "terminating"
        return "queued" if job.phase == "starting" else job.phase

    def execution_changed(self, job: Job) -> datetime:
        """When the state last changed."""
        return job.changed

    def started(self, job: Job) -> datetime | None:
        """When the job started."""
        return job.started

    def execution_information(self, job: Job) -> Document:
        """Times, exit code and errors; empty while the job waits."""
        started = self.started(job)
        if job.started is None or started is None or job.phase in ("queued", "starting"):
            return {}
        information: Document = {"startTime": timestamp(started)}
        if job.ended:
            information["endTime"] = timestamp(job.ended)
        if job.exit_code is not None:
            information["exitCode"] = job.exit_code
        if job.problems:
            information["errors"] = [self.problem(problem) for problem in job.problems]
        return information

    def problem(self, problem: Problem) -> Document:
        """An error of a cluster or job."""
        document: Document = {"code": problem.code, "message": problem.message}
        if problem.details:
            document["details"] = [{"name": name, "value": value} for name, value in problem.details]
        return document

    def files(self, entries: Iterable[OutputEntry]) -> list[Document]:
        """The entries by name; a directory of a container is preceded by the empty blob that marks it."""
        documents: list[Document] = []
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.link:
                documents.append({"name": entry.name, "fileType": "file", **download(entry)})
            if entry.is_directory:
                documents.append({"name": entry.name, "fileType": "directory"})
        return documents

    def location_and_tags(self, resource: Cluster | FileServer) -> Document:  # noqa: ARG002 - its workspace has the location
        """The location and tags of a resource, in versions in which resources have them."""
        return {}

    def type_of(self, kind: Kind) -> str:
        """The type of a resource."""
        return "/".join((BATCH_AI, *TYPES[BATCH_AI][kind]))

    def id_of(self, kind: Kind, address: Address) -> str:
        """The id of a resource."""
        return address.id(kind)

    def _head(self, kind: Kind, address: Address) -> Document:
        return {"id": self.id_of(kind, address), "name": address.name, "type": self.type_of(kind)}


def download(entry: OutputEntry) -> Document:
    """The link that reads a file, its last modification and its length."""
    modified = f"{entry.modified:%Y-%m-%dT%H:%M:%SZ}"
    return {"downloadUrl": entry.link, "properties": {"lastModified": modified, "contentLength": entry.length}}


def _provisioning(resource: Any) -> str:
    if resource.deleting:
        return "deleting"
    return "creating" if getattr(resource, "creating", None) else "succeeded"


def _provisioned(resource: Cluster | FileServer) -> datetime:
    return resource.provisioned or resource.created
