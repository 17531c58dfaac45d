"""Every example of Microsoft's API description gets a documented status.

The names of subscription, group, workspace and region are replaced. ``OTHER_STATUSES`` lists the intended differences.
"""

import functools
import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.identity import ClientSecretCredential

from harness.emulator.endpoint import Endpoint
from tests.emulator.azureml.conftest import MANAGEMENT, Group

SPEC = Path(__file__).parents[4] / "shared" / "reference" / "azureml" / "spec" / "2024-04-01"
FILES = ("mfe.json", "machineLearningServices.json")
Json = dict[str, Any]

# The reason for another status, by a part of the operation and the example's file.
OTHER_STATUSES = {
    "createOrUpdate/AmlCompute": "the example has no vmSize, without which the service creates no compute either",
    "EnvironmentVersions_CreateOrUpdate": "the example's condaFile is no YAML object, which the service finds later",
    "Jobs_Delete": "the example's job waits for a node, and a job is cancelled before it is deleted",
    "Workspaces_CreateOrUpdate": "the example names resources of another subscription",
}
# The example that creates a resource, where the emulator refuses the first example.
CREATED_BY = {
    "computes": "Compute/createOrUpdate/BasicAmlCompute",
    "instances": "Compute/createOrUpdate/ComputeInstanceMinimal",
    "jobs": "Job/CommandJob/createOrUpdate",
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SPEC.is_dir(), reason="Microsoft's API descriptions are not beside the repository"),
]


@functools.cache
def paths() -> Json:
    """All paths with their operations."""
    documents: Json = {}
    for name in FILES:
        documents |= json.loads((SPEC / name).read_bytes())["paths"]
    return documents


def examples() -> Iterator[Any]:
    """The path, method and file of each example."""
    if not SPEC.is_dir():
        yield pytest.param("", "", "", id="none")
        return
    for path, methods in paths().items():
        for method, operation in methods.items():
            for example in operation.get("x-ms-examples", {}).values():
                file = example["$ref"].removeprefix("./examples/").removesuffix(".json")
                if (SPEC / "examples" / f"{file}.json").is_file():  # the reference has only a part of the files
                    yield pytest.param(path, method, file, id=f"{operation['operationId']}-{file.replace('/', '.')}")


class Caller:
    """Sends examples to a workspace."""

    def __init__(self, group: Group, workspace: str) -> None:
        self.group = group
        self.workspace = workspace

    def call(
        self, path: str, method: str, file: str, names: Json | None = None, **properties: str
    ) -> requests.Response:
        """Send an example; ``names`` replace those of its path, ``properties`` those of its body."""
        parameters = json.loads((SPEC / "examples" / f"{file}.json").read_bytes())["parameters"]
        own = {
            "subscriptionId": self.group.endpoint.subscription_id,
            "resourceGroupName": self.group.name,
            "workspaceName": self.workspace.rpartition("/")[2],
            "location": "eastus",
        }
        values = {**parameters, **(names or {}), **own}
        values["id"] = re.sub(r"\W", "", values.get("id", ""))[:50]  # a url in one example
        body = next((name for name in ("body", "parameters") if name in parameters), None)
        if body and "properties" in parameters[body]:
            inner = parameters[body]["properties"]
            inner |= {name: value for name, value in properties.items() if name in inner}
        in_path = re.findall(r"{(\w+)}", path)
        query = {name: str(value) for name, value in parameters.items() if name not in (*in_path, body, "api-version")}
        query |= {"skipValidation": "true"} if "skipValidation" in query else {}  # there is no account 'string'
        url = MANAGEMENT + re.sub(r"{(\w+)}", lambda match: str(values[match[1]]), path)
        return self.group.send(method.upper(), url, parameters.get(body or ""), api="2024-04-01", **query)

    def prepare(self, path: str, file: str) -> None:
        """Create the resource that a path names, with the example of its creation."""
        names = json.loads((SPEC / "examples" / f"{file}.json").read_bytes())["parameters"]
        is_instance = path.rpartition("/")[2] in ("start", "stop", "restart")
        while "/workspaces/{workspaceName}/" in path:
            put = paths().get(path, {}).get("put")
            if put and "CreateOrUpdate" in put["operationId"]:
                collection = path.split("/workspaces/{workspaceName}/")[1].split("/", maxsplit=1)[0]
                first = next(iter(put["x-ms-examples"].values()))["$ref"].removeprefix("./examples/")
                source = CREATED_BY.get("instances" if is_instance else collection, first.removesuffix(".json"))
                self.call(path, "put", source, names, condaFile="").raise_for_status()
                return
            path = path.rpartition("/")[0]


@pytest.fixture(scope="module")
def shared_group(endpoint: Endpoint) -> Iterator[Group]:
    with requests.Session() as session, ClientSecretCredential(
        endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
        proxies={"https": endpoint.proxy_url}, connection_verify=endpoint.ca_path,
    ) as credential:  # fmt: skip
        session.trust_env = False
        session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        group = Group(endpoint, session, credential.get_token(f"{MANAGEMENT}/.default").token)
        group.send("PUT", group.id, {"location": "eastus"}, api="2021-04-01").raise_for_status()
        yield group


@pytest.fixture
def make(shared_group: Group) -> Callable[[], Caller]:
    """Creates a caller with a workspace, and with the compute that the examples of jobs name."""

    def workspace() -> Caller:
        path = f"{shared_group.ml}/workspaces/ws{uuid.uuid4().hex[:8]}"
        shared_group.finish(shared_group.send("PUT", path, shared_group.workspace_body()))
        inner = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 0}}
        body = {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": inner}}
        shared_group.finish(shared_group.send("PUT", f"{path}/computes/string", body))
        return Caller(shared_group, path)

    return workspace


@pytest.mark.parametrize(("path", "method", "file"), list(examples()))
def test_an_example_gets_a_documented_status(make: Callable[[], Caller], path: str, method: str, file: str) -> None:
    operation = paths()[path][method]
    documented = {int(status) for status in operation["responses"] if status.isdigit()}
    caller = make()
    if method != "put":
        caller.prepare(path, file)

    response = caller.call(path, method, file)

    reasons = [reason for part, reason in OTHER_STATUSES.items() if part in f"{operation['operationId']}/{file}"]
    if response.status_code == 400 and response.json()["error"]["message"].startswith("The emulator does not serve"):
        reasons.append("refused by name")
    assert (response.status_code in documented) != bool(reasons), (response.status_code, response.text)
