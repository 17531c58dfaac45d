"""Starts, finds and stops an emulator from another process."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal, NoReturn

import msgspec

from harness import emulator
from harness.clock import SystemClock
from harness.compute.process_handle import ProcessHandle
from harness.emulator.endpoint import Endpoint
from harness.emulator.launched_process import Ending, launched_process, start_error
from harness.emulator.option_texts import (
    check_compute,
    parse_account,
    parse_application,
    parse_host_name,
    parse_listen,
    parse_tenant,
)
from harness.emulator.options import LOOPBACK, Images, Options
from harness.emulator.paths import DataDirectory
from harness.emulator.server_process import (
    is_served,
    open_server,
    read_server,
    server_command,
    server_environment,
)
from harness.emulator.temporary_directory import temporary_directory
from harness.errors import EmulatorError

_STOP_SECONDS = 10.0
_SETTLE_SECONDS = 5.0  # until the lock names the process that holds it
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class LaunchedEmulator:
    """An emulator that ends with its launcher, this process.

    Attributes:
        ending: returns how the emulator has ended, or None while it runs.
    """

    endpoint: Endpoint
    ending: Callable[[], Ending | None]


def find(directory: Path) -> Endpoint | None:
    """The emulator that serves a data directory and is ready; None if there is none.

    Raises:
        EmulatorError: the file of its endpoint cannot be read, or the emulator is another user's.
    """
    paths = DataDirectory(directory.absolute())
    try:
        endpoint = msgspec.json.decode(paths.endpoint.read_bytes(), type=Endpoint)
        is_current = is_served(paths.root) and read_server(paths.root) == endpoint.pid
        is_own = paths.endpoint.stat().st_uid == os.getuid()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise EmulatorError(f"{paths.endpoint} cannot be read ({error}); start the emulator again") from error
    if not is_current:
        return None  # a killed emulator has left the file
    if not is_own:
        raise EmulatorError(
            f"another user's emulator serves {directory}, and would receive all that is sent to it; choose another "
            "directory, or become that user"
        )
    return endpoint


@contextmanager
def launch(
    directory: Path | None = None,
    *,
    port: int = 0,
    only: str = "",
    file_port: int = 0,
    blob_port: int = 0,
    listen: str = LOOPBACK,
    https: bool | None = None,
    accounts: Sequence[str] = (),
    pace: float = 0.0,
    compute: str = "process",
    images: Images | Literal[""] = "",
    image_map: Mapping[str, str] | None = None,
    cntk_python: Path | None = None,
    host_names: Sequence[str] = (),
    applications: Sequence[str] = (),
    log: Path | None = None,
    seed: Path | None = None,
    copy_delay: float = 0.0,
    managed_identity: str = "",
    tenants: Sequence[str] = (),
) -> Iterator[Endpoint]:
    """Run an emulator for the duration of the block; it also ends when this process is killed.

    Args:
        directory: the data directory; by default a temporary one, deleted at the end.
        port: the port of the proxy; 0 takes a free one.
        only: ``storage``, to serve nothing else, with the well-known development account.
        file_port: the port of Azure Files; 0 takes a free one.
        blob_port: the port of blob storage; 0 takes a free one.
        listen: the address of all ports; unless it is a loopback address, no account has a well-known key.
        https: whether the storage ports use TLS, with the authority in ``Endpoint.ca_path``; by default they do not. It
            must be given unless ``listen`` is a loopback address.
        accounts: additional storage accounts, each ``NAME:KEY`` or ``NAME:KEY:SKU``.
        pace: speed of simulated provisioning, as in ``Options``.
        compute: the back end that runs jobs, as in ``Options``.
        images: what becomes of jobs that ask for a container image, as in ``Options``.
        image_map: images to run, by the names of the images that they replace, which may hold ``*``.
        cntk_python: the Python interpreter of CNTK jobs.
        host_names: names of this machine that clients use at the plain ports.
        applications: additional applications, each ``NAME=ROLE,ROLE``; see ``Endpoint.environment``.
        seed: a directory whose ``file/SHARE`` and ``blob/CONTAINER`` become shares and containers of the first account.
        copy_delay: seconds for which each copy of a file or blob is pending, so that it can be watched and aborted.
        log: a file in which requests are logged, one JSON line each: time, method, url, status, milliseconds, error. It
            holds no secrets.
        managed_identity: the managed identity endpoint to serve, ``app-service`` or ``imds``; see
            ``Endpoint.environment``.
        tenants: ids of additional tenants that applications can sign in to; no service accepts their tokens.

    Raises:
        EmulatorError: the emulator did not start; the message ends with its output.
    """
    with data_directory(directory) as used:
        options = Options(
            used,
            port,
            only=only,
            file_port=file_port,
            blob_port=blob_port,
            listen=parse_listen(listen),
            https=https,
            accounts=tuple(map(parse_account, accounts)),
            pace=pace,
            compute=check_compute(compute),
            images=images,
            image_map=tuple((image_map or {}).items()),
            cntk_python=cntk_python,
            host_names=tuple(map(parse_host_name, host_names)),
            applications=tuple(map(parse_application, applications)),
            seed=seed.absolute() if seed else None,
            copy_delay=copy_delay,
            log=log.absolute() if log else None,
            managed_identity=managed_identity,
            tenants=tuple(map(parse_tenant, tenants)),
        )
        with launch_with(options) as emulator:
            yield emulator.endpoint


@contextmanager
def data_directory(directory: Path | None) -> Iterator[Path]:
    """The data directory of an emulator to launch: ``directory``, or a temporary one that is deleted at the end."""
    if directory is not None:
        yield directory
        return
    with temporary_directory() as temporary:
        try:
            yield temporary
        finally:
            _end_jobs(temporary)


@contextmanager
def launch_with(options: Options) -> Iterator[LaunchedEmulator]:
    """Run an emulator like ``launch``, with a record of its options; the result also says how the emulator ended.

    Raises:
        EmulatorError: the emulator did not start; the message ends with its output.
    """
    with launched_process(replace(options, guarded=True)) as process:
        yield LaunchedEmulator(_read_endpoint(options.directory), process.ending)


def start_detached(options: Options) -> Endpoint:
    """Start an emulator that outlives this process; its output goes to ``emulator.log`` in its data directory.

    Raises:
        EmulatorError: the emulator did not start, or another one already serves the directory.
    """
    directory = options.directory
    if running := find(directory):
        raise EmulatorError(
            f"the data directory {directory} is in use by the emulator with process id {running.pid}; "
            "stop it with 'harness emulator stop', or choose another --dir"
        )
    log = DataDirectory(directory.absolute()).log
    with _log_of(directory) as stream:
        process = subprocess.run(
            [*server_command(options), "--detach"],
            env=server_environment(options, os.environ),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            check=False,
        )
    if process.returncode != 0:
        raise start_error(log.read_text(errors="replace"))
    return _read_endpoint(directory)


def exec_server(options: Options) -> NoReturn:
    """Replace this process by the emulator that ``server_command`` starts, in a clean environment."""
    command = server_command(options)
    os.execve(command[0], command, server_environment(options, os.environ))  # noqa: S606 - the command is ours


def stop(directory: Path) -> bool:
    """Stop the emulator of a data directory and wait until it has ended; False if none runs.

    Raises:
        EmulatorError: a process that is not this user's emulator serves the directory; it keeps running.
    """
    clock = SystemClock()
    deadline = clock.monotonic() + _SETTLE_SECONDS
    try:
        while is_served(directory):
            with open_server(directory) as server:
                if server is not None:
                    _end(server)
                    return True
            if clock.monotonic() >= deadline:
                raise _foreign_process_error(directory)
            clock.sleep(_POLL_SECONDS)  # a new emulator writes its id soon after it has taken the lock
    except OSError as error:
        raise EmulatorError(f"the lock of {directory} cannot be checked: {error.strerror}") from error
    return False


def _read_endpoint(directory: Path) -> Endpoint:
    """The emulator of a directory, which has reported that it is ready."""
    endpoint = find(directory)
    if endpoint is None:
        raise EmulatorError(f"the emulator in {directory} ended as soon as it was ready")
    return endpoint


def _end_jobs(directory: Path) -> None:
    """End the jobs of a directory that is deleted next: they outlive their emulator."""
    if any(DataDirectory(directory).jobs.glob("*")):
        emulator.end_jobs(directory)  # imported lazily: nothing else in this module needs its imports


def _log_of(directory: Path) -> IO[bytes]:
    """Open the log of a detached emulator; its directory is created if it is missing."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return DataDirectory(directory.absolute()).log.open("ab")
    except OSError as error:
        if directory.exists() and not directory.is_dir():
            raise EmulatorError(f"{directory} is a file, not a data directory; choose another --dir") from error
        reason = f"{error.strerror} ({error.filename})"
        raise EmulatorError(f"the data directory {directory} cannot be used: {reason}; choose another --dir") from error


def _end(server: ProcessHandle) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        server.send_signal(number)
        if server.ends_within(_STOP_SECONDS):
            return


def _foreign_process_error(directory: Path) -> EmulatorError:
    process = f"process {read_server(directory) or '(no id)'}"
    return EmulatorError(
        f"{directory} is locked, and nothing proves that {process} is an emulator of yours that serves it. It was not "
        "stopped; end it yourself, or choose another --dir"
    )
