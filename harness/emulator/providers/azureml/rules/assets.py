"""The meaning of the bodies of assets; pure."""

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
    """The properties of a version that a body describes, in the form that the service shows.

    Raises:
        AzureMLError: one is missing or wrong.
    """
    properties = document.get("properties")
    if properties is None:
        raise invalid(f"The body of a {kind.word} has an object 'properties'.", "ArgumentInvalid")
    found = {name: value for name, value in properties.items() if name in kind.defaults and value is not None}
    found["tags"], found["properties"] = read_texts(found.get("tags")), read_texts(found.get("properties"))
    if kind is CODE:
        _required(kind, found, "codeUri")
    elif kind is DATA:
        _required(kind, found, "dataUri")
        if found.get("dataType", "uri_folder") not in _DATA_TYPES:
            raise invalid(f"dataType is one of {', '.join(_DATA_TYPES)}, not {found['dataType'][:40]!r}.")
        found["dataUri"] = long_uri(found["dataUri"], workspace)
    elif kind is MODEL:
        _required(kind, found, "modelUri")
        if found.get("modelType", "custom_model") not in _MODEL_TYPES:
            raise invalid(f"modelType is one of {', '.join(_MODEL_TYPES)}, not {found['modelType'][:40]!r}.")
        found["modelUri"] = long_uri(found["modelUri"], workspace)
    elif kind is ENVIRONMENT:
        if not (found.get("image") or found.get("build")):
            raise invalid("An environment has 'image' or 'build'.", "ArgumentInvalid")
        if conda := found.get("condaFile"):
            found["condaFile"] = _conda(conda)
    return found


def changed_fields(kind: AssetKind, before: AssetVersion, after: dict[str, Any]) -> list[str]:
    """The properties that a request would change and that no request may change."""
    return [name for name in kind.fixed if (after.get(name) or None) != (before.properties.get(name) or None)]


@dataclass(frozen=True, slots=True)
class OutputReference:
    """A uri of a job's output: a path in one of its outputs; ``artifacts`` is the folder of its run."""

    job: str
    output: str
    path: str


def output_reference(uri: str) -> OutputReference | None:
    """The job's output that a uri names; None for any other uri."""
    if found := _OUTPUT.fullmatch(uri):
        return OutputReference(found["job"], found["output"], found["path"] or "")
    if found := _RUN.fullmatch(uri):
        return OutputReference(found["job"], "artifacts", found["path"])
    return None


def long_uri(uri: str, workspace: Workspace) -> str:
    """A uri with the workspace that the service adds to short uris of datastores."""
    found = _SHORT.fullmatch(uri)
    if found is None:
        return uri
    address = workspace.address
    return (
        f"azureml://subscriptions/{address.subscription}/resourcegroups/{address.group}/workspaces/{address.name}"
        f"/datastores/{found['datastore']}/paths/{found['path']}"
    )


def _required(kind: AssetKind, properties: dict[str, Any], name: str) -> None:
    if not properties.get(name):
        raise invalid(f"The {kind.word} has no '{name}'.", "ArgumentInvalid")


def _conda(text: str) -> str:
    """A conda file as JSON, in which form the service returns it.

    Raises:
        AzureMLError: it is no YAML object, or its aliases make it large.
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
