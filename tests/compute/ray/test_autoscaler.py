"""Ray's autoscaler starts machines for the nodes of clusters, here by Ray's provider for tests."""

import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.clock import SystemClock
from harness.compute.ray.local_cluster import client_server_option, free_ports
from tests.emulator.batchai.conftest import PAUSE, TIMEOUT, Group, emulated
from tests.ray_cluster import NoRayError, RayCluster, started_cluster

pytestmark = pytest.mark.slow
MAX_MACHINES = 2  # the limit of the autoscaler
HEAD = f"{'f' * 51}00000"  # the id by which the provider recognizes the head
_IDS = {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": HEAD, "RAY_CLOUD_INSTANCE_ID": HEAD}
_EMPTY = (
    *("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
    *("cluster_synced_files", "rsync_exclude", "rsync_filter"),
)  # required fields of the configuration


@dataclass(slots=True)
class AutoscaledCluster(RayCluster):
    """A head without processors, whose autoscaler starts machines of one processor as processes of this machine.

    Ray's ``AutoscalingCluster`` would do the same, but would first end every Ray cluster of this machine.
    """

    def start_head(self) -> None:
        port, client, agent = free_ports(3)
        self.address = f"{self.host(0)}:{port}"
        config = self.directory / "autoscaler.json"
        config.write_text(json.dumps(self._config()))
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.environ = token | _IDS | {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
        arguments = ("--head", f"--port={port}", *client_server_option(client), "--include-dashboard=false")
        self._start(*arguments, f"--autoscaling-config={config}", agent=agent, cpus=0, resources={})
        self.environ = token

    def machines(self) -> int:
        """Return the number of machines without the head."""
        descendants = psutil.Process(self.nodes[0].pid).children(recursive=True)
        return sum(_name_of(process) == "raylet" for process in descendants) - 1

    def _config(self) -> dict[str, Any]:
        worker = {"CPU": 1, "object_store_memory": 80 << 20}
        return {
            **{name: [] for name in _EMPTY},
            "cluster_name": "tests",
            "max_workers": MAX_MACHINES,
            "idle_timeout_minutes": 0.1,
            "upscaling_speed": 1.0,
            "auth": {},
            "docker": {},
            "file_mounts": {},
            "file_mounts_sync_continuously": False,
            "provider": {
                "type": "fake_multinode",
                "head_node_id": HEAD,
                "gcs_address": self.address,
                **dict.fromkeys(("use_node_id_as_ip", "disable_node_updaters", "disable_launch_config_check"), True),
            },
            "head_node_type": "ray.head.default",
            "available_node_types": {
                "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
                "worker": {"resources": worker, "node_config": {}, "min_workers": 0, "max_workers": MAX_MACHINES},
            },
        }


def _name_of(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


@pytest.fixture
def cluster() -> Iterator[AutoscaledCluster]:
    with ExitStack() as stack:
        try:
            yield stack.enter_context(started_cluster(AutoscaledCluster))
        except NoRayError as error:
            pytest.skip(f"Ray's autoscaler does not start here: {error}")


@pytest.fixture
def group(tmp_path: Path, cluster: AutoscaledCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    for name, value in cluster.environ.items():
        monkeypatch.setenv(name, value)
    with emulated(tmp_path / "emulator", f"ray:{cluster.address}") as autoscaled_group:
        autoscaled_group.set_up()
        yield autoscaled_group
        autoscaled_group.tear_down()


def test_machines_come_and_go_with_the_nodes_that_need_them(group: Group, cluster: AutoscaledCluster) -> None:
    path = f"{group.workspace}/clusters/cluster"

    def scale(nodes: int) -> None:
        body = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": nodes}}}}
        assert group.send("PATCH", path, body).status_code == 200

    assert cluster.machines() == 0
    group.make_cluster(nodes=MAX_MACHINES)
    assert cluster.machines() == MAX_MACHINES
    assert group.run("job", nodeCount=MAX_MACHINES)["executionState"] == "succeeded"

    scale(MAX_MACHINES + 1)
    properties = group.until(path, lambda shown: shown["properties"].get("errors"))["properties"]
    [error] = properties["errors"]
    assert (properties["allocationState"], error["code"]) == ("resizing", "AllocationFailed")
    assert "Ray has no machines for 1 node(s) of 1 CPU" in error["message"]
    assert group.run("waiting", nodeCount=MAX_MACHINES)["executionState"] == "succeeded"
    assert cluster.machines() == MAX_MACHINES

    scale(0)
    properties = group.until(path, lambda shown: shown["properties"]["allocationState"] == "steady")["properties"]
    assert not properties.get("errors")
    clock = SystemClock()
    deadline = clock.monotonic() + TIMEOUT
    while cluster.machines():
        assert clock.monotonic() < deadline, "Ray has kept idle machines"
        clock.sleep(PAUSE)
