"""Servers with which the emulator is compared; each runs during a block."""

import base64
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

AZURITE = "azurite@3.37.0"
MOTO = "moto[server,s3]==5.2.5"


def free_port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """Run a server during the block, which begins when the server accepts connections."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ | (environment or {})) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()


def _wait_for(port: int, process: "subprocess.Popen[bytes]", seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"{process.args} does not answer at port {port}")


@contextmanager
def azurite(directory: Path, account: str, key: str = "", installed: Path | None = None) -> Iterator[str]:
    """Run Azurite's blob service on disk; yields its address, without the account.

    Args:
        key: the key of the account; a new one by default.
        installed: the directory in which npm installed Azurite; by default, Azurite is installed for this run.
    """
    root = installed or directory / "npm"
    program = root / "node_modules" / ".bin" / "azurite-blob"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-fund", "--no-audit", AZURITE]
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    command = [str(program), "--silent", "--location", str(directory / "azurite"), "--blobPort", str(port)]
    command += ["--disableTelemetry", "--skipApiVersionCheck"]
    with running(command, port, {"AZURITE_ACCOUNTS": f"{account}:{key or new_key()}"}):
        yield f"http://127.0.0.1:{port}"


def new_key() -> str:
    """Return a new account key like Azure's."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


@contextmanager
def moto(directory: Path, name: str, content: bytes) -> Iterator[str]:
    """Run the S3 server of moto with one object; yields the object's address."""
    venv.create(directory, with_pip=True)
    pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-q", MOTO]
    subprocess.run(pip, check=True, capture_output=True)
    port = free_port()
    with running([str(directory / "bin" / "moto_server"), "-p", str(port)], port):
        address = f"http://127.0.0.1:{port}/bucket"
        _put(address, b"")
        _put(f"{address}/{name}", content)
        yield f"{address}/{name}"


def _put(url: str, data: bytes) -> None:
    # moto refuses unsigned requests for an object that is not public.
    urllib.request.urlopen(urllib.request.Request(url, data, {"x-amz-acl": "public-read"}, method="PUT")).close()


@contextmanager
def bare(script: str, *arguments: str, port: int) -> Iterator[None]:
    """Run one of the bare starlette routes of this directory."""
    root = Path(__file__).resolve().parent
    command = [sys.executable, str(root / script), str(port), *arguments]
    with running(command, port, {"PYTHONPATH": str(root.parent)}):
        yield
