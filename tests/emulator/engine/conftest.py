"""An engine with a real back end and a real store, and a service of its own that is not Batch AI."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from harness.clock import SystemClock
from harness.compute.backend import JobSpec as ComputeJobSpec
from harness.compute.machine import find_machine
from harness.compute.process import ProcessBackend
from harness.emulator.engine import Engine, EngineOptions
from harness.emulator.engine.model.address import MACHINE_LEARNING, Address
from harness.emulator.engine.model.records import Cluster, Job, Resource, Workspace
from harness.emulator.engine.model.spec import ClusterSpec, JobSpec
from harness.emulator.engine.rules.jobs import new_job
from harness.emulator.engine.rules.scaling import new_cluster
from harness.emulator.engine.rules.scaling_context import NodeQuota
from harness.emulator.faults.active import Faults
from harness.emulator.guids import new_guid
from harness.emulator.paths import DataDirectory
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store

WORKSPACE = Address("sub", "group", ("ws",), MACHINE_LEARNING)
DEADLOCK = 300.0  # seconds without any news of a job, after which a test gives up


class CommandService:
    """A service whose jobs are commands: what each runs is in the service's own table, not in the engine's records."""

    namespace = MACHINE_LEARNING

    def __init__(self, engine: Engine, logs: Path, news: threading.Event) -> None:
        self.engine = engine
        self.logs = logs
        self.commands: dict[str, str] = {}
        self.changes: list[tuple[Resource | None, Resource | None]] = []
        self.quota: NodeQuota | None = None
        self._news = news

    def job_spec(self, job: Job, cluster: Cluster) -> ComputeJobSpec:
        """The command, with a variable of the service, its streams merged into one file."""
        return ComputeJobSpec(
            name=job.address.name,
            directory=self.engine.specs.job_directory(job),
            nodes=self.engine.specs.nodes(job, cluster),
            toolkit="customToolkit",
            settings={"commandLine": self.commands[job.key]},
            cluster_mounts=(),
            job_mounts=(),
            stdouterr=self.logs / job.address.name / "user_logs",
            inputs={},
            outputs={},
            environment={},
            secrets={},
            preparation=None,
            container=None,
            wall_clock=600.0,
            per_node_logs=False,
            variables={"AZUREML_RUN_ID": job.address.name},
            stdout="std_log{label}.txt",
            stderr="std_log{label}.txt",
            logs=self.logs / job.address.name / "system_logs",
        )

    def node_quota(self, cluster: Cluster) -> NodeQuota | None:
        """What a test says."""
        del cluster
        return self.quota

    def observe(self, before: Resource | None, after: Resource | None) -> None:
        """Remember a change."""
        self.changes.append((before, after))

    def make_workspace(self) -> Workspace:
        """A workspace of the service."""
        now = self.engine.clock.now()
        workspace = Workspace(WORKSPACE, "eastus", None, created=now, written=now)
        self.engine.repository.keep(workspace)
        return workspace

    def make_cluster(self, name: str, made_for: str = "") -> Cluster:
        """A cluster of up to two nodes, for one job alone where that is given."""
        spec = {
            "vmSize": "Standard_D1",
            "userAccountSettings": {"adminUserName": "me"},
            "scaleSettings": {"autoScale": {"minimumNodeCount": 0, "maximumNodeCount": 2}},
        }
        cluster = new_cluster(
            WORKSPACE.child(name),
            msgspec.convert(spec, ClusterSpec),
            location="eastus",
            incarnation=new_guid(),
            pool=7,
            now=self.engine.clock.now(),
            pace=self.engine.pace,
        )
        cluster = replace(cluster, made_for=made_for)
        self.engine.repository.keep(cluster)
        return cluster

    def submit(self, name: str, command: str, cluster: Cluster | None = None) -> Job:
        """A job on a cluster, or on one that is made for it."""
        address = WORKSPACE.child(name)
        cluster = cluster or self.make_cluster(f"serverless-{name}", made_for=address.key("job"))
        spec = {"cluster": {"id": cluster.key}, "nodeCount": 1, "stdOutErrPathPrefix": "user_logs"}
        job = new_job(
            address,
            msgspec.convert(spec, JobSpec),
            cluster,
            location="eastus",
            incarnation=new_guid(),
            now=self.engine.clock.now(),
            pace=self.engine.pace,
        )
        self.commands[job.key] = command
        self.engine.repository.keep(job)
        return job

    def until(self, reached: Callable[[], Any]) -> None:
        """Reconcile whenever the back end has news, until something holds."""
        while True:
            self._news.clear()
            self.engine.reconcile(self.engine.clock.now())
            if reached():
                return
            assert self._news.wait(DEADLOCK), "the back end has had no news"

    def job(self, job: Job) -> Job:
        """A job as it is now."""
        found = self.engine.repository.store.get(Job, job.key)
        assert found is not None
        return found


@pytest.fixture
def service(tmp_path: Path) -> Iterator[CommandService]:
    """A second service, registered with an engine that takes no time it does not need."""
    clock, news = SystemClock(), threading.Event()
    paths = DataDirectory(tmp_path / "data")
    paths.prepare()
    backend = ProcessBackend(news.set, machine=find_machine(os.environ), clock=clock)
    with closing(Store(paths.database)) as store, closing(backend):
        engine = Engine(
            store,
            Accounts(store, clock, root=paths.storage),
            clock=clock,
            backend=backend,
            paths=paths,
            options=EngineOptions(),
            faults=Faults(store),
            wake=news.set,
        )
        made = CommandService(engine, tmp_path / "logs", news)
        engine.register(made, made.observe)
        made.make_workspace()
        yield made
