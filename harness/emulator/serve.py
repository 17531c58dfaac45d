"""The emulator's process: one data directory, one lock, two listeners on loopback."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import uvicorn

from harness.clock import Clock, SystemClock
from harness.emulator.app import Emulator
from harness.emulator.auth import Tokens
from harness.emulator.endpoint import Endpoint
from harness.emulator.identity import Identity, load_identity
from harness.emulator.paths import DataDirectory, write_private
from harness.emulator.providers import Host
from harness.emulator.providers.aad import AzureActiveDirectory
from harness.emulator.providers.arm import ResourceManager
from harness.emulator.providers.blobs import AzureBlobs
from harness.emulator.providers.files import AzureFiles
from harness.emulator.providers.storage import Accounts, Sources, StorageProvider, Trash
from harness.emulator.proxy import Proxy
from harness.emulator.reconcile import Reconciler, Step
from harness.emulator.store import Store
from harness.emulator.tls import server_context
from harness.errors import EmulatorError

READY = "ready"  # the one line on standard output


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve.

    Args:
        directory: the data directory, made when missing.
        port: of the proxy; 0 takes a free one.
        guarded: stop when standard input ends, because whoever started it has gone.
    """

    directory: Path
    port: int = 0
    guarded: bool = False


def serve(options: Options) -> None:
    """Serve until SIGTERM, SIGINT or, when guarded, the end of standard input.

    Raises:
        EmulatorError: the directory cannot be used, or another emulator has it open.
    """
    paths = DataDirectory(options.directory.absolute())
    try:
        paths.prepare()
    except OSError as error:
        raise EmulatorError(
            f"the data directory {paths.root} cannot be made: {error.strerror}; choose another with --dir"
        ) from error
    with _locked(paths):
        try:
            uvicorn_loop = uvicorn.config.Config(app=_nothing, loop="auto").get_loop_factory()
            with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
                runner.run(_serve(paths, options))
        finally:
            paths.endpoint.unlink(missing_ok=True)


@contextmanager
def _locked(paths: DataDirectory) -> Iterator[None]:
    descriptor = os.open(paths.lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(descriptor, 20).decode() or "unknown"
        os.close(descriptor)
        raise EmulatorError(
            f"the data directory {paths.root} is in use by the emulator with process id {owner}; "
            "stop it with 'harness emulator stop', or choose another --dir"
        ) from error
    os.truncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    try:
        yield
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What every part of the emulator is built on."""

    paths: DataDirectory
    clock: Clock
    identity: Identity
    store: Store


@dataclass(frozen=True, slots=True)
class _Parts:
    """What answers, and the steps that the reconciler runs."""

    hosts: Sequence[Host]
    steps: Sequence[Step]


def _parts(base: _Foundation) -> _Parts:
    """Everything that this emulator plays."""
    accounts = Accounts(base.store, base.clock, root=base.paths.storage)
    accounts.ensure_first(base.identity)
    trash, sources = Trash(base.paths.trash), Sources(accounts)
    files = AzureFiles(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    blobs = AzureBlobs(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    storage = StorageProvider(base.identity, accounts, store=base.store, clock=base.clock, services=[files, blobs])
    tokens = Tokens(base.identity, base.clock)
    manager = ResourceManager(base.identity, tokens, store=base.store, clock=base.clock, providers=[storage])
    directory = AzureActiveDirectory(base.identity, tokens, base.clock)
    return _Parts([manager, files, blobs, directory], [storage.reconcile, manager.reconcile])


async def _serve(paths: DataDirectory, options: Options) -> None:
    with contextlib.closing(Store(paths.database)) as store:
        base = _Foundation(paths, SystemClock(), load_identity(paths), store)
        parts = _parts(base)
        reconciler = Reconciler(parts.steps, base.clock)
        async with _listening(Emulator(parts.hosts), paths, options) as port, _running(reconciler):
            stopping = _stop_requested(guarded=options.guarded)
            write_private(paths.endpoint, msgspec.json.encode(_endpoint(base.identity, paths, port)))
            print(READY, flush=True)  # noqa: T201 - the signal that launch.py waits for
            await stopping.wait()


@contextlib.asynccontextmanager
async def _listening(emulator: Emulator, paths: DataDirectory, options: Options) -> AsyncIterator[int]:
    """The TLS listener and the proxy before it; the proxy's port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    proxy = Proxy(emulator.plays, listener.getsockname())
    try:
        port = await proxy.start(options.port)
    except OSError as error:
        raise EmulatorError(
            f"port {options.port} cannot be used: {error.strerror}; choose another with --port"
        ) from error
    server = _server(emulator, paths)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield port
    finally:
        await proxy.stop()  # first: a listener waits for its open connections, and all of them come through here
        server.should_exit = True
        await serving


def _server(emulator: Emulator, paths: DataDirectory) -> "_Server":
    config = uvicorn.Config(
        emulator,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        ws="none",
    )
    config.load()
    config.ssl = server_context(paths)
    return _Server(config)


@contextlib.asynccontextmanager
async def _running(reconciler: Reconciler) -> AsyncIterator[None]:
    """The reconciler, until the end."""
    task = asyncio.create_task(reconciler.run())
    try:
        yield
    finally:
        task.cancel()


def _endpoint(identity: Identity, paths: DataDirectory, port: int) -> Endpoint:
    return Endpoint(
        proxy_url=f"http://127.0.0.1:{port}",
        ca_path=str(paths.authority),
        tenant_id=identity.tenant_id,
        client_id=identity.client_id,
        client_secret=identity.client_secret,
        subscription_id=identity.subscription_id,
        storage_account=identity.storage_account,
        storage_key=identity.storage_key,
        pid=os.getpid(),
        directory=str(paths.root),
    )


class _Server(uvicorn.Server):
    """Leaves signals to ``_stop_requested``, which also watches standard input."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def _stop_requested(*, guarded: bool) -> asyncio.Event:
    """Set by SIGTERM, SIGINT or, when guarded, the end of standard input."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def watch() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            stopping.set()

    if guarded:
        loop.add_reader(sys.stdin.fileno(), watch)
    return stopping


async def _nothing(*_arguments: object) -> None:
    """An application for reading uvicorn's choice of event loop."""


def log_to_stderr() -> None:
    """Warnings and errors, with their time."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
