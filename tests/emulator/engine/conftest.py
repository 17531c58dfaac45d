"""An engine with a real back end and a real store, and a service other than Batch AI."""

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
TIMEOUT = 300.0  # seconds without any change of a job, after which a test fails


class CommandService:
    """A service whose jobs are commands, which are in the service's own table, not in the engine's records."""

    namespace = MACHINE_LEARNING

    def __init__(self, engine: Engine, logs: Path, changed: threading.Event) -> None:
        self.engine = engine
        self.logs = logs
        self.commands: dict[str, str] = {}
        self.changes: list[tuple[Resource | None, Resource | None]] = []
        self.quota: NodeQuota | None = None
        self._changed = changed

    def job_spec(self, job: Job, cluster: Cluster) -> ComputeJobSpec:
        """The command, with a variable of the service; its streams are merged into one file."""
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
        """The quota that a test has set."""
        del cluster
        return self.quota

    def observe(self, before: Resource | None, after: Resource | None) -> None:
        """Record a change."""
        self.changes.append((before, after))

    def make_workspace(self) -> Workspace:
        """Create a workspace of the service."""
        now = self.engine.clock.now()
        workspace = Workspace(WORKSPACE, "eastus", None, created=now, written=now)
        self.engine.repository.keep(workspace)
        return workspace

    def make_cluster(self, name: str, made_for: str = "") -> Cluster:
        """Create a cluster of up to two nodes, for one job alone if ``made_for`` is given."""
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
        """Submit a job to a cluster, or to one that is created for it."""
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

    def until(self, condition: Callable[[], Any]) -> None:
        """Reconcile whenever the back end reports a change, until a condition holds."""
        while True:
            self._changed.clear()
            self.engine.reconcile(self.engine.clock.now())
            if condition():
                return
            assert self._changed.wait(TIMEOUT), "the back end has reported no change"

    def job(self, job: Job) -> Job:
        """The current record of a job."""
        record = self.engine.repository.store.get(Job, job.key)
        assert record is not None
        return record


@pytest.fixture
def service(tmp_path: Path) -> Iterator[CommandService]:
    """A second service, registered with an engine at pace 0."""
    clock, changed = SystemClock(), threading.Event()
    paths = DataDirectory(tmp_path / "data")
    paths.prepare()
    backend = ProcessBackend(changed.set, machine=find_machine(os.environ), clock=clock)
    with closing(Store(paths.database)) as store, closing(backend):
        engine = Engine(
            store,
            Accounts(store, clock, root=paths.storage),
            clock=clock,
            backend=backend,
            paths=paths,
            options=EngineOptions(),
            faults=Faults(store),
            wake=changed.set,
        )
        command_service = CommandService(engine, tmp_path / "logs", changed)
        engine.register(command_service, command_service.observe)
        command_service.make_workspace()
        yield command_service
