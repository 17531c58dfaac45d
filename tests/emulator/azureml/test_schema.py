"""Requests made from Microsoft's own API description, valid and not: no server error for any of them.

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

# What both files take from common files that are not part of the reference.
COMMON: dict[str, Any] = {
    "SubscriptionIdParameter": {"name": "subscriptionId", "in": "path", "required": True, "type": "string"},
    "ResourceGroupNameParameter": {"name": "resourceGroupName", "in": "path", "required": True, "type": "string"},
    "ApiVersionParameter": {"name": "api-version", "in": "query", "required": True, "type": "string"},
}


def shape(path: str) -> str:
    """A path whose names do not matter."""
    return re.sub(r"{\w+}", "{}", path).lower()


def whole(value: Any) -> Any:
    """A part of a description in which every reference leads into the description itself."""
    if isinstance(value, list):
        return [whole(item) for item in value]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref", "")
    if not isinstance(reference, str) or reference.startswith("#") or not reference:
        return {key: whole(item) for key, item in value.items() if key not in ("x-ms-examples", "discriminator")}
    if "common-types" in reference:
        return COMMON.get(reference.rpartition("/")[2], {"type": "object"})
    return {"$ref": "#" + reference.partition("#")[2]}


def flat(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A definition with what it inherits, which generators of values merge themselves in minutes, if at all."""
    definition = definitions[name]
    merged: dict[str, Any] = {"type": "object", "properties": {}, "required": []}
    for parent in definition.get("allOf", ()):
        inherited = flat(parent["$ref"].rpartition("/")[2], definitions) if "$ref" in parent else parent
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
    """Both files as one, with the operations that are served."""
    served = {(shape(route.template), route.method) for host, route in served_routes() if host == HOSTS[0]}
    merged: dict[str, Any] = {"swagger": "2.0", "info": {"title": "ml", "version": VERSION}, "paths": {},
                              "definitions": {}, "parameters": {}, "consumes": ["application/json"]}  # fmt: skip
    for name in FILES:
        document = json.loads((SPEC / name).read_bytes())
        for part in ("definitions", "parameters"):
            merged[part] |= whole(document.get(part, {}))
        for path, methods in document["paths"].items():
            kept = {method: whole(each) for method, each in methods.items() if (shape(path), method.upper()) in served}
            if kept:
                merged["paths"][path] = kept
    merged["definitions"] = {name: flat(name, merged["definitions"]) for name in merged["definitions"]}
    return merged


def operations() -> list[Any]:
    """Every operation: path and method."""
    if not SPEC.is_dir():
        return [pytest.param("", "", id="none")]
    return [
        pytest.param(path, method, id=operation["operationId"])
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    ]


@pytest.fixture(scope="module")
def described() -> Any:
    import schemathesis  # here, so that collecting the other tests does not wait for it

    return schemathesis.openapi.from_dict(description())


@pytest.fixture(scope="module")
def session(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    with sign_in(endpoint) as made:
        made.params = {}
        yield made


def tamed(value: Any) -> Any:
    """Commands that were made up do not run."""
    if isinstance(value, list):
        return [tamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: "true" if key == "command" and isinstance(item, str) else tamed(item) for key, item in value.items()}


@pytest.mark.parametrize(("path", "method"), operations())
def test_no_request_is_a_server_error(
    session: requests.Session, endpoint: Endpoint, described: Any, path: str, method: str
) -> None:
    from schemathesis.generation import GenerationMode

    operation = described[path][method]
    own = {"subscriptionId": endpoint.subscription_id, "resourceGroupName": endpoint.azureml_resource_group}

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None, deadline=None)
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from(list(GenerationMode)))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        if data.draw(st.booleans()):  # else the call mostly ends at the subscription
            is_workspace = path.endswith("/workspaces/{workspaceName}")  # the ready one is neither changed nor deleted
            names = own if is_workspace else own | {"workspaceName": endpoint.azureml_workspace}
            case.path_parameters |= names
            case.query = (case.query or {}) | {"api-version": VERSION}
        case.body = tamed(case.body)
        answer = session.request(**case.as_transport_kwargs(base_url=HOSTS[0]))
        assert answer.status_code < 500, (case.as_curl_command(), answer.text)
        if answer.status_code >= 400:
            assert {"code", "message"} <= answer.json()["error"].keys()

    ask()
