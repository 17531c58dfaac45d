"""A Ray cluster of one node on this machine, for an emulator that was given none. It listens on loopback alone.

Ray binds to loopback where the address of a node is 127.0.0.1, which it takes where it believes that this system has no
clusters (``RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0``). Its token is a file of the data directory.
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
_OBJECT_STORE = 80 << 20  # bytes; nothing of the emulator's is kept there
_PORTS = range(20_000, 30_000)  # below those that the system gives to who asks for any
_SECONDS = 60.0  # for which another emulator may hold the lock


class OwnClusterError(OSError):
    """It does not start."""


class OwnCluster(msgspec.Struct, frozen=True):
    """What is written down of it: the program that ends with it, its address, and where Ray has its files."""

    pid: int
    address: str
    temporary: str

    def is_run_by(self, facts: ProcessFacts) -> bool:
        """Whether a process is that program."""
        return facts.user == os.getuid() and f"--temp-dir={self.temporary}" in facts.command_line


def own_environment(directory: Path) -> dict[str, str]:
    """The variables by which Ray's programs use the cluster of a directory; its token is made where there is none."""
    token = directory / "token"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not token.exists():
        write_file(token, secrets.token_hex(32).encode())
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        # Its monitor kills what Ray has started, to spare memory that a job uses: jobs are no work of Ray's.
        "RAY_memory_monitor_refresh_ms": "0",
    }


def ensure_own_cluster(directory: Path, environ: Mapping[str, str]) -> str:
    """The address of the cluster of a directory, which is started where it does not run.

    Raises:
        OwnClusterError: it does not start.
    """
    environment = dict(environ) | own_environment(directory)
    try:
        with lock_file(directory / "lock", wait=_SECONDS):
            found = _recorded(directory)
            if found is not None:
                with open_process(found.pid, found.is_run_by) as process:
                    if process is not None:
                        return found.address
            return _start(directory, environment).address
    except FileLockedError as error:
        raise OwnClusterError(f"another process has held {directory / 'lock'} for {_SECONDS:g} s") from error


def end_own_cluster(directory: Path) -> None:
    """Have the cluster of a directory end, if there is one; it takes some seconds, for which nobody waits."""
    with (
        contextlib.suppress(FileNotFoundError, FileLockedError),  # who holds the lock starts it, or ends it, too
        lock_file(directory / "lock", wait=_SECONDS, create=False),
    ):
        found = _recorded(directory)
        if found is None:
            return
        with open_process(found.pid, found.is_run_by) as process:
            if process is not None:
                process.send_signal(signal.SIGTERM)
        _record(directory).unlink(missing_ok=True)


def log_of(directory: Path) -> Path:
    """The file that gets what the cluster of a directory prints."""
    return directory / "ray.log"


def explain_start(log: Path) -> str:
    """Why a cluster of this machine cannot be reached: the last error that Ray printed, else its last line."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        lines = []
    printed = [line.strip() for line in lines if line.strip()]
    errors = [line for line in printed if "Error" in line]
    last = (errors or printed or ["it has printed nothing"])[-1]
    return f"Ray does not start on this machine: {last} ({log})"


def is_own_address(host: str) -> bool:
    """Whether an address is one of this machine."""
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:
            return False
    return True


def _start(directory: Path, environment: Mapping[str, str]) -> OwnCluster:
    """Start it; ``ray start --block`` ends what it has started when it is told to end."""
    temporary = tempfile.mkdtemp(prefix="batchai-ray-")  # the names of sockets are short
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
    cluster = OwnCluster(keeper, f"{LOOPBACK}:{port}", temporary)
    write_file(_record(directory), msgspec.json.encode(cluster))
    return cluster


def client_server_option(port: int) -> list[str]:
    """The option of ``ray start --head`` that says where Ray's client server listens, which nothing here uses.

    With grpcio, Ray starts that server on port 10001 by default, so a second cluster on the machine needs another port.
    Without grpcio, which the extra ``ray`` does not install, Ray has no such server and refuses the option.
    """
    return [f"--ray-client-server-port={port}"] if importlib.util.find_spec("grpc") else []


def free_ports(number: int) -> list[int]:
    """Ports of loopback that nobody has, and that the system gives to nobody who asks for any."""
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        while len(found) < number:
            probe = stack.enter_context(socket.socket())
            port = _PORTS.start + secrets.randbelow(len(_PORTS))
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                found.append(port)
    return found


def _record(directory: Path) -> Path:
    return directory / "cluster.json"


def _recorded(directory: Path) -> OwnCluster | None:
    try:
        return msgspec.json.decode(_record(directory).read_bytes(), type=OwnCluster)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
