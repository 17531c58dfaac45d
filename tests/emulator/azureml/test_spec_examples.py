"""Every example of Microsoft's API description, sent as it is: each gets a documented status.

Names of subscription, group, workspace and region are the test's own. What differs on purpose is in ``KNOWN``.
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

# By a part of the operation and the example's file: why the emulator answers otherwise.
KNOWN = {
    "createOrUpdate/AmlCompute": "the example has no vmSize, without which the service makes no compute either",
    "EnvironmentVersions_CreateOrUpdate": "the example's condaFile is no YAML object, which the service finds later",
    "Jobs_Delete": "the example's job waits for a node, and a job is cancelled before it is deleted",
    "Workspaces_CreateOrUpdate": "the example names resources of another subscription",
}
# What a path names is created by another example than the first, where that one is refused.
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
    """Every path with its operations."""
    found: Json = {}
    for name in FILES:
        found |= json.loads((SPEC / name).read_bytes())["paths"]
    return found


def examples() -> Iterator[Any]:
    """Each example: path, method, its file."""
    if not SPEC.is_dir():
        yield pytest.param("", "", "", id="none")
        return
    for path, methods in paths().items():
        for method, operation in methods.items():
            for example in operation.get("x-ms-examples", {}).values():
                file = example["$ref"].removeprefix("./examples/").removesuffix(".json")
                if (SPEC / "examples" / f"{file}.json").is_file():  # the reference has what matters here
                    yield pytest.param(path, method, file, id=f"{operation['operationId']}-{file.replace('/', '.')}")


class Caller:
    """Sends examples to a workspace."""

    def __init__(self, group: Group, workspace: str) -> None:
        self.group = group
        self.workspace = workspace

    def call(
        self, path: str, method: str, file: str, names: Json | None = None, **properties: str
    ) -> requests.Response:
        """One example; ``names`` replace those that the path has in it, ``properties`` some that its body has."""
        given = json.loads((SPEC / "examples" / f"{file}.json").read_bytes())["parameters"]
        own = {
            "subscriptionId": self.group.endpoint.subscription_id,
            "resourceGroupName": self.group.name,
            "workspaceName": self.workspace.rpartition("/")[2],
            "location": "eastus",
        }
        known = {**given, **(names or {}), **own}
        known["id"] = re.sub(r"\W", "", known.get("id", ""))[:50]  # a url in one example
        body = next((name for name in ("body", "parameters") if name in given), None)
        if body and "properties" in given[body]:
            inner = given[body]["properties"]
            inner |= {name: value for name, value in properties.items() if name in inner}
        in_path = re.findall(r"{(\w+)}", path)
        query = {name: str(value) for name, value in given.items() if name not in (*in_path, body, "api-version")}
        query |= {"skipValidation": "true"} if "skipValidation" in query else {}  # there is no account 'string'
        url = MANAGEMENT + re.sub(r"{(\w+)}", lambda found: str(known[found[1]]), path)
        return self.group.send(method.upper(), url, given.get(body or ""), api="2024-04-01", **query)

    def prepare(self, path: str, file: str) -> None:
        """Create what a path names, by the example of its creation."""
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
        made = Group(endpoint, session, credential.get_token(f"{MANAGEMENT}/.default").token)
        made.send("PUT", made.id, {"location": "eastus"}, api="2021-04-01").raise_for_status()
        yield made


@pytest.fixture
def make(shared_group: Group) -> Callable[[], Caller]:
    """Makes a caller with a workspace, and a compute as the examples of jobs name it."""

    def workspace() -> Caller:
        path = f"{shared_group.ml}/workspaces/ws{uuid.uuid4().hex[:8]}"
        shared_group.done(shared_group.send("PUT", path, shared_group.workspace_body()))
        inner = {"vmSize": "Standard_DS3_v2", "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 0}}
        body = {"location": "eastus", "properties": {"computeType": "AmlCompute", "properties": inner}}
        shared_group.done(shared_group.send("PUT", f"{path}/computes/string", body))
        return Caller(shared_group, path)

    return workspace


@pytest.mark.parametrize(("path", "method", "file"), list(examples()))
def test_an_example_gets_a_documented_status(make: Callable[[], Caller], path: str, method: str, file: str) -> None:
    operation = paths()[path][method]
    documented = {int(status) for status in operation["responses"] if status.isdigit()}
    caller = make()
    if method != "put":
        caller.prepare(path, file)

    answer = caller.call(path, method, file)

    reasons = [reason for known, reason in KNOWN.items() if known in f"{operation['operationId']}/{file}"]
    if answer.status_code == 400 and answer.json()["error"]["message"].startswith("The emulator does not serve"):
        reasons.append("refused by name")
    assert (answer.status_code in documented) != bool(reasons), (answer.status_code, answer.text)
