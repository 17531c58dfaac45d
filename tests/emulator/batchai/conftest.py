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

PATIENCE = 600.0  # seconds, in which a busy machine has trained with several nodes, too
PAUSE = 0.005  # between two looks, so that what is waited for gets the processor
MANAGEMENT = "https://management.azure.com"
Json = dict[str, Any]


class Group:
    """A resource group of its own, with a share, as a plain HTTP client sees them."""

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
        """One call of Resource Manager; keyword ``api`` names another version than 2018-05-01."""
        version = query.pop("api", "2018-05-01")
        url = path if path.startswith("https:") else MANAGEMENT + path
        asked = query if "api-version=" in url else {"api-version": version, **query}
        return self.session.request(method, url, params=asked, json=body, headers=self._headers)

    def send_slowly(
        self, method: str, path: str, body: Json, meanwhile: Callable[[], object], api: str = "2018-05-01"
    ) -> requests.Response:
        """A call in the middle of whose body something else is done."""

        def pieces() -> Iterator[bytes]:
            yield b" "
            meanwhile()
            yield json.dumps(body).encode()

        headers = self._headers | {"Content-Type": "application/json"}
        url, query = MANAGEMENT + path, {"api-version": api}
        return self.session.request(method, url, params=query, data=pieces(), headers=headers)

    def done(self, answer: requests.Response) -> Json:
        """The status document of the operation that an answer began, once it has ended."""
        assert answer.status_code == 202, answer.text
        where = answer.headers["azure-asyncoperation"]
        return self.until(where, lambda document: document["status"] != "InProgress")

    def until(self, path: str, wanted: Callable[[Json], bool], **query: str) -> Json:
        """What a GET shows, as soon as it is as wished."""
        clock = SystemClock()
        deadline = clock.monotonic() + PATIENCE
        while not wanted(document := self.send("GET", path, **query).json()):
            assert clock.monotonic() < deadline, document
            clock.sleep(PAUSE)
        return document

    def set_up(self) -> None:
        """Group, share, workspace and experiment."""
        self.send("PUT", self.id, {"location": "eastus"}, api="2021-04-01")
        self.files.create_share(self.share)
        assert self.send("PUT", self.workspace, {"location": "eastus"}).status_code == 200
        assert self.send("PUT", self.experiment).status_code == 200

    def tear_down(self) -> None:
        """Delete everything."""
        self.send("DELETE", self.id, api="2021-04-01")
        self.until(self.id, lambda answer: "error" in answer, api="2021-04-01")  # it is not found any more
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
        """A definition of a cluster that mounts the share."""
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
        """A definition of a job with a command line."""
        return {
            "properties": {
                "cluster": {"id": f"{self.workspace}/clusters/{on}"},
                "nodeCount": 1,
                "customToolkitSettings": {"commandLine": command},
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/share",
                **properties,
            }
        }

    # Stories

    def make_cluster(self, name: str = "cluster", nodes: int = 1, **properties: Any) -> Json:
        """A cluster whose nodes are idle."""
        path = f"{self.workspace}/clusters/{name}"
        self.done(self.send("PUT", path, self.cluster(nodes, **properties)))
        return self.until(path, lambda seen: seen["properties"]["nodeStateCounts"]["idleNodeCount"] == nodes)

    def submit(self, name: str, command: str = "true", **properties: Any) -> str:
        """A job that the service has taken; its path."""
        path = f"{self.experiment}/jobs/{name}"
        self.done(self.send("PUT", path, self.job(command, **properties)))
        return path

    def run(self, name: str, command: str = "true", **properties: Any) -> Json:
        """A job that has ended, its ``properties``."""
        return self.ended(self.submit(name, command, **properties))

    def ended(self, path: str) -> Json:
        """The ``properties`` of a job once it has ended."""
        return self.reached(path, "succeeded", "failed")

    def reached(self, path: str, *states: str) -> Json:
        """The ``properties`` of a job once it is in one of these states."""
        seen: Json = self.until(path, lambda job: job["properties"]["executionState"] in states)["properties"]
        return seen

    def outputs(self, path: str, of: str = "stdouterr", **query: str) -> dict[str, Json]:
        """The files of a job by name."""
        answer = self.send("POST", f"{path}/listOutputFiles", outputdirectoryid=of, **query)
        assert answer.status_code == 200, answer.text
        return {item["name"]: item for item in answer.json()["value"]}

    def read(self, path: str, name: str = "stdout.txt", of: str = "stdouterr") -> str:
        """The text of a job's file, by its link."""
        return self.session.get(self.outputs(path, of)[name]["downloadUrl"]).text


@contextmanager
def emulated(directory: Path, compute: str = "process") -> Iterator[Group]:
    """An emulator on a data directory, and a client of it."""
    with launch(directory, compute=compute) as endpoint, client_of(endpoint) as group:
        yield group


@contextmanager
def client_of(endpoint: Endpoint) -> Iterator[Group]:
    """A client with a session of its own; it has not set up anything yet."""
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
    made = Group(endpoint, session, token)
    made.set_up()
    yield made
    made.tear_down()
