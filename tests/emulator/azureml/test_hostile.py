"""No request makes Azure Machine Learning fail, and everything that it stored stays readable, after a restart too.

HARNESS_TEST_DOSE=full pytest tests/emulator/azureml/test_hostile.py          # 2,000 requests a property instead of 60
"""

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options
from harness.emulator.providers.azureml.model.asset import KINDS
from harness.emulator.routing import Route
from tests.emulator.azureml.operations import HOSTS, served_routes

Json = dict[str, Any]
SignIn = Callable[[Endpoint], requests.Session]

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
WORKSPACE = f"{SUBSCRIPTION}/resourceGroups/harness-emulator/providers/Microsoft.MachineLearningServices/workspaces"
DATASTORE = "azureml://datastores/workspaceblobstore/paths"
LONG = "a long text"  # replaced by 70,000 characters
EXAMPLES = 2000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 60


ROUTES = [(host, route) for host, route in served_routes() if route.method != "DELETE"]
WRITES = [pair for pair in ROUTES if pair[1].method != "GET"]
READS = [pair for pair in ROUTES if pair[1].method == "GET"]


def job_body(command: str) -> Json:
    """A job with all members, for the compute that never has a node."""
    uri = f"{DATASTORE}/a"
    return {"properties": {
        "jobType": "Command", "displayName": "d", "experimentName": "e", "description": "x", "isArchived": False,
        "command": command, "tags": {"a": "b"}, "properties": {"a": "b"}, "computeId": "computes/none",
        "environmentVariables": {"A": "b"}, "environmentId": "azureml:x:1",
        "inputs": {"a": {"jobInputType": "uri_folder", "uri": uri, "mode": "ReadOnlyMount"},
                   "b": {"jobInputType": "literal", "value": "1"}},
        "outputs": {"c": {"jobOutputType": "uri_folder", "uri": uri, "mode": "Upload"}},
        "resources": {"instanceCount": 1, "instanceType": "Standard_DS3_v2", "shmSize": "2g", "properties": {}},
        "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 2},
        "limits": {"jobLimitsType": "Command", "timeout": "PT1H"}, "identity": {"identityType": "AMLToken"},
        "queueSettings": {"jobTier": "Standard"},
    }}  # fmt: skip


def compute_body() -> Json:
    """A cluster that never has a node."""
    return {"location": "eastus", "tags": {"a": "b"}, "properties": {
        "computeType": "AmlCompute", "description": "d", "disableLocalAuth": True, "properties": {
            "vmSize": "Standard_DS3_v2", "vmPriority": "Dedicated", "subnet": {"id": "x"}, "osType": "Linux",
            "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT5M"},
            "userAccountCredentials": {"adminUserName": "u", "adminUserPassword": "p"}, "enableNodePublicIp": True,
            "virtualMachineImage": {"id": "x"}, "remoteLoginPortPublicAccess": "Enabled"}}}  # fmt: skip


def asset_body() -> Json:
    """A body with the members of all types of assets."""
    return {"properties": {
        "description": "d", "tags": {"a": "b"}, "properties": {"a": 1}, "isArchived": False, "isAnonymous": True,
        "codeUri": "https://x.blob.core.windows.net/a/b", "image": "i", "condaFile": "name: x", "osType": "Linux",
        "build": {"contextUri": "c", "dockerfilePath": "Dockerfile"}, "dataType": "uri_folder",
        "dataUri": f"{DATASTORE}/a", "modelUri": f"{DATASTORE}/a",
        "modelType": "custom_model", "flavors": {}, "jobName": "x", "inferenceConfig": {}, "environmentType": "x",
        "stage": "s"}}  # fmt: skip


def datastore_body() -> Json:
    """A datastore with a key."""
    return {"properties": {
        "datastoreType": "AzureBlob", "accountName": "a", "containerName": "c", "endpoint": "e", "protocol": "https",
        "credentials": {"credentialsType": "AccountKey", "secrets": {"secretsType": "AccountKey", "key": "a2V5"}},
        "description": "d", "tags": {}, "properties": {}, "isDefault": False, "subscriptionId": "s",
        "resourceGroup": "g"}}  # fmt: skip


def run_body(run: str, experiment: str) -> Json:
    """A body with the members of all requests to the data plane."""
    return {
        "run_id": run, "run_uuid": run, "runId": run, "experiment_id": experiment, "experiment_ids": [experiment],
        "name": "n", "run_name": "r", "status": "RUNNING", "key": "loss", "value": 0.5, "timestamp": 1, "step": 2,
        "metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 1}], "params": [{"key": "p", "value": "v"}],
        "filter": "metrics.loss > 0 and attributes.start_time > 1 and tags.a LIKE '%a%'", "order_by": ["metrics.loss"],
        "max_results": 5, "page_token": "1", "run_view_type": "ALL", "hidden": False, "displayName": "d",
        "description": "x", "properties": {"a": "b"}, "paths": [{"path": "a/b.txt"}], "values": ["x"],
        "tags": [{"key": "t", "value": "v"}]}  # fmt: skip


