"""Runs one command line in one container: creates it, copies its output, and waits for its end."""

import contextlib
import os
import shlex
import signal
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount
from docker.utils import parse_bytes

from harness.clock import Clock
from harness.compute.container.client import connect, error_text
from harness.compute.container.engine_address import EngineError
from harness.compute.container.gpus import NoGpusError, gpu_request
from harness.compute.container.images import NOT_STARTED, has_path, read_facts
from harness.compute.container.orders import ImageFacts, Refusal, Run, write_refusal
from harness.compute.container.plain_commands import split_command

_ENGINE_FAILED, _NOT_EXECUTABLE, _NOT_FOUND, _KILLED = 125, 126, 127, 137  # the exit codes of `docker run`
_MAX_OUTAGE, _PAUSE = 60.0, 0.5  # seconds that an engine may be unreachable in all, and between two attempts


class StartError(Exception):
    """A container cannot be started."""


def run(order: Run, clock: Clock) -> int:
    """Run a command line in a new container; return its exit code.

    Raises:
        EngineError: the engine became unreachable while the container ran, and stayed unreachable.
        DockerException: the image of a preparation could not be created.
    """
    Path(order.trace).touch()
    with _forwarding_signals(order) as running:
        try:
            client = connect(order.engine, patient=True)
            facts = read_facts(order.facts)
            container, settings = _create(client, order, facts)
            running.append(container)
            stream = client.attach(container, stdout=True, stderr=True, stream=True, logs=True, demux=True)
            code = _check_program(client, container, settings) or _start(client, container)
        except (StartError, NoGpusError, EngineError, DockerException, OSError) as error:
            text = error_text(error)
            details = (("imageName", order.image), ("reason", text[:1000]))
            write_refusal(order.refusal, Refusal("FailedStartingContainer", f"{NOT_STARTED}: {text}", details))
            return _ENGINE_FAILED
        if code is None:
            _copy_output(stream)
            code = _wait(order, container, clock)
    if order.prepares and code == 0:
        repository, _, tag = order.prepared.partition(":")
        client.commit(container, repository=repository, tag=tag)
    _remove(client, order, container)
    return code


def container_settings(client: Any, order: Run, facts: ImageFacts, *, init: bool) -> dict[str, Any]:
    """Return the settings with which the engine creates a container.

    Args:
        init: whether the engine's init program is the first process. It forwards signals and reaps zombies, so that a
            shell ends at SIGTERM as it does outside of a container.

    Raises:
        StartError: the image has no shell, and the command line needs one.
        NoGpusError: the engine gives no GPUs to containers.
    """
    environment = order.environment | {"PATH": order.environment.get("PATH", "$PATH").replace("$PATH", facts.path)}
    arguments = [facts.shell, "-c", order.command] if facts.shell else split_command(order.command, environment)
    if arguments is None:
        raise StartError(
            f"image {order.image} has no shell (/bin/bash or /bin/sh), and this command line needs one: "
            f"{shlex.quote(order.command[:200])}; name a program with plain arguments, or use an image with a shell"
        )
    mounts = [Mount(path, path, "bind") for path in order.mounts]
    mounts += [Mount(path, path, "bind", read_only=True) for path in order.read_only]
    host_config = client.create_host_config(
        # As on the service, the ranks of a job reach each other, and jobs the emulator, at the machine's addresses.
        network_mode="host",
        mounts=mounts,
        init=init or None,
        shm_size=parse_bytes(order.shared_memory) if order.shared_memory else None,
        security_opt=["label=disable"],  # SELinux would hide the mounts
        device_requests=[gpu_request(client.version(), order.gpus)] if order.gpus else None,
    )
    is_prepared = order.prepared and not order.prepares
    return {
        "image": order.prepared if is_prepared else facts.id,
        "entrypoint": arguments[:1],
        "command": arguments[1:],
        "environment": environment,
        "working_dir": order.cwd,
        "user": order.user or None,
        "labels": order.owner.labels(),
        "host_config": host_config,
    }


def _create(client: Any, order: Run, facts: ImageFacts) -> tuple[str, dict[str, Any]]:
    """Create the container, without an init program if the engine has none; return its id and settings."""
    name = f"{order.name}-{uuid.uuid4().hex[:8]}"
    settings = container_settings(client, order, facts, init=True)
    try:
        container = client.create_container(name=name, **settings)
    except APIError as error:
        if "init" not in error_text(error):
            raise
        settings = container_settings(client, order, facts, init=False)
        container = client.create_container(name=name, **settings)
    return str(container["Id"]), settings


def _check_program(client: Any, container: str, settings: Mapping[str, Any]) -> int | None:
    """Return an exit code if the program is not on the image's search path; None if it is, or is named by its path.

    An init program would end with 1 instead, without a message.
    """
    program, path = settings["entrypoint"][0], settings["environment"]["PATH"]
    if "/" in program or any(has_path(client, container, f"{folder}/{program}") for folder in path.split(":")):
        return None
    sys.stderr.write(f"{program}: not found in the image\n")
    return _NOT_FOUND


def _start(client: Any, container: str) -> int | None:
    """Start a container; return an exit code if its program does not exist or cannot be executed."""
    try:
        client.start(container)
    except APIError as error:
        text = error_text(error)
        is_program = "exec:" in text or "executable file" in text
        if is_program and ("no such file" in text or "not found" in text):
            sys.stderr.write(f"{text}\n")
            return _NOT_FOUND
        if is_program and "permission denied" in text:
            sys.stderr.write(f"{text}\n")
            return _NOT_EXECUTABLE
        raise
    return None


def _remove(client: Any, order: Run, container: str) -> None:
    """Remove the container. If that fails, the trace file makes the job's clean-up try again."""
    with contextlib.suppress(DockerException, requests.RequestException):
        client.remove_container(container, force=True, v=True)
        if not order.prepares:  # the image of a preparation exists for as long as the job
            Path(order.trace).unlink(missing_ok=True)


def _copy_output(stream: Any) -> None:
    """Copy the output of a container to the streams of this process, until it ends."""
    with contextlib.suppress(requests.RequestException, OSError):  # the container may continue without the engine
        for out, err in stream:
            for descriptor, content in ((1, out), (2, err)):
                _write(descriptor, content or b"")


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _wait(order: Run, container: str, clock: Clock) -> int:
    """Wait for the exit code of a container, even if the engine is restarted in between.

    Raises:
        EngineError: the engine stays unreachable.
    """
    deadline = clock.monotonic() + _MAX_OUTAGE
    while True:
        try:
            client = connect(order.engine, patient=True)
            started = clock.monotonic()
            try:
                return int(client.wait(container)["StatusCode"])
            finally:
                deadline += clock.monotonic() - started  # the engine was reachable while the request waited
        except NotFound:
            sys.stderr.write("the container was removed while it ran\n")
            return _KILLED
        except (EngineError, DockerException, requests.RequestException):
            if clock.monotonic() >= deadline:
                raise
            clock.sleep(_PAUSE)


@contextlib.contextmanager
def _forwarding_signals(order: Run) -> Iterator[list[str]]:
    """Yield a list for container ids that SIGTERM is forwarded to; while it is empty, SIGTERM ends this process."""
    running: list[str] = []

    def forward(_number: int, _frame: FrameType | None) -> None:
        if not running:
            sys.exit(128 + signal.SIGTERM)
        with contextlib.suppress(EngineError, DockerException, requests.RequestException):
            for container in running:
                connect(order.engine).kill(container, "SIGTERM")

    previous = signal.signal(signal.SIGTERM, forward)
    try:
        yield running
    finally:
        signal.signal(signal.SIGTERM, previous)
