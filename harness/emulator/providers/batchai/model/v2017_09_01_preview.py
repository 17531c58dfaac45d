"""API version 2017-09-01-preview: like 2018-03-01, with capital letters and fewer properties."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from harness.emulator.engine.model.address import Address, Kind
from harness.emulator.engine.model.records import Cluster, FileServer, Job, Problem
from harness.emulator.providers.batchai.model.operation_times import SEPTEMBER_2017
from harness.emulator.providers.batchai.model.v2018_03_01 import Version2018March
from harness.emulator.providers.batchai.model.v2018_05_01 import download
from harness.emulator.providers.batchai.model.version import Document, OutputEntry

_CAPITALS = {
    "lowpriority": "LowPriority",
    "waitforjobcompletion": "WaitForJobCompletion",
    "readonly": "ReadOnly",
    "readwrite": "ReadWrite",
    "nfs": "NFS",
}
_WORDS = frozenset(
    {
        "allocationState", "cachingType", "executionState", "fileServerType", "nodeDeallocationOption",
        "provisioningState", "toolType", "vmPriority",
    }
)  # fmt: skip
_PROBLEMS = {
    "JobFailed": ("JobFailed", " job failed with non-zero exit code"),
    "JobPreparationFailed": ("JobNodePreparationFailed", " job node preparation task failed with non-zero exit code"),
}


class Version2017(Version2018March):
    """The preview version."""

    name = "2017-09-01-preview"
    times = SEPTEMBER_2017
    location_path = "operationresults"
    logs = ""
    file_server_mount = "/mnt/data"

    def read(self, properties: Document) -> Document:
        """Rename ``credentialsInfo`` to ``credentials``, as later versions have it."""
        renamed: Document = _renamed(super().read(properties), "credentialsInfo", "credentials")
        return renamed

    def segment(self, kind: Kind, address: Address, incarnation: str) -> str:  # noqa: ARG002 - never in the path
        """The path of the resource in the group; a new resource of the same name overwrites the files of an old one."""
        return super().segment(kind, address, "").rstrip("/")

    def cluster(self, cluster: Cluster) -> Document:
        """A cluster, with ``lastModified``, which never changes, and ``subnet``, which is empty if there is none."""
        document: Document = _capital(super().cluster(cluster))
        properties: Document = {}
        for name, value in document["properties"].items():
            properties[name] = value
            if name == "creationTime":
                properties["lastModified"] = value
        errors = properties.pop("errors", None)
        properties.setdefault("subnet", {})
        return document | {"properties": properties | ({"errors": errors} if errors else {})}

    def _task(self, shown: Document, *, elevated: bool) -> Document:
        return {
            "commandLine": shown["commandLine"],
            "environmentVariables": shown.get("environmentVariables", []),
            "runElevated": elevated,
            "stdOutErrPathPrefix": shown["stdOutErrPathPrefix"],
        }

    def node_counts(self, cluster: Cluster) -> Document:
        """How many nodes are in each state.

        New nodes are not counted at first. Nodes that are leaving, and for a while those that have left, are unusable.
        """
        counts = Counter(node.state if node.job is None else "running" for node in cluster.nodes)
        return {
            "runningNodeCount": counts["running"],
            "idleNodeCount": counts["idle"],
            "unusableNodeCount": counts["unusable"] + counts["leaving"] + cluster.departed,
            "preparingNodeCount": counts["preparing"],
        }

    def file_server(self, server: FileServer) -> Document:
        """A file server, whose disks have a file system and a RAID level."""
        document: Document = _capital(super().file_server(server))
        properties = document["properties"]
        properties["dataDisks"] = {"fileSystemType": "BRTFS", "raidLevel": "NoRaid", **properties["dataDisks"]}
        return document

    def job(self, job: Job) -> Document:
        """A job, without the path segment and the properties that later versions added."""
        document: Document = _capital(super().job(job))
        properties = document["properties"]
        for name in ("jobOutputDirectoryPathSegment", "mountVolumes", "secrets"):
            properties.pop(name, None)
        return document

    def adapt_job(self, properties: Document) -> None:
        """Capitalise output types, and add the retry count to the constraints."""
        retries = properties["constraints"].get("maxRetryCount", 0)
        super().adapt_job(properties)
        properties["constraints"]["maxRetryCount"] = retries
        for directory in properties.get("outputDirectories", ()):
            directory["type"] = _word(directory["type"])

    def execution_changed(self, job: Job) -> datetime:
        """When the state last changed; a job is queued from when it can start, shortly after its creation."""
        return job.ready if job.phase in ("queued", "starting") else job.changed

    def started(self, job: Job) -> datetime | None:
        """When the job could first start, not when it got its nodes."""
        return job.ready if job.started and job.nodes else job.started

    def problem(self, problem: Problem) -> Document:
        """An error, whose message begins with a blank."""
        document = super().problem(problem)
        if problem.code in _PROBLEMS:
            document["code"], document["message"] = _PROBLEMS[problem.code]
        return document

    def files(self, entries: Iterable[OutputEntry]) -> list[Document]:
        """The files, those of the preparation first. This version has no execution log."""
        files = [entry for entry in entries if not entry.is_directory and not _is_execution_log(entry.name)]
        files.sort(key=lambda entry: ("-job_prep" not in entry.name, entry.name))
        return [{"name": entry.name, **download(entry)} for entry in files]


def _is_execution_log(name: str) -> bool:
    return name.startswith("execution") and name.endswith(".log")


def _word(value: str) -> str:
    return _CAPITALS.get(value, value[:1].upper() + value[1:])


def _capital(value: Any, name: str = "") -> Any:
    """Write enumerations in PascalCase, and credentials of storage accounts as ``credentialsInfo``."""
    if isinstance(value, dict):
        renamed = {"credentials": "credentialsInfo"} if "accountName" in value else {}
        return {renamed.get(key, key): _capital(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_capital(item) for item in value]
    return _word(value) if name in _WORDS else value


def _renamed(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {new if key == old else key: _renamed(item, old, new) for key, item in value.items()}
    return [_renamed(item, old, new) for item in value] if isinstance(value, list) else value
