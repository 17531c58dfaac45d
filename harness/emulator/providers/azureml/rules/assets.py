"""The interpretation of the bodies of assets; pure."""

import json
import re
from dataclasses import dataclass
from typing import Any

from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.errors import invalid
from harness.emulator.providers.azureml.model.asset import CODE, DATA, ENVIRONMENT, MODEL, AssetKind, AssetVersion
from harness.emulator.providers.azureml.rules.body_reading import read_texts
from harness.emulator.providers.azureml.rules.yaml_documents import YamlError, read_yaml

_SHORT = re.compile(r"azureml://datastores/(?P<datastore>[^/]+)/paths/?(?P<path>.*)", re.DOTALL)
_OUTPUT = re.compile(r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths/?(?P<path>.*))?", re.DOTALL)
_RUN = re.compile(r"runs:/(?P<job>[^/]+)/(?P<path>.*)", re.DOTALL)  # MLflow's form
_DATA_TYPES = ("uri_file", "uri_folder", "mltable")
_MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
_LARGEST_CONDA = 256 << 10  # characters of a conda file


def read_asset(kind: AssetKind, document: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """The properties of a version from a request body, in the form in which the service shows them.

    Raises:
        AzureMLError: a property is missing or wrong.
    """
    properties = document.get("properties")
    if properties is None:
        raise invalid(f"The body of a {kind.word} has an object 'properties'.", "ArgumentInvalid")
    version = {name: value for name, value in properties.items() if name in kind.defaults and value is not None}
    version["tags"], version["properties"] = read_texts(version.get("tags")), read_texts(version.get("properties"))
    if kind is CODE:
        _required(kind, version, "codeUri")
    elif kind is DATA:
        _required(kind, version, "dataUri")
        if version.get("dataType", "uri_folder") not in _DATA_TYPES:
            raise invalid(f"dataType is one of {', '.join(_DATA_TYPES)}, not {version['dataType'][:40]!r}.")
        version["dataUri"] = long_uri(version["dataUri"], workspace)
    elif kind is MODEL:
        _required(kind, version, "modelUri")
        if version.get("modelType", "custom_model") not in _MODEL_TYPES:
            raise invalid(f"modelType is one of {', '.join(_MODEL_TYPES)}, not {version['modelType'][:40]!r}.")
        version["modelUri"] = long_uri(version["modelUri"], workspace)
    elif kind is ENVIRONMENT:
        if not (version.get("image") or version.get("build")):
            raise invalid("An environment has 'image' or 'build'.", "ArgumentInvalid")
        if conda := version.get("condaFile"):
            version["condaFile"] = _conda(conda)
    return version


def changed_fields(kind: AssetKind, before: AssetVersion, after: dict[str, Any]) -> list[str]:
    """The fixed properties that a request would change."""
    return [name for name in kind.fixed if (after.get(name) or None) != (before.properties.get(name) or None)]


@dataclass(frozen=True, slots=True)
class OutputReference:
    """A path in an output of a job; the output ``artifacts`` is the folder of its run."""

    job: str
    output: str
    path: str


def output_reference(uri: str) -> OutputReference | None:
    """The job output that a uri names; None for any other uri."""
    if match := _OUTPUT.fullmatch(uri):
        return OutputReference(match["job"], match["output"], match["path"] or "")
    if match := _RUN.fullmatch(uri):
        return OutputReference(match["job"], "artifacts", match["path"])
    return None


def long_uri(uri: str, workspace: Workspace) -> str:
    """The uri with its workspace, which the service adds to short uris of datastores."""
    match = _SHORT.fullmatch(uri)
    if match is None:
        return uri
    address = workspace.address
    return (
        f"azureml://subscriptions/{address.subscription}/resourcegroups/{address.group}/workspaces/{address.name}"
        f"/datastores/{match['datastore']}/paths/{match['path']}"
    )


def _required(kind: AssetKind, properties: dict[str, Any], name: str) -> None:
    if not properties.get(name):
        raise invalid(f"The {kind.word} has no '{name}'.", "ArgumentInvalid")


def _conda(text: str) -> str:
    """A conda file as JSON, the form in which the service returns it.

    Raises:
        AzureMLError: it is not a YAML object, or its aliases expand to too many nodes.
    """
    if len(text) > _LARGEST_CONDA:
        raise invalid(f"condaFile is a text of at most {_LARGEST_CONDA} characters.", "ArgumentInvalid")
    try:
        document = read_yaml(text)
        if isinstance(document, dict):
            return json.dumps(document)
    except (YamlError, TypeError, ValueError, RecursionError):
        pass
    raise invalid("condaFile is not a conda environment in YAML.", "ArgumentInvalid")
