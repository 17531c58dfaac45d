"""An emulator that is killed under load loses nothing that it acknowledged, and runs no job twice.

HARNESS_TEST_DOSE=full pytest tests/emulator/test_crash.py          # 200 rounds instead of 5
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
from azure.common import AzureException
from azure.storage.common.retry import no_retry
from azure.storage.file import FileService

from harness.clock import SystemClock
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import start_detached, stop
from harness.emulator.options import Options

ROUNDS = 200 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 5
SECONDS = 300.0  # limit of every wait after a restart
CLUSTERS = 20  # at a time: each is created, read after some restarts, and deleted
SAMPLE = 50  # files of earlier rounds that each round reads again; the last round reads all
CONNECTION_ERRORS = (requests.RequestException, AzureException)

SignIn = Callable[[Endpoint], requests.Session]

pytestmark = pytest.mark.slow


@dataclass
class Promises:
    """What the emulator has acknowledged. Requests that were open when it was killed may have taken effect."""

    files: dict[str, str] = field(default_factory=dict)  # name to text
    clusters: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    jobs: dict[str, int] = field(default_factory=dict)  # name to exit code


class Round:
    """One life of the emulator, and clients that use it until it is killed."""

    def __init__(self, endpoint: Endpoint, session: requests.Session, promises: Promises) -> None:
        self.endpoint, self.session, self.promises = endpoint, session, promises
        self.group = (
            f"https://management.azure.com/subscriptions/{endpoint.subscription_id}/resourceGroups/crash"
            "/providers/Microsoft.BatchAI/workspaces/w"
        )
        self.killed = threading.Event()
        plain = requests.Session()  # without a token and a version in every request
        plain.trust_env, plain.proxies, plain.verify = False, session.proxies, session.verify
        self.files = FileService(endpoint.storage_account, endpoint.storage_key, request_session=plain)
        self.files.retry = no_retry

    def use(self, numbers: Iterator[int], action: Callable[[int], None]) -> None:
        """Repeat an action until the emulator does not respond."""
        while not self.killed.is_set():
            number = next(numbers)
            try:
                action(number)
            except CONNECTION_ERRORS:
                self.killed.wait(SECONDS)

    def upload(self, number: int) -> None:
        text = f"text of {number}\n" * 100
        self.files.create_file_from_text("crash", "files", str(number), text)
        self.promises.files[str(number)] = text

    def change_clusters(self, number: int) -> None:
        account = {"adminUserName": "u", "adminUserPassword": "p"}
        definition = {"properties": {"vmSize": "STANDARD_D1", "userAccountSettings": account}}
        self.put(f"/clusters/c{number}", definition)
        self.promises.clusters.add(f"c{number}")
        if len(self.promises.clusters) > CLUSTERS:
            victim = random.choice(sorted(self.promises.clusters))
            self.promises.clusters.remove(victim)
            response = self.session.delete(f"{self.group}/clusters/{victim}")
            assert response.status_code == 202, response.text
            self.promises.deleted.add(victim)

    def submit(self, number: int) -> None:
        self.put(f"/experiments/e/jobs/j{number}", self.job(number, number % 8 / 100))
        self.promises.jobs[f"j{number}"] = number % 3
        self.killed.wait(0.05)  # about as many jobs as two nodes can run

    def job(self, number: int, seconds: float) -> dict[str, Any]:
        command = f"echo j{number} >> $AZ_BATCHAI_MOUNT_ROOT/afs/ran; sleep {seconds}; exit {number % 3}"
        return {
            "properties": {
                "cluster": {"id": f"{self.group}/clusters/nodes".removeprefix("https://management.azure.com")},
                "nodeCount": 1,
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
                "customToolkitSettings": {"commandLine": command},
            }
        }

    def put(self, path: str, definition: object) -> None:
        response = self.session.put(self.group + path, json=definition)
        assert response.status_code in (200, 202), response.text

    def prepare(self) -> None:
        """Create what the load uses: a share with a directory, and a cluster of two nodes that mounts it."""
        self.files.create_share("crash")
        self.files.create_directory("crash", "files")
        group = self.group.partition("/providers")[0]
        self.session.put(group, json={"location": "eastus"}).raise_for_status()
        self.put("", {"location": "eastus"})
        self.put("/experiments/e", {})
        mount = {
            "accountName": self.endpoint.storage_account,
            "azureFileUrl": f"https://{self.endpoint.storage_account}.file.core.windows.net/crash",
            "credentials": {"accountKey": self.endpoint.storage_key},
            "relativeMountPath": "afs",
        }
        nodes = {
            "vmSize": "STANDARD_D1",
            "scaleSettings": {"manual": {"targetNodeCount": 2}},
            "userAccountSettings": {"adminUserName": "u", "adminUserPassword": "p"},
            "nodeSetup": {"mountVolumes": {"azureFileShares": [mount]}},
        }
        self.put("/clusters/nodes", {"properties": nodes})

    def kill(self) -> None:
        victim = psutil.Process(self.endpoint.pid)
        victim.kill()
        victim.wait(SECONDS)

    def kill_under_load(self, numbers: Iterator[int], after: float) -> None:
        """Run four clients, and kill the emulator among their requests."""
        actions = (self.upload, self.upload, self.change_clusters, self.submit)
        with ThreadPoolExecutor(len(actions)) as pool:
            before = len(self.promises.jobs)
            futures = [pool.submit(self.use, numbers, action) for action in actions]
            try:
                self.until(lambda: len(self.promises.jobs) > before)  # every round has a job, on a busy machine, too
                SystemClock().sleep(after)
            finally:
                self.kill()
                self.killed.set()
            for future in futures:
                future.result()

    def check(self, checked: int) -> None:
        """Check what was acknowledged; of the ``checked`` files of earlier rounds, only a sample is read again."""
        promises = self.promises
        names = list(promises.files)
        for name in (*random.sample(names[:checked], min(checked, SAMPLE)), *names[checked:]):
            assert self.files.get_file_to_text("crash", "files", name).content == promises.files[name]
        clusters = self.list_all("/clusters")
        assert promises.clusters <= clusters.keys()
        assert promises.jobs.keys() <= self.list_all("/experiments/e/jobs").keys()
        for name in promises.deleted & clusters.keys():
            self.until(lambda name=name: self.session.get(f"{self.group}/clusters/{name}").status_code == 404)

    def list_all(self, path: str) -> dict[str, Any]:
        """The items of all pages of a list, by name."""
        url = self.group + path
        items: dict[str, Any] = {}
        while url:
            page = self.session.get(url).json()
            items |= {item["name"]: item["properties"] for item in page["value"]}
            url = page.get("nextLink", "")
        return items

    def state(self, job: str) -> str:
        """The execution state of a job."""
        return str(self.session.get(f"{self.group}/experiments/e/jobs/{job}").json()["properties"]["executionState"])

    def until(self, holds: Callable[[], bool], seconds: float = SECONDS) -> None:
        clock = SystemClock()
        end = clock.monotonic() + seconds
        while not holds():
            assert clock.monotonic() < end
            clock.sleep(0.05)

    def finished_jobs(self) -> dict[str, Any]:
        """All jobs, after the last has ended."""
        jobs: dict[str, Any] = {}

        def all_ended() -> bool:
            jobs.update(self.list_all("/experiments/e/jobs"))
            return all(job["executionState"] in ("succeeded", "failed") for job in jobs.values())

        self.until(all_ended, SECONDS + len(self.promises.jobs))
        return jobs


@contextlib.contextmanager
def life(directory: Path, sign_in: SignIn, promises: Promises) -> Iterator[Round]:
    endpoint = start_detached(Options(directory))
    try:
        with sign_in(endpoint) as session:
            yield Round(endpoint, session, promises)
    finally:
        stop(directory)


def processes_of(directory: Path) -> list[str]:
    """The command lines of living processes that use a data directory."""
    command_lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            arguments = [*process.cmdline(), process.cwd()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(directory) in word for word in arguments):
                command_lines.append(" ".join(arguments))
    return command_lines


def test_nothing_acknowledged_is_lost_and_no_job_runs_twice(tmp_path: Path, sign_in: SignIn) -> None:
    directory, promises, numbers, checked = tmp_path / "data", Promises(), itertools.count(), 0
    for number in range(ROUNDS):
        with life(directory, sign_in, promises) as round_:
            if number == 0:
                round_.prepare()
            round_.check(checked)
            checked = len(promises.files)
            round_.kill_under_load(numbers, after=random.uniform(0, 1.5))

    with life(directory, sign_in, promises) as last:
        last.check(checked=0)
        jobs = last.finished_jobs()
        assert {name: jobs[name]["executionInfo"].get("exitCode") for name in promises.jobs} == promises.jobs
        executions = Counter(last.files.get_file_to_text("crash", None, "ran").content.split())

    assert executions == Counter(dict.fromkeys(jobs, 1))
    assert len(promises.jobs) >= ROUNDS
    assert processes_of(directory) == []


def test_a_job_that_ends_while_no_emulator_runs_is_seen_to_have_ended(tmp_path: Path, sign_in: SignIn) -> None:
    directory = tmp_path / "data"
    with life(directory, sign_in, Promises()) as first:
        first.prepare()
        job = first.job(1, seconds=0)
        waiting = f"until test -e '{tmp_path}/go'; do sleep 0.05; done; exit 1"
        job["properties"]["customToolkitSettings"]["commandLine"] = waiting
        first.put("/experiments/e/jobs/j1", job)
        first.until(lambda: first.state("j1") == "running")
        first.kill()
        (tmp_path / "go").touch()
        first.until(lambda: processes_of(directory) == [])

    with life(directory, sign_in, Promises()) as second:
        second.until(lambda: second.state("j1") == "failed")
        assert second.finished_jobs()["j1"]["executionInfo"]["exitCode"] == 1
