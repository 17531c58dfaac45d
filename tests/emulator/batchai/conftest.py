import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.identity import ClientSecretCredential
from azure.storage.file import FileService

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

TIMEOUT = 600.0  # seconds, enough for a busy machine to train on several nodes
PAUSE = 0.005  # seconds between two polls, which leave the processor to the emulator
MANAGEMENT = "https://management.azure.com"
Json = dict[str, Any]


class Group:
    """A new resource group and a new share, through a plain HTTP client."""

    def __init__(self, endpoint: Endpoint, session: requests.Session, token: str) -> None:
        self.endpoint = endpoint
        self.session = session
        self.name = f"group{uuid.uuid4().hex[:12]}"
        self.share = f"share{uuid.uuid4().hex[:12]}"
        self.files = FileService(endpoint.storage_account, endpoint.storage_key, request_session=session)
        self._headers = {"Authorization": f"Bearer {token}"}
        self.id = f"/subscriptions/{endpoint.subscription_id}/resourceGroups/{self.name}"
        self.provider = f"{self.id}/providers/Microsoft.BatchAI"
        self.workspace = f"{self.provider}/workspaces/ws"
        self.experiment = f"{self.workspace}/experiments/exp"

    def send(self, method: str, path: str, body: Json | None = None, **query: str) -> requests.Response:
        """Send one request to Resource Manager; the keyword ``api`` names another version than 2018-05-01."""
        version = query.pop("api", "2018-05-01")
        url = path if path.startswith("https:") else MANAGEMENT + path
        parameters = query if "api-version=" in url else {"api-version": version, **query}
        return self.session.request(method, url, params=parameters, json=body, headers=self._headers)

    def send_slowly(
        self, method: str, path: str, body: Json, in_between: Callable[[], object], api: str = "2018-05-01"
    ) -> requests.Response:
        """Send one request, and call ``in_between`` in the middle of its body."""

        def pieces() -> Iterator[bytes]:
            yield b" "
            in_between()
            yield json.dumps(body).encode()

        headers = self._headers | {"Content-Type": "application/json"}
        url, query = MANAGEMENT + path, {"api-version": api}
        return self.session.request(method, url, params=query, data=pieces(), headers=headers)

    def wait_for_operation(self, answer: requests.Response) -> Json:
        """Wait for the end of the operation that a response began; returns its status document."""
        assert answer.status_code == 202, answer.text
        url = answer.headers["azure-asyncoperation"]
        return self.until(url, lambda document: document["status"] != "InProgress")

    def until(self, path: str, condition: Callable[[Json], bool], **query: str) -> Json:
        """Poll a GET until its document fulfils a condition; returns the document."""
        clock = SystemClock()
        deadline = clock.monotonic() + TIMEOUT
        while not condition(document := self.send("GET", path, **query).json()):
            assert clock.monotonic() < deadline, document
            clock.sleep(PAUSE)
        return document

    def set_up(self) -> None:
        """Create the group, the share, a workspace and an experiment."""
        self.send("PUT", self.id, {"location": "eastus"}, api="2021-04-01")
        self.files.create_share(self.share)
        assert self.send("PUT", self.workspace, {"location": "eastus"}).status_code == 200
        assert self.send("PUT", self.experiment).status_code == 200

    def tear_down(self) -> None:
        """Delete everything."""
        self.send("DELETE", self.id, api="2021-04-01")
        self.until(self.id, lambda document: "error" in document, api="2021-04-01")  # the group no longer exists
        self.files.delete_share(self.share, fail_not_exist=False)

    # Definitions

    @property
    def mount(self) -> Json:
        """The share, mounted at ``share``."""
        account = self.endpoint.storage_account
        return {
            "accountName": account,
            "azureFileUrl": f"https://{account}.file.core.windows.net/{self.share}",
            "credentials": {"accountKey": self.endpoint.storage_key},
            "relativeMountPath": "share",
        }

    def cluster(self, nodes: int = 1, **properties: Any) -> Json:
        """The definition of a cluster that mounts the share."""
        return {
            "properties": {
                "vmSize": "STANDARD_D1",
                "scaleSettings": {"manual": {"targetNodeCount": nodes}},
                "userAccountSettings": {"adminUserName": "me", "adminUserPassword": "a password"},
                "nodeSetup": {"mountVolumes": {"azureFileShares": [self.mount]}},
                **properties,
            }
        }

    def job(self, command: str = "true", on: str = "cluster", **properties: Any) -> Json:
        """The definition of a job with a command line."""
        return {
            "properties": {
                "cluster": {"id": f"{self.workspace}/clusters/{on}"},
                "nodeCount": 1,
                "customToolkitSettings": {"commandLine": command},
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share",
                **properties,
            }
        }

    # Steps of tests

    def make_cluster(self, name: str = "cluster", nodes: int = 1, **properties: Any) -> Json:
        """Create a cluster and wait until its nodes are idle."""
        path = f"{self.workspace}/clusters/{name}"
        self.wait_for_operation(self.send("PUT", path, self.cluster(nodes, **properties)))
        return self.until(path, lambda cluster: cluster["properties"]["nodeStateCounts"]["idleNodeCount"] == nodes)

    def submit(self, name: str, command: str = "true", **properties: Any) -> str:
        """Submit a job; returns its path."""
        path = f"{self.experiment}/jobs/{name}"
        self.wait_for_operation(self.send("PUT", path, self.job(command, **properties)))
        return path

    def run(self, name: str, command: str = "true", **properties: Any) -> Json:
        """Submit a job and wait for its end; returns its ``properties``."""
        return self.wait_for_end(self.submit(name, command, **properties))

    def wait_for_end(self, path: str) -> Json:
        """Wait for the end of a job; returns its ``properties``."""
        return self.wait_for_state(path, "succeeded", "failed")

    def wait_for_state(self, path: str, *states: str) -> Json:
        """Wait until a job is in one of these states; returns its ``properties``."""
        properties: Json = self.until(path, lambda job: job["properties"]["executionState"] in states)["properties"]
        return properties

    def outputs(self, path: str, of: str = "stdouterr", **query: str) -> dict[str, Json]:
        """The files of a job by name."""
        answer = self.send("POST", f"{path}/listOutputFiles", outputdirectoryid=of, **query)
        assert answer.status_code == 200, answer.text
        return {item["name"]: item for item in answer.json()["value"]}

    def read(self, path: str, name: str = "stdout.txt", of: str = "stdouterr") -> str:
        """The text of a job's file, read through its link."""
        return self.session.get(self.outputs(path, of)[name]["downloadUrl"]).text


@contextmanager
def emulated(directory: Path, compute: str = "process") -> Iterator[Group]:
    """Run an emulator on a data directory; yields a client."""
    with launch(directory, compute=compute) as endpoint, client_of(endpoint) as group:
        yield group


@contextmanager
def client_of(endpoint: Endpoint) -> Iterator[Group]:
    """A client with a separate session, which has not created anything yet."""
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": endpoint.proxy_url}, endpoint.ca_path
        with ClientSecretCredential(
            endpoint.tenant_id, endpoint.client_id, endpoint.client_secret,
            proxies=session.proxies, connection_verify=endpoint.ca_path,
        ) as credential:  # fmt: skip
            yield Group(endpoint, session, credential.get_token("https://management.azure.com/.default").token)


@pytest.fixture
def group(endpoint: Endpoint, session: requests.Session, credential: ClientSecretCredential) -> Iterator[Group]:
    token = credential.get_token("https://management.azure.com/.default").token
    resource_group = Group(endpoint, session, token)
    resource_group.set_up()
    yield resource_group
    resource_group.tear_down()