class HostileClient:
    """A hostile client of a new emulator, which it can restart."""

    def __init__(self, directory: Path, sign_in: SignIn) -> None:
        self._directory = directory
        self._sign_in = sign_in
        self._fresh = itertools.count()
        self.start()
        api = f"{HOSTS[1]}/mlflow/v2.0{WORKSPACE}/azureml/api/2.0/mlflow"
        self.experiment = self.send("POST", f"{api}/experiments/create", {"name": "hostile"}).json()["experiment_id"]
        document = self.send("POST", f"{api}/runs/create", {"experiment_id": self.experiment}).json()
        self.run = document["run"]["info"]["run_id"]
        workspace = f"{HOSTS[0]}{WORKSPACE}/azureml"
        for path, body in (
            ("computes/none", compute_body()), ("jobs/first", job_body("true")),
            *((f"{kind.type}/first/versions/1", asset_body()) for kind in KINDS),
        ):  # fmt: skip
            self.send("PUT", f"{workspace}/{path}", body).raise_for_status()

    def start(self) -> None:
        self._session = self._sign_in(start_detached(Options(self._directory)))
        self._session.params = {}

    def stop(self) -> None:
        self._session.close()
        stop(self._directory)

    def send(self, method: str, url: str, body: object = None, query: str = "") -> requests.Response:
        version = "" if "api-version" in query else "api-version=2025-09-01&"
        data = None if body is None else json.dumps(body).replace(LONG, "x" * 70_000)
        return self._session.request(method, f"{url}?{version}{query}", data=data, timeout=60)

    def url(self, host: str, template: str, values: Sequence[str]) -> str:
        """The url of a template: known names get existing values, the others get ``values``."""
        replacements = iter(values)
        names = {"{subscription}": SUBSCRIPTION.rpartition("/")[2], "{group}": "harness-emulator", "{run}": self.run,
                 "{workspace}": "azureml", "{location}": "eastus", "{experiment}": "hostile"}  # fmt: skip
        segments = [
            names.get(segment) or (next(replacements) if segment.startswith("{") else segment)
            for segment in template.split("/")
        ]
        return host + "/".join(segments)

    def body(self, route: Route) -> Json:
        """A body that the route accepts."""
        if "/mlflow/" in route.template or "/history/" in route.template or "/data/v1.0" in route.template:
            body = run_body(self.run, self.experiment)
            return body | ({"tags": {"a": "b"}} if "/history/" in route.template else {})
        for part, make in (("/computes", compute_body), ("/datastores", datastore_body), ("/jobs", _waiting_job)):
            if part in route.template:
                return make()
        return asset_body()

    def unreadable(self) -> list[str]:
        """The listed resources, and the lists, that cannot be read."""
        workspace = f"{HOSTS[0]}{WORKSPACE}/azureml"
        failures: list[str] = []
        for kind in ("computes", "datastores", "jobs", *(asset_kind.type for asset_kind in KINDS)):
            for name in self._names(f"{workspace}/{kind}", failures):
                self._read(f"{workspace}/{kind}/{name}", failures)
                if kind not in ("computes", "datastores", "jobs"):
                    versions = f"{workspace}/{kind}/{name}/versions"
                    for version in self._names(versions, failures):
                        self._read(f"{versions}/{version}", failures)
                if kind == "jobs":
                    self._read(f"{HOSTS[1]}/history/v1.0{WORKSPACE}/azureml/runs/{name}/details", failures)
        api = f"{HOSTS[1]}/mlflow/v2.0{WORKSPACE}/azureml/api/2.0/mlflow"
        self._read(f"{api}/runs/get", failures, f"run_id={self.run}")
        experiments = self.send("GET", f"{api}/experiments/search").json()["experiments"]
        search = {"experiment_ids": [experiment["experiment_id"] for experiment in experiments], "run_view_type": "ALL"}
        if self.send("POST", f"{api}/runs/search", search).status_code != 200:
            failures.append("runs/search")
        return failures

    def _names(self, url: str, failures: list[str]) -> list[str]:
        names, query = [], ""
        while True:
            page = self._read(url, failures, f"listViewType=All&{query}")
            names += [quote(item["name"], safe="") for item in page.get("value", [])]
            if "nextLink" not in page:
                return names
            query = f"$skip={len(names)}"

    def _read(self, url: str, failures: list[str], query: str = "") -> Json:
        response = self.send("GET", url, query=query)
        if response.status_code != 200:
            failures.append(f"{url} {response.status_code} {response.text[:200]}")
            return {}
        document: Json = response.json()
        return document


