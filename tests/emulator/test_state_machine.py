"""Any sequence of operations, in all three API versions, has the result that a small model of the service predicts.

HARNESS_TEST_DOSE=full pytest tests/emulator/test_state_machine.py          # 2,000 sequences instead of 20
"""

import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from azure.storage.file import FileService
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint

EXAMPLES = 2000 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 20
MAY, MARCH, SEPTEMBER = "2018-05-01", "2018-03-01", "2017-09-01-preview"
FLAT = "migrated-eastus"  # the workspace in which 2018-05 shows objects of earlier versions
SECONDS = 20.0  # limit of every wait
FINISHED = ("succeeded", "failed")

# Mostly the names that ``furnish`` uses, so that most operations have an object.
workspaces, names, sizes = (
    st.sampled_from(["w1", "w1", "w1", "w2"]),
    st.sampled_from("aaab"),
    st.sampled_from([1, 2, 0]),
)
flat_versions = st.sampled_from([MARCH, SEPTEMBER])
locations = st.one_of(st.tuples(workspaces, st.just(MAY)), st.tuples(st.just(FLAT), flat_versions))


@dataclass
class Cluster:
    """The model of a cluster."""

    nodes: int
    etag: str


@dataclass
class Job:
    """The model of a job; ``end`` is its state and exit code after its end was observed."""

    cluster: tuple[str, str]
    code: int
    etag: str
    terminated: bool = False
    end: tuple[str, int | None] | None = None


@dataclass
class Model:
    """All objects that must exist, by workspace, experiment and name."""

    workspaces: dict[str, str] = field(default_factory=dict)  # etags
    experiments: dict[tuple[str, str], str] = field(default_factory=dict)
    clusters: dict[tuple[str, str], Cluster] = field(default_factory=dict)
    jobs: dict[tuple[str, str], Job] = field(default_factory=dict)  # one experiment a workspace: ``e``


