"""The errors of Batch AI, and of Resource Manager in front of it, with recorded texts where there are any.

Statuses and codes of errors that were never recorded follow Resource Manager's conventions.
"""

from collections.abc import Iterable

from harness.emulator.engine.model.address import BATCH_AI, Kind

_NOUNS: dict[Kind, tuple[str, str, str]] = {  # code, noun in sentences, type for the gateway
    "workspace": ("WorkspaceNotFound", "workspace", "workspaces"),
    "experiment": ("ExperimentNotFound", "experiment", "experiments"),
    "cluster": ("ClusterNotFound", "cluster", "clusters"),
    "file_server": ("FileServerNotFound", "file server", "fileServers"),
    "job": ("JobNotFound", "job", "jobs"),
}


class BatchAIError(Exception):
    """An error response: HTTP status, Azure's code and message; ``gateway`` if Resource Manager refuses the request."""

    def __init__(self, status: int, code: str, message: str, *, gateway: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.gateway = gateway


def not_found(kind: Kind, name: str) -> BatchAIError:
    """The resource does not exist."""
    code, noun, _ = _NOUNS[kind]
    return BatchAIError(404, code, f"The specified {noun} {name} is not found")


def untracked(kind: Kind, name: str, group: str) -> BatchAIError:
    """The resource does not exist, as Resource Manager reports it for API versions before 2018-05."""
    text = f"The Resource '{BATCH_AI}/{_NOUNS[kind][2]}/{name}' under resource group '{group}' was not found."
    return BatchAIError(404, "ResourceNotFound", text, gateway=True)


def operation_not_found(name: str) -> BatchAIError:
    """No operation has that id, or it ended long ago."""
    return BatchAIError(404, "OperationNotFound", f"The specified operation {name} is not found")


def different_definition(kind: Kind, name: str) -> BatchAIError:
    """A PUT of an existing resource has another definition."""
    code, noun, _ = _NOUNS[kind]
    text = f"The specified {noun} {name} already exists with a different definition; delete it first"
    return BatchAIError(409, code.replace("NotFound", "AlreadyExists"), text)


def being_deleted(kind: Kind, name: str) -> BatchAIError:
    """A write is for a resource that is being deleted."""
    code, noun, _ = _NOUNS[kind]
    return BatchAIError(409, code.replace("NotFound", "BeingDeleted"), f"The specified {noun} {name} is being deleted")


def file_server_in_use(name: str, cluster: str) -> BatchAIError:
    """A file server cannot be deleted because a cluster mounts it."""
    text = f"The specified file server {name} is mounted by the cluster {cluster}; delete the cluster first"
    return BatchAIError(409, "FileServerInUse", text)


def not_preemptible(name: str) -> BatchAIError:
    """The nodes of a cluster are dedicated, so Azure never takes them back."""
    text = f"The nodes of cluster {name} are dedicated; only those of vmPriority lowpriority can be preempted"
    return BatchAIError(409, "ClusterNotLowPriority", text)


def wrong_location(name: str, group: str, *, existing: str, requested: str) -> BatchAIError:
    """A resource of the same name is in another region."""
    text = (
        f"The resource '{name}' already exists in location '{existing}' in resource group '{group}'. A resource with "
        f"the same name cannot be created in location '{requested}'. Please select a new resource name."
    )
    return BatchAIError(409, "InvalidResourceLocation", text, gateway=True)


def invalid_name(kind: Kind, name: str) -> BatchAIError:
    """The name of a resource is not allowed."""
    text = (
        f"The name '{name[:100]}' of a {_NOUNS[kind][1]} is not valid: 1 to 64 letters, digits, dashes and underscores"
    )
    return BatchAIError(400, "InvalidResourceName", text)


def invalid_content(text: str) -> BatchAIError:
    """A body is not a valid definition."""
    return BatchAIError(400, "InvalidRequestContent", f"The request content is invalid: {text}")


def invalid_value(value: str, name: str, reason: str) -> BatchAIError:
    """A property has a value that is not allowed."""
    return BatchAIError(400, "InvalidPropertyValue", f"The specified value {value[:200]} for property {name} {reason}")


def unsupported_size(size: str, supported: Iterable[str]) -> BatchAIError:
    """The service does not offer a VM size."""
    text = (
        f"The specified value {size[:100]} for property Cluster.Properties.VMSize is not a supported VM size. "
        f"Supported VM sizes: {', '.join(supported)}"
    )
    return BatchAIError(400, "InvalidPropertyValue", text)


def invalid_parameter(name: str, allowed: str) -> BatchAIError:
    """A query parameter has a value that is not allowed."""
    return BatchAIError(400, "InvalidQueryParameterValue", f"The query parameter {name} is not valid: {allowed}")


def unsupported_version(version: str, type_: str, supported: Iterable[str]) -> BatchAIError:
    """An API version does not have a type of resource."""
    text = (
        f"No registered resource provider found for API version '{version[:40]}' for type '{type_}'. The supported "
        f"api-versions are '{', '.join(supported)}'."
    )
    return BatchAIError(400, "NoRegisteredProviderFound", text, gateway=True)


def not_on_a_mount(directory: str) -> BatchAIError:
    """An output directory is on no mounted file system."""
    text = f"The specified outputDirectoryId {directory[:100]} is not present on a mount root"
    return BatchAIError(400, "OutputDirectoryNotOnMount", text)


def unknown_directory(directory: str) -> BatchAIError:
    """The job has no output directory of that id."""
    text = f"The specified outputDirectoryId {directory[:100]} is not found"
    return BatchAIError(404, "OutputDirectoryNotFound", text)
