"""Starts the programs of an agent on its machine, and reads and writes their files there."""

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


def find_interface(address: str) -> str:
    """Return the network interface with an address: ``lo`` for loopback addresses, empty if there is none."""
    if ipaddress.ip_address(address).is_loopback:
        return "lo"
    interfaces = psutil.net_if_addrs().items()
    return next((name for name, addresses in interfaces if any(item.address == address for item in addresses)), "")


def start_program(module: str, order: Mapping[str, Any]) -> dict[str, Any]:
    """Start one of the programs; return the JSON that it prints once it runs.

    Raises:
        OSError: the program does not start.
    """
    process = subprocess.run(
        program(module),
        input=json.dumps(order).encode(),
        capture_output=True,
        env={"LANG": "C.UTF-8"},
        timeout=_SECONDS,
        check=False,
    )
    try:
        facts: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        line = process.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise OSError(f"{module} has not started: {line or f'exit code {process.returncode}'}") from None
    return facts


def last_line(path: Path) -> str:
    """Return the last line of a file; empty if there is no file."""
    try:
        return path.read_text(errors="replace").strip().rpartition("\n")[2]
    except FileNotFoundError:
        return ""


def encode_servers(key: str, servers: Sequence[Server]) -> bytes:
    """Encode the servers of a job and its key in the form that ``remote.py`` reads."""
    content = {"key": key, "nodes": servers, "shell": shutil.which("bash") or "/bin/sh"}
    return json.dumps(content).encode()
