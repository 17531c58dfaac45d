"""A Ray cluster for tests: each node is a ``ray start`` of its own, at an address of its own on loopback."""

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
from harness.compute.ray.own_cluster import client_server_option, free_ports

_SECONDS, _TRIES = 240.0, 4  # in which nodes have started
_RAY_START = (sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats")
LONG = pytest.mark.skipif(
    os.environ.get("HARNESS_TEST_DOSE") != "full", reason="left out of the small dose; HARNESS_TEST_DOSE=full runs it"
)
_SOON = {  # a node that is killed is missed within two seconds, in place of a minute
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}


class NoRayError(Exception):
    """Ray does not run here, which is no fault of ours; the message says why."""


class NotStartedError(Exception):
    """Nodes do not start; the message is what Ray has printed."""


@dataclass(slots=True)
class RayCluster:
    """A head without resources, and nodes that are added.

    Attributes:
        address: where the head answers.
        environ: by which clients find it: its token.
    """

    directory: Path
    address: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_head(self) -> None:
        """Start the head."""
        self.environ = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        port, client, agent = free_ports(3)  # at once, so that no two are the same
        self.address = f"{self.host(0)}:{port}"
        self._start(
            "--head",
            f"--port={port}",
            *client_server_option(client),
            "--include-dashboard=false",
            f"--system-config={json.dumps(_SOON)}",
            agent=agent,
            cpus=0,
            resources={},
        )

    def add_nodes(self, number: int, *, cpus: int, resources: Mapping[str, float]) -> list[subprocess.Popen[bytes]]:
        """Start nodes side by side, and wait until Ray has them."""
        address = f"--address={self.address}"
        added = [self._start(address, agent=port, cpus=cpus, resources=resources) for port in free_ports(number)]
        self._wait_for(len(self.nodes))
        return added

    def kill(self, node: subprocess.Popen[bytes]) -> None:
        """Kill the raylet of a node, as a machine that loses its power."""
        for child in psutil.Process(node.pid).children():
            if child.name() == "raylet":
                os.kill(child.pid, signal.SIGKILL)

    def replace(self, node: subprocess.Popen[bytes]) -> None:
        """Start a node that was killed again, at its old address."""
        node.wait()
        number = self.nodes.index(node)
        self.nodes[number] = self._run(number, [str(word) for word in node.args])
        self._wait_for(len(self.nodes))

    def stop(self) -> None:
        """End all nodes, the head last."""
        for node in reversed(self.nodes):
            with contextlib.suppress(psutil.NoSuchProcess):
                started = psutil.Process(node.pid)
                tree = [*started.children(recursive=True), started]
                node.terminate()
                _, living = psutil.wait_procs(tree, timeout=30)
                for process in living:
                    process.kill()
            node.wait()

    def host(self, number: int) -> str:
        """The address of a node, by its number; 0 is the head."""
        return f"127.0.0.{number + 2}"

    def _surroundings(self, number: int) -> list[str]:
        """The beginning of the command line of a node."""
        return []

    def _start(self, *words: str, agent: int, cpus: int, resources: Mapping[str, float]) -> subprocess.Popen[bytes]:
        host = self.host(len(self.nodes))
        argv = [
            *self._surroundings(len(self.nodes)),
            *_with_the_tests(),
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
            ended = [each for each, node in enumerate(self.nodes) if node.poll() is not None]
            if clock.monotonic() > deadline or (ended and not tries):
                logs = "\n".join(path.read_text()[-2000:] for path in self.directory.glob("start-*.log"))
                raise NotStartedError(logs)
            for each in ended:  # it gives up after half a minute, which a busy machine may need
                tries -= 1
                self.nodes[each] = self._run(each, [str(word) for word in self.nodes[each].args])
            clock.sleep(0.1)

    def _started(self) -> int:
        logs = (self.directory / f"start-{number}.log" for number in range(len(self.nodes)))
        return sum("Ray runtime started" in log.read_text() for log in logs)


class PlainHead(RayCluster):
    """What Ray's own plainest command starts."""

    def start_head(self) -> None:
        """Start it."""
        own = (f"--node-ip-address={self.host(0)}", f"--port={free_ports(1)[0]}", f"--temp-dir={self.directory}/0")
        self.nodes.append(self._run(0, [*_with_the_tests(), *_RAY_START, "--head", "--include-dashboard=false", *own]))
        self._wait_for(1)


def has_ray() -> bool:
    """Whether Ray is installed, at a place from which it starts."""
    return importlib.util.find_spec("ray") is not None and " " not in sys.executable


@contextlib.contextmanager
def started_cluster(make: Callable[[Path], RayCluster] = RayCluster) -> Iterator[RayCluster]:
    """A cluster with a head for as long as the block lasts.

    Raises:
        NoRayError: Ray is not installed, or does not start here even by its own plainest command.
        NotStartedError: it starts by that command, but not by ours.
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
    """The driver of the one back end that this process has."""
    facts = psutil.process_iter(["ppid", "cmdline"])  # a zombie has no command line, and is no reason to fail
    own = [each for each in facts if each.info["ppid"] == os.getpid()]
    [driver] = [each for each in own if "harness.compute.ray" in (each.info["cmdline"] or ())]
    return driver


@functools.cache
def _starts_plainly() -> bool:
    try:
        with started_cluster(PlainHead):
            return True
    except NotStartedError:
        return False


def _with_the_tests() -> list[str]:
    """What ends the nodes of tests that were killed, where util-linux has it."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
