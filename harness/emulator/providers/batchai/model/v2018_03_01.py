"""API version 2018-03-01: it has no workspaces; resources are directly in the resource group and have a location."""

from collections.abc import Iterable

from harness.emulator.engine.model.address import BATCH_AI, Address, Kind
from harness.emulator.engine.model.records import Cluster, FileServer, Job, Problem
from harness.emulator.providers.batchai.model.operation_times import MARCH_2018
from harness.emulator.providers.batchai.model.v2018_05_01 import Version2018May, download
from harness.emulator.providers.batchai.model.version import Document, OutputEntry

_TYPES: dict[Kind, tuple[str, str]] = {  # in the type, in the id
    "cluster": ("Clusters", "clusters"),
    "file_server": ("FileServers", "fileservers"),
    "job": ("Jobs", "jobs"),
}
_SETUP_TASK = (
    "commandLine",
    "environmentVariables",
    "secrets",
    "runElevated",
    "stdOutErrPathPrefix",
    "stdOutErrPathSuffix",
)
_RANKS = {"low": -1000, "normal": 0, "high": 1000}


class Version2018March(Version2018May):
    """The version whose resources are directly in the resource group."""

    name = "2018-03-01"
    is_flat = True
    times = MARCH_2018

    def read(self, properties: Document) -> Document:
        """Add the scheduling priority of a numeric one; accept the name that the public key has in responses."""
        properties = _with_key_renamed(properties, "adminUserSSHPublicKey", "adminUserSshPublicKey")
        priority = properties.get("priority")
        if isinstance(priority, int):
            word = "normal" if priority == 0 else "high" if priority > 0 else "low"
            return properties | {"schedulingPriority": word}
        return properties

    def target(self, address: Address) -> str:
        """The subscription, group and name of a resource, without its type."""
        return "$".join((address.subscription, address.group, address.name))

    def segment(self, kind: Kind, address: Address, incarnation: str) -> str:
        """The path of the resource in the group, and the id of its incarnation."""
        return f"{address.subscription}/{address.group}/{_TYPES[kind][1]}/{address.name}/{incarnation}"

    def cluster(self, cluster: Cluster) -> Document:
        """Like 2018-05; the public key has another name, and set-up tasks have ``runElevated``."""
        document = super().cluster(cluster)
        document["properties"] = _with_key_renamed(
            document["properties"], "adminUserSshPublicKey", "adminUserSSHPublicKey"
        )
        setup = document["properties"].get("nodeSetup", {})
        if cluster.spec.node_setup and (task := cluster.spec.node_setup.setup_task):
            setup["setupTask"] = self._task(setup["setupTask"], elevated=task.run_elevated)
        return document

    def _task(self, shown: Document, *, elevated: bool) -> Document:
        shown = {"runElevated": elevated} | shown
        return {name: shown[name] for name in _SETUP_TASK if name in shown}

    def file_server(self, server: FileServer) -> Document:
        """Like 2018-05, with the type of server and another name of the public key."""
        document = super().file_server(server)
        document["properties"] = _with_key_renamed(
            document["properties"], "adminUserSshPublicKey", "adminUserSSHPublicKey"
        )
        if settings := document["properties"].get("mountSettings"):
            settings["fileServerType"] = "nfs"
        return document

    def job_head(self, job: Job, spec: Document) -> Document:  # noqa: ARG002 - the newest version's own signature
        """The properties that precede the cluster: a free text as the experiment, and a numeric priority."""
        head = {"experimentName": spec["experimentName"]} if "experimentName" in spec else {}
        return head | {"priority": spec.get("priority", _RANKS[spec["schedulingPriority"]])}

    def adapt_job(self, properties: Document) -> None:
        """Add to output directories their type and ``createNew``."""
        properties["constraints"].pop("maxRetryCount", None)
        for directory in properties.get("outputDirectories", ()):
            kind, new = directory.pop("type", "custom"), directory.pop("createNew", True)
            directory |= {"type": kind, "createNew": new}

    def problem(self, problem: Problem) -> Document:
        """An error; one code differs from that of 2018-05."""
        code = "JobTerminate" if problem.code == "JobTerminated" else problem.code
        return super().problem(problem) | {"code": code}

    def files(self, entries: Iterable[OutputEntry]) -> list[Document]:
        """The entries by name, with ``isDirectory``, and without the blobs that mark directories."""
        return [
            {"name": entry.name, "isDirectory": entry.is_directory, **({} if entry.is_directory else download(entry))}
            for entry in sorted(entries, key=lambda entry: entry.name)
        ]

    def location_and_tags(self, resource: Cluster | FileServer) -> Document:
        """The location and the tags of the resource."""
        return {"location": resource.location} | ({"tags": resource.tags} if resource.tags is not None else {})

    def type_of(self, kind: Kind) -> str:
        """The type of a resource, with a capital letter."""
        return f"{BATCH_AI}/{_TYPES[kind][0]}"

    def id_of(self, kind: Kind, address: Address) -> str:
        """The id of a resource, directly in the group."""
        return f"{address.provider}/{_TYPES[kind][1]}/{address.name}"


def _with_key_renamed(properties: Document, old: str, new: str) -> Document:
    """The properties of a cluster or file server, with a key of the administrator's account renamed."""
    if isinstance(ssh := properties.get("sshConfiguration"), dict):
        return properties | {"sshConfiguration": _with_key_renamed(ssh, old, new)}
    account = properties.get("userAccountSettings")
    if not isinstance(account, dict) or old not in account:
        return properties
    return properties | {"userAccountSettings": {new if key == old else key: item for key, item in account.items()}}
