"""A Ray cluster for tests: each node is a separate ``ray start`` with its own loopback address."""

import contextlib
import functools
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from harness.clock import SystemClock
from harness.compute.ray.local_cluster import client_server_option, free_ports

_SECONDS, _TRIES = 240.0, 4  # the limits for the start of nodes
_RAY_START = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")
LONG = pytest.mark.skipif(
    os.environ.get("HARNESS_TEST_DOSE") != "full", reason="left out of the small dose; HARNESS_TEST_DOSE=full runs it"
)
_FAST_HEALTH_CHECKS = {  # the loss of a node is detected within two seconds instead of a minute
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}


class NoRayError(Exception):
    """Ray cannot run on this machine, which is no bug of the harness; the message says why."""


class NotStartedError(Exception):
    """Nodes do not start; the message is Ray's output."""


@dataclass(slots=True)
class RayCluster:
    """A head without resources, and nodes that are added.

    Attributes:
        address: the address of the head.
        environ: the variables that clients need, with the token.
    """

    directory: Path
    address: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_head(self) -> None:
        """Start the head."""
        self.environ = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        port, client, agent = free_ports(3)  # in one call, so that they differ
        self.address = f"{self.host(0)}:{port}"
        self._start(
            "--head",
            f"--port={port}",
            *client_server_option(client),
            "--include-dashboard=false",
            f"--system-config={json.dumps(_FAST_HEALTH_CHECKS)}",
            agent=agent,
            cpus=0,
            resources={},
        )

    def add_nodes(self, number: int, *, cpus: int, resources: Mapping[str, float]) -> list[subprocess.Popen[bytes]]:
        """Start nodes in parallel, and wait until they are part of the cluster."""
        address = f"--address={self.address}"
        added = [self._start(address, agent=port, cpus=cpus, resources=resources) for port in free_ports(number)]
        self._wait_for(len(self.nodes))
        return added

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill the raylet of a node, like a power failure of a machine."""
        for child in psutil.Process(node.pid).children():
            if child.name() == "raylet":
                os.kill(child.pid, signal.SIGKILL)

    def replace(self, node: subprocess.Popen[bytes]) -> None:
        """Restart a killed node at its old address."""
        node.wait()
        number = self.nodes.index(node)
        self.nodes[number] = self._run(number, [str(word) for word in node.args])
        self._wait_for(len(self.nodes))

    def stop(self) -> None:
        """End all nodes, the head last."""
        for node in reversed(self.nodes):
            with contextlib.suppress(psutil.NoSuchProcess):
                parent = psutil.Process(node.pid)
                tree = [*parent.children(recursive=True), parent]
                node.terminate()
                _, living = psutil.wait_procs(tree, timeout=30)
                for process in living:
                    process.kill()
            node.wait()

    def host(self, number: int) -> str:
        """Return the address of a node, by its number; 0 is the head."""
        return f"127.0.0.{number + 2}"

    def _command_prefix(self, number: int) -> list[str]:
        """Return a prefix of the command line of a node."""
        return []

    def _start(self, *words: str, agent: int, cpus: int, resources: Mapping[str, float]) -> subprocess.Popen[bytes]:
        host = self.host(len(self.nodes))
        argv = [
            *self._command_prefix(len(self.nodes)),
            *_end_with_tests(),
            *_RAY_START,
            *(f"--node-ip-address={host}", f"--num-cpus={cpus}", f"--resources={json.dumps(dict(resources))}"),
            *("--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={agent}"),
            *(f"--object-store-memory={80 << 20}", f"--temp-dir={self.directory}/{len(self.nodes)}", *words),
        ]
        node = self._run(len(self.nodes), argv)
        self.nodes.append(node)
        if "--head" in words:
            self._wait_for(1)
        return node

    def _run(self, number: int, argv: list[str]) -> subprocess.Popen[bytes]:
        with (self.directory / f"start-{number}.log").open("wb") as log:
            return subprocess.Popen(
                argv, env={**os.environ, **self.environ}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _wait_for(self, number: int) -> None:
        clock = SystemClock()
        deadline, tries = clock.monotonic() + _SECONDS, _TRIES
        while self._started() < number:
            ended = [index for index, node in enumerate(self.nodes) if node.poll() is not None]
            if clock.monotonic() > deadline or (ended and not tries):
                logs = "\n".join(path.read_text()[-2000:] for path in self.directory.glob("start-*.log"))
                raise NotStartedError(logs)
            for index in ended:  # a node gives up after half a minute, which may be too short on a busy machine
                tries -= 1
                self.nodes[index] = self._run(index, [str(word) for word in self.nodes[index].args])
            clock.sleep(0.1)

    def _started(self) -> int:
        logs = (self.directory / f"start-{number}.log" for number in range(len(self.nodes)))
        return sum("Ray runtime started" in log.read_text() for log in logs)


class PlainHead(RayCluster):
    """A head that Ray's simplest command starts."""

    def start_head(self) -> None:
        """Start the head."""
        own = (f"--node-ip-address={self.host(0)}", f"--port={free_ports(1)[0]}", f"--temp-dir={self.directory}/0")
        self.nodes.append(self._run(0, [*_end_with_tests(), *_RAY_START, "--head", "--include-dashboard=false", *own]))
        self._wait_for(1)


def has_ray() -> bool:
    """Whether Ray is installed under a path from which it starts."""
    return importlib.util.find_spec("ray") is not None and " " not in sys.executable


@contextlib.contextmanager
def started_cluster(make: Callable[[Path], RayCluster] = RayCluster) -> Iterator[RayCluster]:
    """Run a cluster with a head for the duration of the block.

    Raises:
        NoRayError: Ray is not installed, or does not start on this machine even by its simplest command.
        NotStartedError: it starts by that command, but not by the command for the tests.
    """
    if not has_ray():
        raise NoRayError("ray is not installed")
    directory = Path(tempfile.mkdtemp(prefix="bh-ray-"))
    cluster = make(directory)
    try:
        cluster.start_head()
        yield cluster
    except NotStartedError as error:
        if make is PlainHead or _starts_plainly():
            raise
        raise NoRayError(f"Ray does not start here: {error}") from error
    finally:
        cluster.stop()
        shutil.rmtree(directory, ignore_errors=True)


def own_driver() -> psutil.Process:
    """Return the driver of the only back end of this process."""
    facts = psutil.process_iter(["ppid", "cmdline"])  # the command line of a zombie is None
    own = [process for process in facts if process.info["ppid"] == os.getpid()]
    [driver] = [process for process in own if "harness.compute.ray" in (process.info["cmdline"] or ())]
    return driver


@functools.cache
def _starts_plainly() -> bool:
    try:
        with started_cluster(PlainHead):
            return True
    except NotStartedError:
        return False


def _end_with_tests() -> list[str]:
    """Return a prefix of a command line that ends the nodes when the tests are killed, if util-linux has it."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
