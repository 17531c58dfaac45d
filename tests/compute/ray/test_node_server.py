"""The programs that Ray's agents start on nodes; they do not need Ray, so the test process plays the agent."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.compute.ray.channel import send_order
from harness.compute.ray.planning import program

KEY = secrets.token_bytes(32)
SECONDS = 60.0  # the time limit of a test


def start_program(module: str, **order: object) -> dict[str, Any]:
    process = subprocess.run(
        program(module),
        input=json.dumps({"agent": os.getpid(), **order}).encode(),
        stdout=subprocess.PIPE,
        env={"LANG": "C.UTF-8"},
        check=True,
    )
    facts: dict[str, Any] = json.loads(process.stdout)
    return facts


@pytest.fixture
def serving() -> Iterator[tuple[psutil.Process, int]]:
    """The process of a server on this machine, and its port."""
    facts = start_program("node_server", address="127.0.0.1", key=KEY.hex(), variables={"NODE": "this one"})
    process = psutil.Process(facts["pid"])
    yield process, facts["port"]
    if process.is_running():
        process.terminate()
    psutil.wait_procs([process], timeout=SECONDS)
    assert not process.is_running()


@pytest.fixture
def server(serving: tuple[psutil.Process, int]) -> tuple[str, int]:
    """The address of the server."""
    return "127.0.0.1", serving[1]


def order(tmp_path: Path, command: str, **changes: object) -> dict[str, object]:
    streams = {name: str(tmp_path / name) for name in ("stdout", "stderr")}
    environment = {"PATH": os.environ["PATH"], "NODE": "another"}
    argv, job = ["/bin/sh", "-c", command], {"directory": str(tmp_path / "jobs" / "job"), "cwd": str(tmp_path)}
    return {"kind": "run", "argv": argv, "environment": environment, **job, **streams, **changes}


def answer(connection: socket.socket) -> str:
    connection.settimeout(SECONDS)
    with connection:
        return connection.recv(100).decode()


def test_a_link_in_the_place_of_the_output_of_a_command_leads_nowhere(server: tuple[str, int], tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    stranger.write_text("not the job's\n")
    (tmp_path / "stdout").symlink_to(stranger)

    connection = send_order(server, KEY, order(tmp_path, "echo mine"))

    assert answer(connection).startswith("exit 127 ")
    assert stranger.read_text() == "not the job's\n"


def test_an_order_runs_a_command_and_gets_its_exit_code(server: tuple[str, int], tmp_path: Path) -> None:
    connection = send_order(server, KEY, order(tmp_path, "echo $NODE; pwd; exit 3"))

    assert answer(connection) == "exit 3\n"
    assert (tmp_path / "stdout").read_text() == f"another\n{tmp_path}\n"


def test_a_shell_writes_to_its_client_and_has_the_variables_of_the_node(
    server: tuple[str, int], tmp_path: Path
) -> None:
    nodes = tmp_path / "nodes.json"
    content = {"key": KEY.hex(), "nodes": [["n0", *server]], "shell": "/bin/sh"}
    nodes.write_text(json.dumps(content))

    process = subprocess.run(
        [*program("remote", "shell", str(nodes)), server[0], "echo $NODE; echo problem >&2; exit 4"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (process.stdout, process.stderr, process.returncode) == ("this one\n", "problem\n", 4)


def test_an_order_with_another_key_is_not_carried_out(server: tuple[str, int], tmp_path: Path) -> None:
    connection = send_order(server, b"another", order(tmp_path, f"touch '{tmp_path}/ran'"))

    assert answer(connection) == ""
    assert answer(send_order(server, KEY, order(tmp_path, "true"))) == "exit 0\n"
    assert not (tmp_path / "ran").exists()


def test_what_is_no_order_ends_the_connection_alone(server: tuple[str, int], tmp_path: Path) -> None:
    with socket.create_connection(server) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\n\xff\xff\n")
        assert stranger.recv(100).endswith(b"\n")
        assert answer(stranger) == ""

    assert answer(send_order(server, KEY, order(tmp_path, "true"))) == "exit 0\n"


@pytest.mark.parametrize("more", [1, 2, 3])
def test_a_command_that_the_system_has_no_room_for_fails_alone(
    serving: tuple[psutil.Process, int], server: tuple[str, int], tmp_path: Path, more: int
) -> None:
    process, _ = serving
    used = {int(path.name) for path in Path(f"/proc/{process.pid}/fd").iterdir()}
    free = [number for number in range(1000) if number not in used]
    earlier = process.rlimit(psutil.RLIMIT_NOFILE)

    process.rlimit(psutil.RLIMIT_NOFILE, (free[more], earlier[1]))  # the first free one is for the connection
    assert answer(send_order(server, KEY, order(tmp_path, "true"))).startswith("exit 127 [Errno 24]")
    process.rlimit(psutil.RLIMIT_NOFILE, earlier)

    assert answer(send_order(server, KEY, order(tmp_path, "true"))) == "exit 0\n"
    assert {int(path.name) for path in Path(f"/proc/{process.pid}/fd").iterdir()} <= {*used, free[0], free[1]}


def streams(server: tuple[str, int], names: list[str]) -> list[socket.socket]:
    """Open connections that wait for the order of their process; refused ones are closed by the server."""
    connections = [send_order(server, KEY, {"kind": "stream", "name": name}) for name in names]
    for connection in connections:
        connection.settimeout(SECONDS)
    return connections


def test_outputs_that_wait_for_their_command_are_bounded_and_make_room_when_they_are_closed(
    server: tuple[str, int], tmp_path: Path
) -> None:
    waiting = streams(server, [str(number) for number in range(256)])
    assert [connection.recv(6) for connection in waiting] == [b"ready\n"] * 256
    shell = order(tmp_path, "true", kind="shell", name="more")
    [refused] = streams(server, ["more1"])
    assert refused.recv(6) == b""
    assert answer(send_order(server, KEY, shell)).startswith("exit 127 the output of the command is not connected")

    for stream in (*waiting, refused):
        stream.close()

    again = streams(server, ["more1", "more2"])
    assert [connection.recv(6) for connection in again] == [b"ready\n"] * 2
    assert answer(send_order(server, KEY, shell)) == "exit 0\n"
    for stream in again:
        stream.close()


def test_a_client_that_disconnects_ends_its_command(server: tuple[str, int], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    connection = send_order(server, KEY, order(tmp_path, f"sleep 1000 & echo $$ $! > '{pipe}'; wait"))
    processes = [psutil.Process(int(word)) for word in pipe.read_text().split()]

    connection.close()

    _, living = psutil.wait_procs(processes, timeout=SECONDS)
    assert living == []


@pytest.mark.parametrize("kind", ["lifeline", "end"])
def test_the_end_of_the_job_ends_what_was_forked_and_the_server(
    server: tuple[str, int], tmp_path: Path, kind: str
) -> None:
    command = send_order(server, KEY, order(tmp_path, "setsid sleep 1000 & echo $!"))
    assert answer(command) == "exit 0\n"
    forked = psutil.Process(int((tmp_path / "stdout").read_text()))
    [serving] = [
        parent for parent in forked.parents() if "harness.compute.ray.node_server" in " ".join(parent.cmdline())
    ]

    connection = send_order(server, KEY, {"kind": kind, "grace": 0.1})
    if kind == "end":
        assert answer(connection) == "ended\n"
    connection.close()

    _, living = psutil.wait_procs([forked, serving], timeout=SECONDS)
    assert living == []


def test_a_program_whose_agent_is_another_process_does_not_start() -> None:
    process = subprocess.run(
        program("leash"),
        input=json.dumps({"agent": 1}).encode(),
        capture_output=True,
        env={"LANG": "C.UTF-8"},
        check=False,
    )

    assert process.returncode == 1
    assert b"the agent that started this program has ended" in process.stderr


def test_the_end_of_an_agent_ends_all_that_it_has_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = f"(setsid sleep 1000 & echo $$ $! > '{pipe}'); exec sleep 1000"
    leash = {"argv": ["/bin/sh", "-c", script], "log": str(tmp_path / "log")}
    starter = (
        "import json, os, subprocess, sys\n"
        "order = {'agent': os.getpid(), **json.loads(sys.argv[1])}\n"
        "subprocess.run(sys.argv[2:], input=json.dumps(order).encode(), stdout=subprocess.DEVNULL, check=True)\n"
        "sys.stdin.read()\n"
    )
    agent = subprocess.Popen(
        [sys.executable, "-c", starter, json.dumps(leash), *program("leash")], stdin=subprocess.PIPE
    )
    processes = [psutil.Process(int(word)) for word in pipe.read_text().split()]

    agent.send_signal(signal.SIGKILL)
    agent.wait()

    _, living = psutil.wait_procs(processes, timeout=SECONDS)
    assert living == []
    agent.stdin.close()
