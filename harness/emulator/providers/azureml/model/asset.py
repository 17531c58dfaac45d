"""Assets: code, environments, data and models, each with a name and versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from harness.emulator.engine.model.records import Record, Workspace
from harness.emulator.providers.azureml.model.documents import Document, system_data
from harness.emulator.providers.azureml.model.workspace import TYPE

AssetType = Literal["codes", "environments", "data", "models"]


@dataclass(frozen=True, slots=True)
class AssetKind:
    """A type of asset.

    Attributes:
        type: its name in paths.
        word: its name in sentences.
        fixed: the properties that cannot be changed.
        defaults: every property that the service shows, with its default, in the recorded order.
    """

    type: AssetType
    word: str
    fixed: tuple[str, ...]
    defaults: Document


CODE = AssetKind(
    "codes",
    "code",
    ("codeUri",),
    {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False, "codeUri": None,
     "provisioningState": "Succeeded"},
)  # fmt: skip
ENVIRONMENT = AssetKind(
    "environments",
    "environment",
    ("image", "condaFile", "build", "inferenceConfig"),
    {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False,
     "environmentType": "UserCreated", "image": None, "condaFile": "", "build": None, "inferenceConfig": None,
     "osType": "Linux", "provisioningState": "Succeeded", "stage": None},
)  # fmt: skip
DATA = AssetKind(
    "data",
    "data asset",
    ("dataType", "dataUri"),
    {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False,
     "dataType": "uri_folder", "dataUri": None, "referencedUris": None},
)  # fmt: skip
MODEL = AssetKind(
    "models",
    "model",
    ("modelType", "modelUri"),
    {"description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False, "flavors": {},
     "jobName": None, "modelType": "custom_model", "modelUri": None, "provisioningState": "Succeeded", "stage": None},
)  # fmt: skip
KINDS = (CODE, ENVIRONMENT, DATA, MODEL)


class AssetVersion(Record, frozen=True):
    """A version of an asset; ``properties`` are those of the request body."""

    name: str
    version: str
    created: datetime
    written: datetime
    properties: dict[str, Any]


class AssetContainer(Record, frozen=True):
    """The properties of all versions of an asset."""

    name: str
    created: datetime
    written: datetime
    properties: dict[str, Any] = msgspec.field(default_factory=dict)


def container_key(workspace: Workspace, kind: AssetKind, name: str) -> str:
    """The store's key of an asset."""
    return f"{workspace.key}/{kind.type}/{name.lower()}"


def version_key(workspace: Workspace, kind: AssetKind, name: str, version: str) -> str:
    """The store's key of a version."""
    return f"{container_key(workspace, kind, name)}/versions/{version.lower()}"


def version_id(workspace: Workspace, kind: AssetKind, name: str, version: str) -> str:
    """The resource id of a version."""
    return f"{workspace.address.id('workspace')}/{kind.type}/{name}/versions/{version}"


def version_document(workspace: Workspace, kind: AssetKind, asset: AssetVersion, *, by: str) -> Document:
    """The wire form of a version: all known properties, in the recorded order."""
    properties = {name: asset.properties.get(name, default) for name, default in kind.defaults.items()}
    return {
        "id": version_id(workspace, kind, asset.name, asset.version),
        "name": asset.version,
        "type": f"{TYPE}/{kind.type}/versions",
        "properties": properties,
        "systemData": system_data(asset.created, asset.written, by=by),
    }


def next_version(versions: Iterable[AssetVersion]) -> str:
    """The number after an asset's highest version."""
    return str(max((int(asset.version) for asset in versions if asset.version.isdigit()), default=0) + 1)


def container_document(
    workspace: Workspace, kind: AssetKind, asset: AssetContainer, versions: list[AssetVersion], *, by: str
) -> Document:
    """The wire form of an asset, with its latest version and the number of the next."""
    latest = max(versions, key=lambda version: version.created).version if versions else None
    properties: Document = {
        "description": asset.properties.get("description"),
        "tags": asset.properties.get("tags") or {},
        "properties": asset.properties.get("properties") or {},
        "isArchived": bool(asset.properties.get("isArchived", False)),
        "latestVersion": latest,
        "nextVersion": next_version(versions),
    }
    if kind is DATA and versions:
        properties["dataType"] = versions[0].properties.get("dataType", "uri_folder")
    return {
        "id": f"{workspace.address.id('workspace')}/{kind.type}/{asset.name}",
        "name": asset.name,
        "type": f"{TYPE}/{kind.type}",
        "properties": properties,
        "systemData": system_data(asset.created, asset.written, by=by),
    }
