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
    for output_name, job_output in details.outputs.items():
        if name := job_output.get("assetName"):
            uri = long_uri(output_uri(details, output_name), workspace)
            _register(store, workspace, str(name), job_output, _properties(details, job_output, uri), now)


def _properties(details: JobDetails, job_output: dict[str, Any], uri: str) -> dict[str, Any]:
    common: dict[str, Any] = {"description": job_output.get("description"), "tags": {}, "properties": {}}
    if str(job_output["jobOutputType"]).endswith("_model"):
        return {**common, "modelType": job_output["jobOutputType"], "modelUri": uri, "jobName": details.name}
    return {**common, "dataType": job_output["jobOutputType"], "dataUri": uri}


def _register(  # noqa: PLR0917 - the parts of an asset
    store: Store, workspace: Workspace, name: str, job_output: dict[str, Any], properties: dict[str, Any], now: datetime
) -> None:
    kind = MODEL if "modelUri" in properties else DATA
    versions = [asset for _, asset in store.list(AssetVersion, version_key(workspace, kind, name, ""))]
    version = str(job_output.get("assetVersion") or next_version(versions))
    key, container = version_key(workspace, kind, name, version), container_key(workspace, kind, name)
    if store.get(AssetVersion, key) is None:
        store.put(key, AssetVersion(name, version, now, now, properties))
    if store.get(AssetContainer, container) is None:
        store.put(container, AssetContainer(name, now, now))
