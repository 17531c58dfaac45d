"""The outputs that a job registers as assets once it has completed: ``assetName`` and ``assetVersion`` of an output."""

from datetime import datetime
from typing import Any

from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.launch import output_uri
from harness.emulator.providers.azureml.model.asset import (
    DATA,
    MODEL,
    AssetContainer,
    AssetVersion,
    container_key,
    next_version,
    version_key,
)
from harness.emulator.providers.azureml.model.job import JobDetails
from harness.emulator.providers.azureml.rules.assets import long_uri
from harness.emulator.store import Store


def register_outputs(store: Store, workspace: Workspace, details: JobDetails, now: datetime) -> None:
    """Register the named outputs of a completed job, except versions that exist already."""
    for output, given in details.outputs.items():
        if name := given.get("assetName"):
            uri = long_uri(output_uri(details, output), workspace)
            _register(store, workspace, str(name), given, _properties(details, given, uri), now)


def _properties(details: JobDetails, given: dict[str, Any], uri: str) -> dict[str, Any]:
    kept: dict[str, Any] = {"description": given.get("description"), "tags": {}, "properties": {}}
    if str(given["jobOutputType"]).endswith("_model"):
        return {**kept, "modelType": given["jobOutputType"], "modelUri": uri, "jobName": details.name}
    return {**kept, "dataType": given["jobOutputType"], "dataUri": uri}


def _register(  # noqa: PLR0917 - what an asset is made of
    store: Store, workspace: Workspace, name: str, given: dict[str, Any], properties: dict[str, Any], now: datetime
) -> None:
    kind = MODEL if "modelUri" in properties else DATA
    versions = [each for _, each in store.list(AssetVersion, version_key(workspace, kind, name, ""))]
    version = str(given.get("assetVersion") or next_version(versions))
    key, container = version_key(workspace, kind, name, version), container_key(workspace, kind, name)
    if store.get(AssetVersion, key) is None:
        store.put(key, AssetVersion(name, version, now, now, properties))
    if store.get(AssetContainer, container) is None:
        store.put(container, AssetContainer(name, now, now))
