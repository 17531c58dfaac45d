"""Starts the programs of an agent on its machine, and reads the files of jobs there."""

import ipaddress
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from harness.compute.ray.planning import program

_SECONDS = 60.0  # time limit for the start of a program

Server = tuple[str, str, int]  # node, address, port
Facts = Mapping[str, Mapping[str, Any]]  # of each node, as its agent describes it


def interface_of(address: str) -> str:
    """The network interface with an address: ``lo`` for loopback addresses, empty if there is none."""
    if ipaddress.ip_address(address).is_loopback:
        return "lo"
    found = psutil.net_if_addrs().items()
    return next((name for name, each in found if any(one.address == address for one in each)), "")


def started(module: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """Start one of the programs; returns what it prints once it runs.

    Raises:
        OSError: it does not start.
    """
    ran = subprocess.run(
        program(module),
        input=json.dumps(order).encode(),
        capture_output=True,
        env={"LANG": "C.UTF-8"},
        timeout=_SECONDS,
        check=False,
    )
    try:
        said: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        words = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"{module} has not started: {words or f'exit code {ran.returncode}'}") from None
    return said


def last_line(path: Path) -> str:
    """The last line of a file; empty if there is no file."""
    try:
        return path.read_text(errors="replace").strip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""


def servers_text(key: str, servers: Sequence[Server]) -> bytes:
    """The servers of a job and its key, as ``remote.py`` reads them."""
    content = {"key": key, "nodes": servers, "shell": shutil.which("bash") or "/bin/sh"}
    return json.dumps(content).encode()