class Service:
    """One resource group of a running emulator."""

    def __init__(self, session: requests.Session, group: str, mount: dict[str, Any]) -> None:
        self.session, self.mount, self.clock = session, mount, SystemClock()
        self.group = (
            f"https://management.azure.com/subscriptions/{'0' * 8}-0000-0000-0000-{'0' * 12}/resourceGroups/{group}"
        )
        self.send("PUT", "", body={"location": "eastus"})

    def path(self, workspace: str, kind: str, name: str, version: str) -> str:
        """The address of a cluster or job, as a version spells it."""
        above = "" if version != MAY else f"/workspaces/{workspace}" + ("/experiments/e" if kind == "jobs" else "")
        return f"/providers/Microsoft.BatchAI{above}/{kind}/{name}"

    def send(self, method: str, path: str, version: str = MAY, *, body: object = None) -> requests.Response:
        data = None if body is None else json.dumps(body)
        response = self.session.request(method, self.group + path, params={"api-version": version}, data=data)
        assert response.status_code < 500, response.text
        assert (response.status_code < 400) == (not response.text.startswith('{"error":')), response.text
        return response

    def finish(self, accepted: requests.Response) -> None:
        """Poll a long-running operation to its end."""
        assert accepted.status_code == 202, (accepted.status_code, accepted.text)
        url = accepted.headers["azure-asyncoperation"]
        self.until(lambda: self.session.get(url).json()["status"], lambda status: status == "Succeeded")

    def until(self, look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
        end = self.clock.monotonic() + SECONDS
        while not done(value := look()):
            assert self.clock.monotonic() < end, value
            self.clock.sleep(0.005)
        return value

    def settled(self, path: str, version: str, nodes: int) -> dict[str, Any]:
        """A cluster, after its nodes have started and no node has a job."""

        def is_settled(properties: dict[str, Any]) -> bool:
            counts, state = properties["nodeStateCounts"], properties["allocationState"].lower()
            return state == "steady" and properties["currentNodeCount"] == nodes == counts["idleNodeCount"]

        settled: dict[str, Any] = self.until(lambda: self.send("GET", path, version).json()["properties"], is_settled)
        return settled


class Machine(RuleBasedStateMachine):
    """Applies the same operations to the service and the model."""

    groups = itertools.count()

    def __init__(self, session: requests.Session, mount: dict[str, Any]) -> None:
        super().__init__()
        self.service = Service(session, f"machine{next(self.groups)}", mount)
        self.model = Model()

    def teardown(self) -> None:
        self.service.send("DELETE", "")

    @initialize(nodes=st.sampled_from([1, 0]))
    def furnish(self, nodes: int) -> None:
        """Create the first objects."""
        self.put_workspace("w1")
        self.put_experiment("w1")
        for location in (("w1", MAY), (FLAT, MARCH)):
            self.put_cluster(location, "a", nodes)

    # Workspaces and experiments

    @rule(name=workspaces)
    def put_workspace(self, name: str) -> None:
        path = f"/providers/Microsoft.BatchAI/workspaces/{name}"
        response = self.service.send("PUT", path, body={"location": "eastus"})

        assert (response.status_code, response.json()["properties"]["provisioningState"]) == (200, "succeeded")
        assert response.headers["etag"] == self.model.workspaces.setdefault(name, response.headers["etag"])

    @rule(name=st.sampled_from(["w2", "w2", "w2", "w1"]))
    def delete_workspace(self, name: str) -> None:
        response = self.service.send("DELETE", f"/providers/Microsoft.BatchAI/workspaces/{name}")
        if self.model.workspaces.pop(name, None) is None:
            assert response.status_code == 204
            return
        self.service.finish(response)
        self.model.experiments = {key: etag for key, etag in self.model.experiments.items() if key[0] != name}
        self.model.clusters = {key: cluster for key, cluster in self.model.clusters.items() if key[0] != name}
        self.model.jobs = {key: job for key, job in self.model.jobs.items() if key[0] != name}

    @rule(workspace=workspaces)
    def put_experiment(self, workspace: str) -> None:
        response = self.service.send("PUT", f"/providers/Microsoft.BatchAI/workspaces/{workspace}/experiments/e")
        if workspace not in self.model.workspaces:
            assert (response.status_code, response.json()["error"]["code"]) == (404, "WorkspaceNotFound")
            return
        assert response.status_code == 200
        etag = response.headers["etag"]
        assert etag == self.model.experiments.setdefault((workspace, "e"), etag)

    @rule(workspace=st.sampled_from(["w2", "w2", "w2", "w1"]))
    def delete_experiment(self, workspace: str) -> None:
        response = self.service.send("DELETE", f"/providers/Microsoft.BatchAI/workspaces/{workspace}/experiments/e")
        if self.model.experiments.pop((workspace, "e"), None) is None:
            assert response.status_code == 204
            return
        self.service.finish(response)
        self.model.jobs = {key: job for key, job in self.model.jobs.items() if key[0] != workspace}

    # Clusters

    @rule(location=locations, name=names, nodes=sizes)
    def put_cluster(self, location: tuple[str, str], name: str, nodes: int) -> None:
        workspace, version = location
        path = self.service.path(workspace, "clusters", name, version)
        manual = {"manual": {"targetNodeCount": nodes}}
        account = {"adminUserName": "u", "adminUserPassword": "p"}
        properties = {
            "vmSize": "STANDARD_D1",
            "scaleSettings": manual,
            "userAccountSettings": account,
            "nodeSetup": {"mountVolumes": {"azureFileShares": [self.service.mount]}},
        }
        response = self.service.send("PUT", path, version, body={"location": "eastus", "properties": properties})
        expected = self.model.clusters.get((workspace, name))
        if version == MAY and workspace not in self.model.workspaces:
            assert (response.status_code, response.json()["error"]["code"]) == (404, "WorkspaceNotFound")
        elif expected:
            is_same = expected.nodes == nodes
            assert response.status_code == (200 if is_same else 409), response.text
            assert not is_same or response.headers["etag"] == expected.etag
        else:
            self.service.finish(response)
            self.service.settled(path, version, nodes)
            etag = self.service.send("GET", path, version).headers["etag"]
            self.model.clusters[workspace, name] = Cluster(nodes, etag)
            self.finish_jobs_of((workspace, name))

    @rule(location=locations, name=names, nodes=sizes)
    def resize_cluster(self, location: tuple[str, str], name: str, nodes: int) -> None:
        workspace, version = location
        path = self.service.path(workspace, "clusters", name, version)
        scale = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": nodes}}}}
        response = self.service.send("PATCH", path, version, body=scale)
        expected = self.model.clusters.get((workspace, name))
        if expected is None:
            assert response.status_code == 404
            return
        assert response.json()["properties"]["scaleSettings"]["manual"]["targetNodeCount"] == nodes
        assert (response.headers["etag"] == expected.etag) == (version == SEPTEMBER)
        expected.nodes, expected.etag = nodes, response.headers["etag"]
        self.finish_jobs_of((workspace, name))
        self.service.settled(path, version, nodes)

    @rule(location=locations, name=names)
    def delete_cluster(self, location: tuple[str, str], name: str) -> None:
        workspace, version = location
        response = self.service.send("DELETE", self.service.path(workspace, "clusters", name, version), version)
        if self.model.clusters.pop((workspace, name), None) is None:
            assert response.status_code == 204
            return
        self.service.finish(response)

    # Jobs

    @rule(location=locations, name=names, cluster=names, code=st.integers(0, 2))
    def put_job(self, location: tuple[str, str], name: str, cluster: str, code: int) -> None:
        workspace, version = location
        path = self.service.path(workspace, "jobs", name, version)
        target = self.service.group.removeprefix("https://management.azure.com")
        target += self.service.path(workspace, "clusters", cluster, version)
        properties = {
            "cluster": {"id": target},
            "nodeCount": 1,
            "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
            "customToolkitSettings": {"commandLine": f"exit {code}"},
        }
        response = self.service.send("PUT", path, version, body={"location": "eastus", "properties": properties})
        expected = self.model.jobs.get((workspace, name))
        if version == MAY and (workspace, "e") not in self.model.experiments:
            missing = "ExperimentNotFound" if workspace in self.model.workspaces else "WorkspaceNotFound"
            assert (response.status_code, response.json()["error"]["code"]) == (404, missing)
        elif expected:
            is_same = expected.code == code and expected.cluster == (workspace, cluster)
            assert response.status_code == (200 if is_same else 409), response.text
            assert not is_same or response.json()["properties"]["executionState"].lower() == "queued"
            assert not is_same or response.headers["etag"] == expected.etag
        elif (workspace, cluster) not in self.model.clusters:
            assert (response.status_code, response.json()["error"]["code"]) == (404, "ClusterNotFound")
        else:
            self.service.finish(response)
            etag = self.service.send("GET", path, version).headers["etag"]
            self.model.jobs[workspace, name] = Job((workspace, cluster), code, etag)
            self.finish_jobs_of((workspace, cluster))

    def finish_jobs_of(self, cluster: tuple[str, str]) -> None:
        """Every job of a cluster with nodes ends; record how."""
        expected = self.model.clusters.get(cluster)
        for (workspace, name), job in self.model.jobs.items():
            if job.cluster == cluster and job.end is None and expected and expected.nodes:
                self.wait_for_job(workspace, name, job)

    def wait_for_job(self, workspace: str, name: str, job: Job) -> None:
        version = MAY if workspace != FLAT else MARCH
        path = self.service.path(workspace, "jobs", name, version)
        final = self.service.until(
            lambda: self.service.send("GET", path, version).json()["properties"],
            lambda properties: properties["executionState"] in FINISHED,
        )
        job.end = (final["executionState"], final["executionInfo"].get("exitCode"))
        if job.terminated:
            assert job.end == ("failed", None)
            code = "JobTerminated" if version == MAY else "JobTerminate"
            assert [error["code"] for error in final["executionInfo"]["errors"]] == [code]
        else:
            assert job.end == ("failed" if job.code else "succeeded", job.code)

    @rule(location=locations, name=names)
    def terminate_job(self, location: tuple[str, str], name: str) -> None:
        workspace, version = location
        path = self.service.path(workspace, "jobs", name, version)
        response = self.service.send("POST", path + "/terminate", version)
        job = self.model.jobs.get((workspace, name))
        if job is None:
            assert response.status_code == 404
        elif job.end:
            assert (response.status_code, response.content) == (200, b"")
        else:
            self.service.finish(response)
            job.terminated = True
            self.wait_for_job(workspace, name, job)

    @rule(location=locations, name=names)
    def delete_job(self, location: tuple[str, str], name: str) -> None:
        workspace, version = location
        path = self.service.path(workspace, "jobs", name, version)
        response = self.service.send("DELETE", path, version)
        if self.model.jobs.pop((workspace, name), None) is None:
            assert response.status_code == 204
            return
        self.service.finish(response)
        assert self.service.send("GET", path, version).status_code == 404

    # Invariants

    @rule(location=locations, name=names)
    def get_cluster(self, location: tuple[str, str], name: str) -> None:
        workspace, version = location
        response = self.service.send("GET", self.service.path(workspace, "clusters", name, version), version)
        expected = self.model.clusters.get((workspace, name))

        assert response.status_code == (200 if expected else 404)
        assert expected is None or response.headers["etag"] == expected.etag

    @invariant()
    def lists_show_all_objects(self) -> None:
        provider = "/providers/Microsoft.BatchAI"
        listed = {item["name"] for item in self.list_all(provider + "/workspaces", MAY)} - {FLAT}
        assert listed == set(self.model.workspaces)
        for workspace in self.model.workspaces:
            above = f"{provider}/workspaces/{workspace}"
            self.compare_clusters(self.list_all(above + "/clusters", MAY), workspace)
            if (workspace, "e") in self.model.experiments:
                self.compare_jobs(self.list_all(above + "/experiments/e/jobs", MAY), workspace)
        self.compare_clusters(self.list_all(provider + "/clusters", MARCH), FLAT)
        self.compare_jobs(self.list_all(provider + "/jobs", SEPTEMBER), FLAT)

    @precondition(lambda self: any(workspace == FLAT for workspace, _ in self.model.clusters))
    @invariant()
    def the_newest_version_shows_what_earlier_ones_made(self) -> None:
        self.compare_clusters(self.list_all(f"/providers/Microsoft.BatchAI/workspaces/{FLAT}/clusters", MAY), FLAT)

    def list_all(self, path: str, version: str) -> list[dict[str, Any]]:
        response = self.service.send("GET", path, version)
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["value"]
        return items

    def compare_clusters(self, items: list[dict[str, Any]], workspace: str) -> None:
        expected = {
            name: cluster.nodes for (parent, name), cluster in self.model.clusters.items() if parent == workspace
        }
        assert {item["name"]: item["properties"]["currentNodeCount"] for item in items} == expected

    def compare_jobs(self, items: list[dict[str, Any]], workspace: str) -> None:
        expected = {name: job for (parent, name), job in self.model.jobs.items() if parent == workspace}
        assert {item["name"] for item in items} == set(expected)
        for item in items:
            job, state = expected[item["name"]], item["properties"]["executionState"].lower()
            assert state == (job.end[0] if job.end else "queued"), item


@pytest.fixture
def session(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    with sign_in(endpoint) as client:
        client.params = {}
        yield client


@pytest.fixture
def mount(endpoint: Endpoint, session: requests.Session) -> dict[str, Any]:
    """A share for the output of jobs."""
    with requests.Session() as plain:
        plain.trust_env, plain.proxies, plain.verify = False, session.proxies, session.verify
        files = FileService(endpoint.storage_account, endpoint.storage_key, request_session=plain)
        files.create_share("machine", fail_on_exist=False)
    return {
        "accountName": endpoint.storage_account,
        "azureFileUrl": f"https://{endpoint.storage_account}.file.core.windows.net/machine",
        "credentials": {"accountKey": endpoint.storage_key},
        "relativeMountPath": "afs",
    }


@pytest.mark.slow
def test_any_sequence_of_operations_agrees_with_the_model(session: requests.Session, mount: dict[str, Any]) -> None:
    run_state_machine_as_test(
        lambda: Machine(session, mount),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
