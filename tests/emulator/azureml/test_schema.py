"""Valid and invalid requests from Microsoft's API description: none causes a server error.

HARNESS_TEST_DOSE=full pytest tests/emulator/azureml/test_schema.py          # 200 requests an operation instead of 4
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint
from tests.emulator.azureml.operations import HOSTS, served_routes

SPEC = Path(__file__).parents[4] / "shared" / "reference" / "azureml" / "spec" / "2024-04-01"
FILES = ("mfe.json", "machineLearningServices.json")
EXAMPLES = 200 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 4
VERSION = "2024-04-01"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    pytest.mark.skipif(not SPEC.is_dir(), reason="Microsoft's API descriptions are not beside the repository"),
]

# The parameters of common files, which are not part of the reference.
COMMON: dict[str, Any] = {
    "SubscriptionIdParameter": {"name": "subscriptionId", "in": "path", "required": True, "type": "string"},
    "ResourceGroupNameParameter": {"name": "resourceGroupName", "in": "path", "required": True, "type": "string"},
    "ApiVersionParameter": {"name": "api-version", "in": "query", "required": True, "type": "string"},
}


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"{\w+}", "{}", path).lower()


def resolve_references(value: Any) -> Any:
    """A part of a description, with all references resolved within the description."""
    if isinstance(value, list):
        return [resolve_references(item) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref", "")
    if not isinstance(reference, str) or reference.startswith("#") or not reference:
        return {
            key: resolve_references(item)
            for key, item in value.items()
            if key not in ("x-ms-examples", "discriminator")
        }
    if "common-types" in reference:
        return COMMON.get(reference.rpartition("/")[2], {"type": "object"})
    return {"$ref": "#" + reference.partition("#")[2]}


def merge_inherited(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A definition merged with what it inherits; generators of values would take minutes to merge it."""
    definition = definitions[name]
    merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for parent in definition.get("allOf", ()):
        inherited = merge_inherited(parent["$ref"].rpartition("/")[2], definitions) if "$ref" in parent else parent
        merged["properties"] |= inherited.get("properties", {})
        merged["required"] += inherited.get("required", [])
    if "properties" not in definition and "allOf" not in definition:
        return dict(definition)
    merged["properties"] |= definition.get("properties", {})
    merged["required"] = sorted({*merged["required"], *definition.get("required", ())})
    if not merged["required"]:
        del merged["required"]
    return merged


def description() -> dict[str, Any]:
    """Both files as one, with the operations that the emulator serves."""
    served = {(shape(route.template), route.method) for host, route in served_routes() if host == HOSTS[0]}
    merged: dict[str, Any] = {"swagger": "2.0", "info": {"title": "ml", "version": VERSION}, "paths": {},
                              "definitions": {}, "parameters": {}, "consumes": ["application/json"]}  # fmt: skip
    for name in FILES:
        document = json.loads((SPEC / name).read_bytes())
        for part in ("definitions", "parameters"):
            merged[part] |= resolve_references(document.get(part, {}))
        for path, methods in document["paths"].items():
            served_methods = {
                method: resolve_references(operation)
                for method, operation in methods.items()
                if (shape(path), method.upper()) in served
            }
            if served_methods:
                merged["paths"][path] = served_methods
    merged["definitions"] = {name: merge_inherited(name, merged["definitions"]) for name in merged["definitions"]}
    return merged


def operations() -> list[Any]:
    """The path and method of every operation."""
    if not SPEC.is_dir():
        return [pytest.param("", "", id="none")]
    return [
        pytest.param(path, method, id=operation["operationId"])
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture(scope="module")
def described() -> Any:
    import schemathesis  # imported here because the import is slow

    return schemathesis.openapi.from_dict(description())


@pytest.fixture(scope="module")
def session(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    with sign_in(endpoint) as client:
        client.params = {}
        yield client


def without_commands(value: Any) -> Any:
    """Replace generated commands, so that they do not run."""
    if isinstance(value, list):
        return [without_commands(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "true" if key == "command" and isinstance(item, str) else without_commands(item)
        for key, item in value.items()
    }


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_is_a_server_error(
    session: requests.Session, endpoint: Endpoint, described: Any, path: str, method: str
) -> None:
    from schemathesis.generation import GenerationMode

    operation = described[path][method]
    own = {"subscriptionId": endpoint.subscription_id, "resourceGroupName": endpoint.azureml_resource_group}

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.booleans()):  # otherwise most requests fail at the subscription
            is_workspace = path.endswith("/workspaces/{workspaceName}")  # do not change or delete the first workspace
            names = own if is_workspace else own | {"workspaceName": endpoint.azureml_workspace}
            case.path_parameters |= names
            case.query = (case.query or {}) | {"api-version": VERSION}
        case.body = without_commands(case.body)
        response = session.request(**case.as_transport_kwargs(base_url=HOSTS[0]))
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            assert {"code", "message"} <= response.json()["error"].keys()

    check()
