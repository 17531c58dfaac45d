"""An emulator that is killed with Azure ML jobs in flight loses nothing that it acknowledged, and runs no job twice.

HARNESS_TEST_DOSE=full pytest tests/emulator/azureml/test_crash.py          # 200 rounds instead of 3
"""

import contextlib
import itertools
import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options
from tests.emulator.azureml.conftest import until

ROUNDS = 200 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 3
SECONDS = 300.0  # limit of every wait after a restart
SAMPLE = 30  # objects of earlier rounds that each round reads again; the last round reads all
TERMINAL = ("Completed", "Failed", "Canceled")
STATES = ("Completed", "Failed")  # by exit code, 0 or not

SignIn = Callable[[Endpoint], requests.Session]

pytestmark = pytest.mark.slow


@dataclass
class Promises:
    """What the emulator has acknowledged. Requests that were open when it was killed may have taken effect."""

    jobs: dict[str, int] = field(default_factory=dict)  # name to exit code
    assets: dict[str, str] = field(default_factory=dict)  # path to uri
    metrics: list[int] = field(default_factory=list)  # steps of the run that all of them are logged in
    computes: set[str] = field(default_factory=set)


class Round:
    """One life of the emulator, and clients that use it until it is killed."""

    def __init__(self, endpoint: Endpoint, session: requests.Session, promises: Promises) -> None:
        self.endpoint, self.session, self.promises = endpoint, session, promises
        self.path = (
            f"/subscriptions/{endpoint.subscription_id}/resourceGroups/{endpoint.azureml_resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{endpoint.azureml_workspace}"
        )
        self.workspace = f"https://management.azure.com{self.path}"
        self.mlflow = f"https://eastus.api.azureml.ms/mlflow/v2.0{self.path}/api/2.0/mlflow"
        self.killed = threading.Event()

    def use(self, numbers: Iterator[int], action: Callable[[int], None]) -> None:
        """Repeat an action until the emulator does not respond."""
        while not self.killed.is_set():
            number = next(numbers)
            try:
                action(number)
            except requests.RequestException:
                self.killed.wait(SECONDS)

    def put(self, path: str, **properties: Any) -> requests.Response:
        response = self.session.put(f"{self.workspace}/{path}", json={"location": "eastus", "properties": properties})
        assert response.status_code in (200, 201), response.text
        return response

    def submit(self, number: int) -> None:
        """Submit a job that appends a line to its own file, so that two lines mean two runs."""
        code = number % 2
        command = f"echo ran >> ${{{{outputs.out}}}}/j{number}; sleep {number % 8 / 100}; exit {code}"
        outputs = {"out": {"uri": "azureml://datastores/workspaceblobstore/paths/crash", "mode": "ReadWriteMount"}}
        self.put(f"jobs/j{number}", jobType="Command", command=command, computeId="computes/nodes", outputs=outputs)
        self.promises.jobs[f"j{number}"] = code
        self.killed.wait(0.05)  # about as many jobs as two nodes can run

    def register(self, number: int) -> None:
        """Register a data asset; it must be kept as it was sent."""
        path = f"data/d{number}/versions/1"
        uri = f"https://account.blob.core.windows.net/c/{number}"
        self.put(path, dataType="uri_folder", dataUri=uri)
        self.promises.assets[path] = uri

    def log(self, number: int) -> None:
        """Log a value of the metric of the run."""
        body = {"run_id": self.run(), "key": "loss", "value": number, "timestamp": 1, "step": number}
        self.session.post(f"{self.mlflow}/runs/log-metric", json=body).raise_for_status()
        self.promises.metrics.append(number)

    def create(self, number: int) -> None:
        """Create a compute without nodes."""
        scale = {"minNodeCount": 0, "maxNodeCount": 0}
        self.put(f"computes/none{number}", computeType="AmlCompute",
                 properties={"vmSize": "Standard_DS3_v2", "scaleSettings": scale})  # fmt: skip
        self.promises.computes.add(f"none{number}")

    def run(self) -> str:
        """The run, which the first round started."""
        runs = self.session.post(f"{self.mlflow}/runs/search", json={"experiment_ids": [self.experiment()]}).json()
        identifier: str = runs["runs"][0]["info"]["run_id"]
        return identifier

    def experiment(self) -> str:
        response = self.session.get(f"{self.mlflow}/experiments/get-by-name", params={"experiment_name": "crash"})
        identifier: str = response.json()["experiment"]["experiment_id"]
        return identifier

    def prepare(self) -> None:
        """Create what the load uses: a compute of two nodes, and a run."""
        scale = {"minNodeCount": 2, "maxNodeCount": 2}
        self.put("computes/nodes", computeType="AmlCompute",
                 properties={"vmSize": "Standard_DS3_v2", "scaleSettings": scale})  # fmt: skip
        self.session.post(f"{self.mlflow}/experiments/create", json={"name": "crash"}).raise_for_status()
        body = {"experiment_id": self.experiment()}
        self.session.post(f"{self.mlflow}/runs/create", json=body).raise_for_status()

    def kill_under_load(self, numbers: Iterator[int], after: float) -> None:
        """Run five clients, and kill the emulator among their requests."""
        actions = (self.submit, self.submit, self.register, self.log, self.create)
        with ThreadPoolExecutor(len(actions)) as pool:
            before = len(self.promises.jobs)
            futures = [pool.submit(self.use, numbers, action) for action in actions]
            try:
                until(lambda: len(self.promises.jobs) > before)  # every round has a job, on a busy machine, too
                SystemClock().sleep(after)
            finally:
                victim = psutil.Process(self.endpoint.pid)
                victim.kill()
                victim.wait(SECONDS)
                self.killed.set()
            for future in futures:
                future.result()

    def check(self, maximum: int) -> None:
        """Check a sample of what was acknowledged."""
        for path, uri in sample(list(self.promises.assets.items()), maximum):
            response = self.session.get(f"{self.workspace}/{path}")
            assert (response.status_code, response.json()["properties"]["dataUri"]) == (200, uri)
        for name in sample([*(f"jobs/{job}" for job in self.promises.jobs),
                             *(f"computes/{compute}" for compute in self.promises.computes)], maximum):  # fmt: skip
            assert self.session.get(f"{self.workspace}/{name}").status_code == 200, name
        assert set(self.promises.metrics) <= set(self.steps())

    def steps(self) -> list[int]:
        """The steps of every value of the metric, from all pages."""
        steps, query = [], {"run_id": self.run(), "metric_key": "loss"}
        while True:
            page = self.session.get(f"{self.mlflow}/metrics/get-history", params=query).json()
            steps += [point["step"] for point in page["metrics"]]
            if "next_page_token" not in page:
                return steps
            query["page_token"] = page["next_page_token"]

    def finished_jobs(self) -> dict[str, str]:
        """The state of every job, after all have ended."""
        clock = SystemClock()
        end = clock.monotonic() + SECONDS + len(self.promises.jobs)
        while True:
            states = {job["name"]: job["properties"]["status"] for job in self.list_all("jobs")}
            if all(state in TERMINAL for state in states.values()):
                return states
            assert clock.monotonic() < end, Counter(states.values())
            clock.sleep(0.2)

    def list_all(self, kind: str) -> list[dict[str, Any]]:
        """The items of all pages of a list."""
        url, items = f"{self.workspace}/{kind}", []
        while url:
            page = self.session.get(url).json()
            items += page["value"]
            url = page.get("nextLink", "")
        return items


