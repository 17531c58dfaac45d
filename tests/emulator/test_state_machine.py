"""Any sequence of operations, over all three API versions, leaves what a small model of the service says.

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
FLAT = "migrated-eastus"  # where 2018-05 shows what earlier versions made
SECONDS = 20.0  # that anything may take
FINISHED = ("succeeded", "failed")

# Mostly what ``furnish`` made, or most operations would meet nothing.
workspaces, names, sizes = (
    st.sampled_from(["w1", "w1", "w1", "w2"]),
    st.sampled_from("aaab"),
    st.sampled_from([1, 2, 0]),
)
flat_versions = st.sampled_from([MARCH, SEPTEMBER])
places = st.one_of(st.tuples(workspaces, st.just(MAY)), st.tuples(st.just(FLAT), flat_versions))


@dataclass
class Cluster:
    """What the model knows of one."""

    nodes: int
    etag: str


@dataclass
class Job:
    """What the model knows of one; ``end`` is its state and exit code once it has been seen finished."""

    cluster: tuple[str, str]
    code: int
    etag: str
    terminated: bool = False
    end: tuple[str, int | None] | None = None


@dataclass
class Model:
    """Everything that ought to exist, by its place: workspace, experiment, name."""

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
        answer = self.session.request(method, self.group + path, params={"api-version": version}, data=data)
        assert answer.status_code < 500, answer.text
        assert (answer.status_code < 400) == (not answer.text.startswith('{"error":')), answer.text
        return answer

    def finish(self, accepted: requests.Response) -> None:
        """Poll a long-running operation to its end."""
        assert accepted.status_code == 202, (accepted.status_code, accepted.text)
        url = accepted.headers["azure-asyncoperation"]
        self.until(lambda: self.session.get(url).json()["status"], lambda status: status == "Succeeded")

    def until(self, look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
        end = self.clock.monotonic() + SECONDS
        while not done(seen := look()):
            assert self.clock.monotonic() < end, seen
            self.clock.sleep(0.005)
        return seen

    def settled(self, path: str, version: str, nodes: int) -> dict[str, Any]:
        """A cluster once its nodes are there and none has a job."""

        def is_settled(seen: dict[str, Any]) -> bool:
            counts, state = seen["nodeStateCounts"], seen["allocationState"].lower()
            return state == "steady" and seen["currentNodeCount"] == nodes == counts["idleNodeCount"]

        found: dict[str, Any] = self.until(lambda: self.send("GET", path, version).json()["properties"], is_settled)
        return found


class Machine(RuleBasedStateMachine):
    """Drives the service and the model side by side."""

    groups = itertools.count()

    def __init__(self, session: requests.Session, mount: dict[str, Any]) -> None:
        super().__init__()
        self.service = Service(session, f"machine{next(self.groups)}", mount)
        self.model = Model()

    def teardown(self) -> None:
        self.service.send("DELETE", "")

    @initialize(nodes=st.sampled_from([1, 0]))
    def furnish(self, nodes: int) -> None:
        """Something to work on from the start."""
        self.put_workspace("w1")
        self.put_experiment("w1")
        for place in (("w1", MAY), (FLAT, MARCH)):
            self.put_cluster(place, "a", nodes)

    # Workspaces and experiments

    @rule(name=workspaces)
    def put_workspace(self, name: str) -> None:
        path = f"/providers/Microsoft.BatchAI/workspaces/{name}"
        answer = self.service.send("PUT", path, body={"location": "eastus"})

        assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (200, "succeeded")
        assert answer.headers["etag"] == self.model.workspaces.setdefault(name, answer.headers["etag"])

    @rule(name=st.sampled_from(["w2", "w2", "w2", "w1"]))
    def delete_workspace(self, name: str) -> None:
        answer = self.service.send("DELETE", f"/providers/Microsoft.BatchAI/workspaces/{name}")
        if self.model.workspaces.pop(name, None) is None:
            assert answer.status_code == 204
            return
        self.service.finish(answer)
        self.model.experiments = {key: etag for key, etag in self.model.experiments.items() if key[0] != name}
        self.model.clusters = {key: each for key, each in self.model.clusters.items() if key[0] != name}
        self.model.jobs = {key: each for key, each in self.model.jobs.items() if key[0] != name}

    @rule(workspace=workspaces)
    def put_experiment(self, workspace: str) -> None:
        answer = self.service.send("PUT", f"/providers/Microsoft.BatchAI/workspaces/{workspace}/experiments/e")
        if workspace not in self.model.workspaces:
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "WorkspaceNotFound")
            return
        assert answer.status_code == 200
        etag = answer.headers["etag"]
        assert etag == self.model.experiments.setdefault((workspace, "e"), etag)

    @rule(workspace=st.sampled_from(["w2", "w2", "w2", "w1"]))
    def delete_experiment(self, workspace: str) -> None:
        answer = self.service.send("DELETE", f"/providers/Microsoft.BatchAI/workspaces/{workspace}/experiments/e")
        if self.model.experiments.pop((workspace, "e"), None) is None:
            assert answer.status_code == 204
            return
        self.service.finish(answer)
        self.model.jobs = {key: each for key, each in self.model.jobs.items() if key[0] != workspace}

    # Clusters

    @rule(place=places, name=names, nodes=sizes)
    def put_cluster(self, place: tuple[str, str], name: str, nodes: int) -> None:
        workspace, version = place
        path = self.service.path(workspace, "clusters", name, version)
        manual = {"manual": {"targetNodeCount": nodes}}
        account = {"adminUserName": "u", "adminUserPassword": "p"}
        properties = {
            "vmSize": "STANDARD_D1",
            "scaleSettings": manual,
            "userAccountSettings": account,
            "nodeSetup": {"mountVolumes": {"azureFileShares": [self.service.mount]}},
        }
        answer = self.service.send("PUT", path, version, body={"location": "eastus", "properties": properties})
        known = self.model.clusters.get((workspace, name))
        if version == MAY and workspace not in self.model.workspaces:
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "WorkspaceNotFound")
        elif known:
            same = known.nodes == nodes
            assert answer.status_code == (200 if same else 409), answer.text
            assert not same or answer.headers["etag"] == known.etag
        else:
            self.service.finish(answer)
            self.service.settled(path, version, nodes)
            etag = self.service.send("GET", path, version).headers["etag"]
            self.model.clusters[workspace, name] = Cluster(nodes, etag)
            self.finish_jobs_of((workspace, name))

    @rule(place=places, name=names, nodes=sizes)
    def resize_cluster(self, place: tuple[str, str], name: str, nodes: int) -> None:
        workspace, version = place
        path = self.service.path(workspace, "clusters", name, version)
        scale = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": nodes}}}}
        answer = self.service.send("PATCH", path, version, body=scale)
        known = self.model.clusters.get((workspace, name))
        if known is None:
            assert answer.status_code == 404
            return
        assert answer.json()["properties"]["scaleSettings"]["manual"]["targetNodeCount"] == nodes
        assert (answer.headers["etag"] == known.etag) == (version == SEPTEMBER)
        known.nodes, known.etag = nodes, answer.headers["etag"]
        self.finish_jobs_of((workspace, name))
        self.service.settled(path, version, nodes)

    @rule(place=places, name=names)
    def delete_cluster(self, place: tuple[str, str], name: str) -> None:
        workspace, version = place
        answer = self.service.send("DELETE", self.service.path(workspace, "clusters", name, version), version)
        if self.model.clusters.pop((workspace, name), None) is None:
            assert answer.status_code == 204
            return
        self.service.finish(answer)

    # Jobs

    @rule(place=places, name=names, cluster=names, code=st.integers(0, 2))
    def put_job(self, place: tuple[str, str], name: str, cluster: str, code: int) -> None:
        workspace, version = place
        path = self.service.path(workspace, "jobs", name, version)
        target = self.service.group.removeprefix("https://management.azure.com")
        target += self.service.path(workspace, "clusters", cluster, version)
        properties = {
            "cluster": {"id": target},
            "nodeCount": 1,
            "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
            "customToolkitSettings": {"commandLine": f"exit {code}"},
        }
        answer = self.service.send("PUT", path, version, body={"location": "eastus", "properties": properties})
        known = self.model.jobs.get((workspace, name))
        if version == MAY and (workspace, "e") not in self.model.experiments:
            missing = "ExperimentNotFound" if workspace in self.model.workspaces else "WorkspaceNotFound"
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, missing)
        elif known:
            same = known.code == code and known.cluster == (workspace, cluster)
            assert answer.status_code == (200 if same else 409), answer.text
            assert not same or answer.json()["properties"]["executionState"].lower() == "queued"
            assert not same or answer.headers["etag"] == known.etag
        elif (workspace, cluster) not in self.model.clusters:
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ClusterNotFound")
        else:
            self.service.finish(answer)
            etag = self.service.send("GET", path, version).headers["etag"]
            self.model.jobs[workspace, name] = Job((workspace, cluster), code, etag)
            self.finish_jobs_of((workspace, cluster))

    def finish_jobs_of(self, cluster: tuple[str, str]) -> None:
        """Every job of a cluster with nodes ends by itself; remember how."""
        known = self.model.clusters.get(cluster)
        for (workspace, name), job in self.model.jobs.items():
            if job.cluster == cluster and job.end is None and known and known.nodes:
                self.wait_for_job(workspace, name, job)

    def wait_for_job(self, workspace: str, name: str, job: Job) -> None:
        version = MAY if workspace != FLAT else MARCH
        path = self.service.path(workspace, "jobs", name, version)
        seen = self.service.until(
            lambda: self.service.send("GET", path, version).json()["properties"],
            lambda properties: properties["executionState"] in FINISHED,
        )
        job.end = (seen["executionState"], seen["executionInfo"].get("exitCode"))
        if job.terminated:
            assert job.end == ("failed", None)
            code = "JobTerminated" if version == MAY else "JobTerminate"
            assert [error["code"] for error in seen["executionInfo"]["errors"]] == [code]
        else:
            assert job.end == ("failed" if job.code else "succeeded", job.code)

    @rule(place=places, name=names)
    def terminate_job(self, place: tuple[str, str], name: str) -> None:
        workspace, version = place
        path = self.service.path(workspace, "jobs", name, version)
        answer = self.service.send("POST", path + "/terminate", version)
        job = self.model.jobs.get((workspace, name))
        if job is None:
            assert answer.status_code == 404
        elif job.end:
            assert (answer.status_code, answer.content) == (200, b"")
        else:
            self.service.finish(answer)
            job.terminated = True
            self.wait_for_job(workspace, name, job)

    @rule(place=places, name=names)
    def delete_job(self, place: tuple[str, str], name: str) -> None:
        workspace, version = place
        path = self.service.path(workspace, "jobs", name, version)
        answer = self.service.send("DELETE", path, version)
        if self.model.jobs.pop((workspace, name), None) is None:
            assert answer.status_code == 204
            return
        self.service.finish(answer)
        assert self.service.send("GET", path, version).status_code == 404

    # What always holds

    @rule(place=places, name=names)
    def get_cluster(self, place: tuple[str, str], name: str) -> None:
        workspace, version = place
        answer = self.service.send("GET", self.service.path(workspace, "clusters", name, version), version)
        known = self.model.clusters.get((workspace, name))

        assert answer.status_code == (200 if known else 404)
        assert known is None or answer.headers["etag"] == known.etag

    @invariant()
    def lists_show_what_there_is(self) -> None:
        provider = "/providers/Microsoft.BatchAI"
        seen = {item["name"] for item in self.listed(provider + "/workspaces", MAY)} - {FLAT}
        assert seen == set(self.model.workspaces)
        for workspace in self.model.workspaces:
            above = f"{provider}/workspaces/{workspace}"
            self.compare_clusters(self.listed(above + "/clusters", MAY), workspace)
            if (workspace, "e") in self.model.experiments:
                self.compare_jobs(self.listed(above + "/experiments/e/jobs", MAY), workspace)
        self.compare_clusters(self.listed(provider + "/clusters", MARCH), FLAT)
        self.compare_jobs(self.listed(provider + "/jobs", SEPTEMBER), FLAT)

    @precondition(lambda self: any(workspace == FLAT for workspace, _ in self.model.clusters))
    @invariant()
    def the_newest_version_shows_what_earlier_ones_made(self) -> None:
        self.compare_clusters(self.listed(f"/providers/Microsoft.BatchAI/workspaces/{FLAT}/clusters", MAY), FLAT)

    def listed(self, path: str, version: str) -> list[dict[str, Any]]:
        answer = self.service.send("GET", path, version)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["value"]
        return items

    def compare_clusters(self, items: list[dict[str, Any]], workspace: str) -> None:
        known = {name: each.nodes for (place, name), each in self.model.clusters.items() if place == workspace}
        assert {item["name"]: item["properties"]["currentNodeCount"] for item in items} == known

    def compare_jobs(self, items: list[dict[str, Any]], workspace: str) -> None:
        known = {name: job for (place, name), job in self.model.jobs.items() if place == workspace}
        assert {item["name"] for item in items} == set(known)
        for item in items:
            job, state = known[item["name"]], item["properties"]["executionState"].lower()
            assert state == (job.end[0] if job.end else "queued"), item


@pytest.fixture
def session(endpoint: Endpoint, sign_in: Callable[[Endpoint], requests.Session]) -> Iterator[requests.Session]:
    with sign_in(endpoint) as made:
        made.params = {}
        yield made


@pytest.fixture
def mount(endpoint: Endpoint, session: requests.Session) -> dict[str, Any]:
    """A share for what jobs print."""
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
