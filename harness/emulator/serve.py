"""The emulator's process: it holds one data directory, the listeners, the back ends and the reconciler."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager

import msgspec
import uvicorn

from harness.atomic_file import write_file
from harness.compute.backend import Backend
from harness.compute.catalogue import OWN, BackendContext, Images, find_factory, parse_compute
from harness.compute.machine import find_machine
from harness.compute.routing import RoutingBackend
from harness.emulator.app import Emulator
from harness.emulator.composition import (
    Foundation,
    create_foundation,
    create_services,
    create_storage_services,
    development_account,
)
from harness.emulator.endpoint import Endpoint, SignIn
from harness.emulator.faults.injector import FaultInjector
from harness.emulator.listeners import serve_directly, serve_proxied
from harness.emulator.options import LOOPBACK, Options
from harness.emulator.paths import DataDirectory
from harness.emulator.ports import Ports, listening_socket, reachable
from harness.emulator.providers.aad import ManagedIdentities
from harness.emulator.providers.arm.own_group import ensure_own_group
from harness.emulator.providers.azureml.first_workspace import FIRST_LOCATION, first_workspace
from harness.emulator.providers.azureml.model.workspace import api_host
from harness.emulator.reconcile import Reconciler, Step
from harness.emulator.request_log import RequestLog
from harness.emulator.startup import open_directory, open_store, open_tls, translate_os_errors
from harness.emulator.storage_service import PathStyle, StorageHost

_FILES = 8192  # the most open files: a connection through the proxy takes three
_PLAIN_ADVICE = " At a plain port it answers to names of loopback, and to those of the option --host-name."
READY = "ready"  # the one line on standard output


def serve(options: Options) -> None:
    """Serve until SIGTERM, SIGINT or, when guarded, the end of standard input.

    Raises:
        EmulatorError: the directory cannot be used, or another emulator serves it.
    """
    _allow_files()
    with open_directory(options.directory) as paths:
        uvicorn_loop = uvicorn.config.Config(app=_nothing, loop="auto").get_loop_factory()
        with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
            runner.run(_serve(paths, options))


async def _serve(paths: DataDirectory, options: Options) -> None:
    with open_store(paths) as store:
        base = create_foundation(paths, store, options)
        with translate_os_errors(paths):
            storage = create_storage_services(base, options)
        injector = FaultInjector(base.faults, base.clock)
        reconciler, stopping = Reconciler(base.clock), asyncio.Event()

        log = RequestLog(options.log) if options.log else None
        ports, names = Ports(paths, options.listen), options.names()
        tls = open_tls(paths, names)

        def serve_storage(service: StorageHost, port: int | None) -> AbstractAsyncContextManager[int]:
            emulator = Emulator([PathStyle(service, names)], injector, advice=_PLAIN_ADVICE, log=log)
            listener = ports.open(service.service, port)
            return serve_directly(emulator, listener, tls if options.https else None, stopping)

        async with (
            _open_backend(reconciler, options, base) as backend,
            serve_storage(storage.files, options.file_port) as file_port,
            serve_storage(storage.blobs, options.blob_port) as blob_port,
            _serve_identities(base, options, injector, stopping) as identity_port,
        ):
            services = create_services(base, storage, options, reconciler=reconciler, backend=backend)
            entrance = ports.open("proxy", options.port)
            async with serve_proxied(Emulator(services.hosts, injector, log=log), entrance, tls, stopping) as port:
                storage.sources.add_port("file", file_port)
                storage.sources.add_port("blob", blob_port)
                ports.remember()
                identities = _identity_variables(base, options, identity_port)
                endpoint = _endpoint(base, options, identities, port=port, file_port=file_port, blob_port=blob_port)
                base.proxy_settings.proxy_url, base.proxy_settings.ca_path = endpoint.proxy_url, endpoint.ca_path
                async with _run_reconciler(reconciler, services.steps):  # from here on jobs run, and need the address
                    _watch_for_stop(stopping, options)
                    with translate_os_errors(paths):
                        write_file(paths.endpoint, msgspec.json.encode(endpoint))
                    gc.freeze()  # exempts start-up objects from garbage collection: they live as long as the process
                    gc.enable()
                    if not options.guarded:
                        sys.stderr.writelines(f"{line}\n" for line in (*ports.notes, *endpoint.lines()))
                    print(READY, flush=True)  # noqa: T201 - launch.py waits for this line
                    _import_backend(options.compute)
                    await stopping.wait()


@contextlib.asynccontextmanager
async def _serve_identities(
    base: Foundation, options: Options, injector: FaultInjector, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """Serve the managed identity endpoint on loopback; yields its port, or 0 if the options ask for none."""
    if not options.managed_identity:
        yield 0
        return
    emulator = Emulator([ManagedIdentities(options.managed_identity, base.identity, base.tokens, base.clock)], injector)
    async with serve_directly(emulator, listening_socket(LOOPBACK, 0), None, stopping) as port:
        yield port


def _identity_variables(base: Foundation, options: Options, port: int) -> dict[str, str]:
    """The variables by which the SDKs find the managed identity endpoint."""
    address = f"http://{LOOPBACK}:{port}"
    match options.managed_identity:
        case "app-service":
            return {"IDENTITY_ENDPOINT": f"{address}/msi/token", "IDENTITY_HEADER": base.identity.identity_header}
        case "imds":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": address}
        case _:
            return {}


@contextlib.asynccontextmanager
async def _open_backend(reconciler: Reconciler, options: Options, base: Foundation) -> AsyncIterator[Backend]:
    """Open the back ends of jobs. Jobs that still run at the end continue, and the next start adopts them."""
    loop = asyncio.get_running_loop()

    def wake() -> None:  # called from the back end's own thread
        loop.call_soon_threadsafe(reconciler.wake)

    machine = find_machine(os.environ, cntk_python=options.cntk_python)

    def create_backend(text: str) -> Backend:
        name, address = parse_compute(text)
        context = BackendContext(
            on_change=wake,
            machine=machine,
            clock=base.clock,
            environ=os.environ,
            jobs=base.paths.jobs,
            emulator=base.identity.tenant_id,
            images=Images(
                None if not options.images else options.images == "host", options.image_map, options.container_user
            ),
            address=address,
        )
        return find_factory(name)(context)

    backend = RoutingBackend(options.compute, create_backend)
    try:
        yield backend
    finally:
        backend.close()


def _import_backend(text: str) -> None:
    """Import a back end in a thread, so that the first cluster does not wait for the import."""
    name, _ = parse_compute(text)
    if name in OWN:  # errors of another package's back end are reported by the cluster that asks for it
        threading.Thread(target=find_factory, args=(name,), name="backend-import", daemon=True).start()


@contextlib.asynccontextmanager
async def _run_reconciler(reconciler: Reconciler, steps: Sequence[Step]) -> AsyncIterator[None]:
    """Run the reconciler for the duration of the block."""
    task = asyncio.create_task(reconciler.run(steps))
    try:
        yield
    finally:
        task.cancel()


def _endpoint(
    base: Foundation, options: Options, identities: dict[str, str], *, port: int, file_port: int, blob_port: int
) -> Endpoint:
    identity, host = base.identity, reachable(options.listen)
    account = development_account(identity, options)
    scheme = "https" if options.https else "http"
    return Endpoint(
        proxy_url=f"http://{host}:{port}",
        ca_path=str(base.paths.authority),
        tenant_id=identity.tenant_id,
        client_id=identity.client_id,
        client_secret=identity.client_secret,
        subscription_id=identity.subscription_id,
        storage_account=account.name if options.only else identity.storage_account,
        storage_key=account.key if options.only else identity.storage_key,
        pid=os.getpid(),
        directory=str(base.paths.root),
        file_url=f"{scheme}://{host}:{file_port}",
        blob_url=f"{scheme}://{host}:{blob_port}",
        only=options.only,
        applications={item.name: SignIn(item.client_id, item.client_secret) for item in identity.applications},
        identity_variables=identities,
        guarded=options.guarded,
        **_azureml(base, options),
    )


def _azureml(base: Foundation, options: Options) -> dict[str, str]:
    """The names by which clients reach the first workspace of Azure Machine Learning."""
    if options.only:
        return {}
    address = first_workspace(ensure_own_group(base.store, base.identity.subscription_id))
    return {
        "azureml_resource_group": address.group,
        "azureml_workspace": address.name,
        "mlflow_tracking_uri": f"azureml://{api_host(FIRST_LOCATION)}/mlflow/v1.0{address.id('workspace')}",
    }


def _watch_for_stop(stopping: asyncio.Event, options: Options) -> None:
    """Set ``stopping`` at SIGTERM, at SIGINT, and at the end of the processes that the options name."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    def watch() -> None:
        if not os.read(sys.stdin.fileno(), 1):
            loop.remove_reader(sys.stdin.fileno())
            stopping.set()

    if options.guarded:
        loop.add_reader(sys.stdin.fileno(), watch)
    if options.until:
        try:
            process = os.pidfd_open(options.until)
        except ProcessLookupError:
            stopping.set()
            return
        loop.add_reader(process, stopping.set)


def _allow_files() -> None:
    """Raise the limit of open files, which is often 1,024, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


async def _nothing(*_arguments: object) -> None:
    """An empty application, needed only to read uvicorn's choice of event loop."""


def log_to_stderr() -> None:
    """Log warnings and errors to standard error, with their time."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