def sample(items: list[Any], maximum: int) -> list[Any]:
    return random.sample(items, min(len(items), maximum))


@contextlib.contextmanager
def life(directory: Path, sign_in: SignIn, promises: Promises) -> Iterator[Round]:
    endpoint = start_detached(Options(directory))
    try:
        with sign_in(endpoint) as session:
            session.params = {"api-version": "2025-09-01"}
            yield Round(endpoint, session, promises)
    finally:
        stop(directory)


def runs_of(directory: Path, endpoint: Endpoint) -> Counter[str]:
    """How often each job ran, by the lines in its file."""
    (folder,) = (directory / "storage" / endpoint.storage_account / "blob").glob("azureml-blobstore-*/crash")
    return Counter({path.name: len(path.read_text().splitlines()) for path in folder.iterdir()})


def test_nothing_acknowledged_is_lost_and_no_job_runs_twice(tmp_path: Path, sign_in: SignIn) -> None:
    directory, promises, numbers = tmp_path / "data", Promises(), itertools.count()
    for number in range(ROUNDS):
        with life(directory, sign_in, promises) as round_:
            if number == 0:
                round_.prepare()
            round_.check(SAMPLE)
            round_.kill_under_load(numbers, after=random.uniform(0, 1.5))

    with life(directory, sign_in, promises) as last:
        last.check(len(promises.assets) + len(promises.jobs) + len(promises.computes))
        states = last.finished_jobs()
        assert {name: states[name] for name in promises.jobs} == {
            name: STATES[code] for name, code in promises.jobs.items()
        }
        steps = Counter(last.steps())
        assert all(steps[step] == 1 for step in promises.metrics)
        assert runs_of(directory, last.endpoint) == Counter(dict.fromkeys(states, 1))

    assert len(promises.jobs) >= ROUNDS