def _waiting_job() -> Json:
    return job_body("echo ${{inputs.b}} ${{ outputs.c }}")


@pytest.fixture(scope="module")
def hostile_client(tmp_path_factory: pytest.TempPathFactory, sign_in: SignIn) -> Iterator[HostileClient]:
    """A hostile client; at the end the log must hold no warning."""
    directory = tmp_path_factory.mktemp("hostile")
    client = HostileClient(directory, sign_in)
    try:
        yield client
    finally:
        client.stop()
    assert re.findall(r" (?:WARNING|ERROR|CRITICAL) .*", (directory / "emulator.log").read_text()) == []


nasty: st.SearchStrategy[Any] = st.sampled_from([
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 1.5, 1e308, "", "x", LONG, "\0", "a\r\nb", "..",
    "../../../etc", "PT1S", "P", "P99999999999999D", "succeeded", "💩", [], {}, [None], [[]], [{}], {"id": None},
    {"": {}}, ["a"] * 2000, [{"name": 1}], "%00", "azureml:first:1", "https://[", "${{" + " " * 5000, "${{inputs.b}}",
    "metrics.a LIKE '" + "%a" * 60 + "b'", "attributes.start_time > abc", "Standard_Unknown", "²", "9" * 5000,
    "a: &a [x]\nb: *a", "&a [*a]", "[" * 5000, "NaN", "Sweep", "TensorFlow", 100_000, {"a": {"b": [1, {"c": None}]}},
])  # fmt: skip
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
words = st.one_of(
    st.sampled_from(["first", "none", "1", "workspaceblobstore", "x" * 250, "x" * 300, "%2e%2e", "%00", "a%2Fb", "-"]),
    st.text(min_size=1, max_size=30).map(lambda text: quote(text.encode("utf-8", "replace"), safe="")),
)
values = st.one_of(
    st.sampled_from(["²", "9" * 5000, "-1", "0", "1", "x" * 300, "..", "/etc/passwd", "%00", "true", "a%2F..%2Fb",
                     "'; --", "ALL", "ArchivedOnly", "createdtime desc", "attributes.start_time%20>%20abc", "%F0%9F"]),
    st.text(max_size=20).map(lambda text: quote(text.encode("utf-8", "replace"))),
)  # fmt: skip
NAMES = ("$top", "$skip", "count", "listViewType", "jobType", "tag", "hash", "hashVersion", "isDefault", "path", "type",
         "continuationToken", "run_id", "run_uuid", "metric_key", "max_results", "page_token", "filter",
         "experiment_id", "experiment_name", "api-version", "skipValidation", "underlyingResourceAction")  # fmt: skip
queries = st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)


def value_paths(document: object) -> list[tuple[object, ...]]:
    """The paths of all values in a JSON document."""
    items: list[tuple[object, object]] = []
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))
    return [path for key, value in items for path in [(key,), *((key, *rest) for rest in value_paths(value))]]


def mutate(data: st.DataObject, document: Json) -> object:
    """A body with one or two values replaced."""
    changed: Any = deepcopy(document)
    chosen = data.draw(st.lists(st.sampled_from(value_paths(changed)), min_size=1, max_size=2, unique=True))
    # The deeper path first, because replacing the other may remove it.
    for path in sorted(chosen, key=len, reverse=True):
        target = changed
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = deepcopy(data.draw(nasty))
    return changed


def test_any_body_is_accepted_or_refused_and_what_is_stored_can_be_read(hostile_client: HostileClient) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from(WRITES), st.lists(words, min_size=3, max_size=3), st.data())
    def send(target: tuple[str, Route], parts: list[str], data: st.DataObject) -> None:
        host, route = target
        body = data.draw(st.just("mutated") | documents | documents.map(lambda inner: {"properties": inner}))
        document = mutate(data, hostile_client.body(route)) if body == "mutated" else body
        response = hostile_client.send(route.method, hostile_client.url(host, route.template, parts), document)

        assert response.status_code < 500, response.text

    send()

    assert hostile_client.unreadable() == []
    hostile_client.stop()
    hostile_client.start()
    assert hostile_client.unreadable() == []


def test_any_query_is_answered(hostile_client: HostileClient) -> None:
    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.sampled_from(READS), st.lists(words, min_size=3, max_size=3), queries)
    def send(target: tuple[str, Route], parts: list[str], query: str) -> None:
        host, route = target
        response = hostile_client.send("GET", hostile_client.url(host, route.template, parts), query=query)

        assert response.status_code < 500, response.text

    send()
