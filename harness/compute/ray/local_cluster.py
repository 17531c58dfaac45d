"""A local Ray cluster: one node on this machine, for an emulator without the address of a cluster.

It listens on loopback alone. Ray binds to loopback if the address of a node is 127.0.0.1, and it uses that address if
it assumes that the operating system supports no clusters (``RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0``). The token is a file
in the data directory.
"""

import contextlib
import importlib.util
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from harness.atomic_file import write_file
from harness.compute.logged_process import start_logged
from harness.compute.process_handle import ProcessFacts, open_process
from harness.file_lock import FileLockedError, lock_file

LOOPBACK = "127.0.0.1"
_OBJECT_STORE = 80 << 20  # bytes; the emulator stores nothing there
_PORTS = range(20_000, 30_000)  # below the ephemeral ports of the system
_SECONDS = 60.0  # the time limit for a lock that another emulator holds


class LocalClusterError(OSError):
    """The local cluster does not start."""


class LocalCluster(msgspec.Struct, frozen=True):
    """The record of a local cluster: the process id of its keeper, its address, and the directory of Ray's files."""

    pid: int
    address: str
    temporary: str

    def is_keeper(self, facts: ProcessFacts) -> bool:
        """Whether a process is the keeper of this cluster."""
        return facts.user == os.getuid() and f"--temp-dir={self.temporary}" in facts.command_line


def local_cluster_environment(directory: Path) -> dict[str, str]:
    """Return the variables of Ray's programs for the cluster of a directory; create its token if there is none."""
    token = directory / "token"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not token.exists():
        write_file(token, secrets.token_hex(32).encode())
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray does not know the memory of jobs. Its monitor would kill Ray's own processes when jobs use the memory.
        "RAY_memory_monitor_refresh_ms": "0",
    }


def ensure_local_cluster(directory: Path, environ: Mapping[str, str]) -> str:
    """Start the cluster of a directory unless it runs; return its address.

    Raises:
        LocalClusterError: the cluster does not start.
    """
    environment = dict(environ) | local_cluster_environment(directory)
    try:
        with lock_file(directory / "lock", wait=_SECONDS):
            cluster = _read_record(directory)
            if cluster is not None:
                with open_process(cluster.pid, cluster.is_keeper) as process:
                    if process is not None:
                        return cluster.address
            return _start(directory, environment).address
    except FileLockedError as error:
        raise LocalClusterError(f"another process has held {directory / 'lock'} for {_SECONDS:g} s") from error


def end_local_cluster(directory: Path) -> None:
    """Request the end of the cluster of a directory, if there is one, without waiting for it."""
    with (
        contextlib.suppress(FileNotFoundError, FileLockedError),  # the holder of the lock is starting or ending it
        lock_file(directory / "lock", wait=_SECONDS, create=False),
    ):
        cluster = _read_record(directory)
        if cluster is None:
            return
        with open_process(cluster.pid, cluster.is_keeper) as process:
            if process is not None:
                process.send_signal(signal.SIGTERM)
        _record_path(directory).unlink(missing_ok=True)


def log_of(directory: Path) -> Path:
    """The path of the log of the cluster of a directory."""
    return directory / "ray.log"


def start_failure(log: Path) -> str:
    """Return why a local cluster cannot be reached: the last error that Ray printed, otherwise its last line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        lines = []
    printed = [line.strip() for line in lines if line.strip()]
    errors = [line for line in printed if "Error" in line]
    last = (errors or printed or ["it has printed nothing"])[-1]
    return f"Ray does not start on this machine: {last} ({log})"


def is_local_address(host: str) -> bool:
    """Whether an address belongs to this machine."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _start(directory: Path, environment: Mapping[str, str]) -> LocalCluster:
    """Start the cluster; on SIGTERM, ``ray start --block`` ends the processes that it has started."""
    temporary = tempfile.mkdtemp(prefix="batchai-ray-")  # a short path, since the length of socket names is limited
    port, client, agent = free_ports(3)
    cpus = len(os.sched_getaffinity(0))
    argv = [
        *(sys.executable, "-P", "-m", "harness.compute.ray.keeper", str(directory), temporary),
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--temp-dir={temporary}"),
        *(f"--node-ip-address={LOOPBACK}", f"--port={port}", *client_server_option(client)),
        *("--min-worker-port=0", "--max-worker-port=0", f"--dashboard-agent-listen-port={agent}"),
        *("--include-dashboard=false", "--disable-usage-stats", f"--object-store-memory={_OBJECT_STORE}"),
        *(f"--num-cpus={cpus}", f'--resources={{"batchai-node": {cpus}}}'),
    ]
    keeper = start_logged(argv, environment, str(log_of(directory)))
    cluster = LocalCluster(keeper, f"{LOOPBACK}:{port}", temporary)
    write_file(_record_path(directory), msgspec.json.encode(cluster))
    return cluster


def client_server_option(port: int) -> list[str]:
    """Return the option of ``ray start --head`` for the port of Ray's client server, which the harness does not use.

    With grpcio, Ray starts this server on port 10001 by default, so a second cluster on the machine needs another port.
    Without grpcio, which the extra ``ray`` does not install, Ray has no such server and refuses the option.
    """
    return [f"--ray-client-server-port={port}"] if importlib.util.find_spec("grpc") else []


def free_ports(number: int) -> list[int]:
    """Return free ports of loopback outside of the ephemeral ports of the system."""
    ports: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(ports) < number:
            probe = stack.enter_context(socket.socket())
            port = _PORTS.start + secrets.randbelow(len(_PORTS))
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                ports.append(port)
    return ports


def _record_path(directory: Path) -> Path:
    return directory / "cluster.json"


def _read_record(directory: Path) -> LocalCluster | None:
    try:
        return msgspec.json.decode(_record_path(directory).read_bytes(), type=LocalCluster)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
