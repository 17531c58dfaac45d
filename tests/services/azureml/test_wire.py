"""Comparison of our requests with captured ones of Microsoft's client, azure-ai-ml 1.35.2, for the same resources.

Our requests are those in the shipped cassettes; the captures are not part of the project.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT.parent / "shared" / "reference" / "azureml" / "captures"
CASSETTES = ROOT / "cassettes" / "azureml" / "mnist-quickstart"

# Members that only one side sends. The service has defaults for theirs, and ours contain values of a scenario.
OURS = {
    "computes": {"tags", "properties.properties.vmPriority"},
    "datastores": set[str](),
    "codes": {"properties.properties"},  # empty
    "environments": set[str](),
    "jobs": {"properties.limits"},
}
THEIRS = {
    "computes": set[str](),
    "datastores": set[str](),
    "codes": {"properties.properties.hash_sha256", "properties.properties.hash_version"},
    "environments": set[str](),
    "jobs": set[str](),
}
OPEN = {"properties.inputs", "properties.outputs", "properties.tags", "properties.environmentVariables", "tags"}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not CAPTURES.is_dir(), reason="Microsoft's requests are not here (../shared)"),
]


def put_bodies(requests: Iterator[tuple[str, str, Any]]) -> dict[str, Any]:
    """The bodies of PUTs below a workspace, by collection."""
    bodies = {}
    for method, url, body in requests:
        segments = urlsplit(url).path.split("/")
        if method == "PUT" and "workspaces" in segments and len(segments) > segments.index("workspaces") + 2:
            bodies[segments[segments.index("workspaces") + 2]] = body
    return bodies


def ours() -> Iterator[tuple[str, str, Any]]:
    for name in ("gpu_cluster", "default"):
        for item in json.loads((CASSETTES / f"{name}.json").read_text())["interactions"]:
            request = item["request"]
            yield request["method"], request["uri"], request.get("body", {}).get("json")


def theirs() -> Iterator[tuple[str, str, Any]]:
    for name in ("02-compute-create", "04-datastore-file-create", "06-command-create"):
        for item in json.loads((CAPTURES / f"azure-ai-ml-{name}.json").read_text()):
            yield item["method"], item["url"], item["request_body"]


def members(body: Any, path: str = "") -> set[str]:
    """The paths of all members; of members whose names are a user's only the path itself."""
    if not isinstance(body, dict) or path in OPEN:
        return {path}
    inner = [members(value, f"{path}.{name}".lstrip(".")) for name, value in body.items()]
    return set().union(*inner) if inner else {path}


@pytest.mark.parametrize("collection", OURS)
def test_bodies_have_the_members_of_microsofts_client_but_for_those_that_are_documented(collection: str) -> None:
    our, their = (members(put_bodies(side)[collection]) for side in (ours(), theirs()))
    our = {path for path in our if not any(path.startswith(prefix) for prefix in OURS[collection])}
    assert our == their - THEIRS[collection]


def test_the_same_resources_are_put() -> None:
    assert put_bodies(ours()).keys() == put_bodies(theirs()).keys()


def test_inputs_and_outputs_have_the_members_of_microsofts_client() -> None:
    our, their = (put_bodies(side)["jobs"]["properties"] for side in (ours(), theirs()))
    folder = next(definition for definition in their["inputs"].values() if definition["jobInputType"] == "uri_folder")
    assert {frozenset(definition) for definition in our["inputs"].values()} == {frozenset(folder)}
    assert {frozenset(definition) for definition in our["outputs"].values()} == {
        frozenset(definition) for definition in their["outputs"].values()
    }
