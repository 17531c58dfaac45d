"""The emulator's process: one data directory, one lock, two listeners on loopback."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import msgspec
import uvicorn
from msgspec.structs import replace

from harness.atomic_file import write_file
from harness.clock import Clock, SystemClock
from harness.compute.backend import Backend
from harness.compute.catalogue import BackendContext, Images, find_factory, parse_compute
from harness.compute.machine import find_machine
from harness.compute.routing import RoutingBackend
from harness.emulator.app import Emulator
from harness.emulator.auth import Tokens
from harness.emulator.development_account import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY
from harness.emulator.endpoint import Endpoint, SignIn
from harness.emulator.engine import Engine, EngineOptions
from harness.emulator.fault_operations import FaultPlans
from harness.emulator.faults.active import Faults
from harness.emulator.faults.injector import FaultInjector
from harness.emulator.identity import Identity
from harness.emulator.limit_operations import LimitOperations
from harness.emulator.listeners import direct, proxied
from harness.emulator.options import LOOPBACK, START_PLAN, Account, Options
from harness.emulator.paths import DataDirectory
from harness.emulator.ports import Ports, is_open_to_others, listening_socket, reachable
from harness.emulator.providers import Host, ResourceProvider
from harness.emulator.providers.aad import AzureActiveDirectory, ManagedIdentities
from harness.emulator.providers.arm import ResourceManager
from harness.emulator.providers.arm.own_group import ensure_own_group
from harness.emulator.providers.azureml import AzureML
from harness.emulator.providers.azureml.data_plane import DataPlane
from harness.emulator.providers.azureml.first_workspace import FIRST_LOCATION, ensure_first_workspace, first_workspace
from harness.emulator.providers.azureml.job_variables import JobVariables, WayIn
from harness.emulator.providers.azureml.model.workspace import api_host
from harness.emulator.providers.azureml.run_tokens import RunTokens
from harness.emulator.providers.batchai import BatchAI
from harness.emulator.providers.blobs import AzureBlobs
from harness.emulator.providers.files import AzureFiles
from harness.emulator.providers.storage import StorageProvider
from harness.emulator.providers.tracked import TrackedResources
from harness.emulator.providers.tracked.model import TYPES
from harness.emulator.reconcile import Reconciler, Step
from harness.emulator.request_log import RequestLog
from harness.emulator.seed import seed
from harness.emulator.startup import open_identity, open_tls, opened_directory, opened_store, usable
from harness.emulator.storage_service import Accounts, BearerAuthority, CopySources, PathStyle, StorageHost, Trash
from harness.emulator.store import Store
from harness.emulator.subscription_limits import START, SubscriptionLimits

_FILES = 8192  # that may be open: a connection through the proxy takes three
_PLAIN_ADVICE = " At a plain port it answers to names of loopback, and to those of the option --host-name."
READY = "ready"  # the one line on standard output


def serve(options: Options) -> None:
    """Serve until SIGTERM, SIGINT or, when guarded, the end of standard input.

    Raises:
        EmulatorError: the directory cannot be used, or another emulator has it open.
    """
    _allow_files()
    with opened_directory(options.directory) as paths:
        uvicorn_loop = uvicorn.config.Config(app=_nothing, loop="auto").get_loop_factory()
        with asyncio.Runner(loop_factory=uvicorn_loop) as runner:
            runner.run(_serve(paths, options))


@dataclass(frozen=True, slots=True)
class _Foundation:
    """What every part of the emulator is built on."""

    paths: DataDirectory
    clock: Clock
    identity: Identity
    tokens: Tokens
    store: Store
    faults: Faults
    limits: SubscriptionLimits
    way_in: WayIn


@dataclass(frozen=True, slots=True)
class _Storage:
    """The storage services, which answer at hosts of their own and at plain ports.

    ``locked`` are the ids of the resources that Resource Manager does not delete.
    """

    locked: Sequence[str]
    accounts: Accounts
    trash: Trash
    sources: CopySources
    files: AzureFiles
    blobs: AzureBlobs


@dataclass(frozen=True, slots=True)
class _Parts:
    """What answers, and the steps that the reconciler runs."""

    hosts: Sequence[Host]
    steps: Sequence[Step]


def _development_account(identity: Identity, options: Options) -> Account:
    """The first account of storage alone: its key is known to everybody, unless others can reach it."""
    is_known = options.development_key or not is_open_to_others(options.listen)
    return Account(DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY if is_known else identity.storage_key)


def _storage(base: _Foundation, options: Options) -> _Storage:
    """The storage services, with the accounts that they begin with."""
    accounts, trash = Accounts(base.store, base.clock, root=base.paths.storage), Trash(base.paths.trash)
    accounts.settle(trash)
    if options.only:
        group, first = "", _development_account(base.identity, options)
    else:
        group = ensure_own_group(base.store, base.identity.subscription_id)
        first = Account(base.identity.storage_account, base.identity.storage_key)
    if first.key != DEVELOPMENT_KEY:
        accounts.revoke(DEVELOPMENT_KEY)
    ready = [accounts.ensure(account.name, account.key, group) for account in (first, *options.accounts)]
    locked = [group, *(account for account in ready if account.startswith(f"{group}/"))] if group else []
    sources = CopySources(accounts, BearerAuthority(base.identity, base.tokens), delay=options.copy_delay)
    if options.seed:
        seed(accounts, first.name, options.seed)
    files = AzureFiles(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    blobs = AzureBlobs(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    return _Storage(locked, accounts, trash, sources, files, blobs)


def _parts(base: _Foundation, storage: _Storage, options: Options, reconciler: Reconciler, backend: Backend) -> _Parts:
    """Everything that a whole emulator plays."""
    files, blobs = storage.files, storage.blobs
    provider = StorageProvider(
        base.identity,
        storage.accounts,
        store=base.store,
        clock=base.clock,
        trash=storage.trash,
        services=[files, blobs],
    )
    engine = Engine(
        base.store,
        storage.accounts,
        clock=base.clock,
        backend=backend,
        paths=base.paths,
        options=EngineOptions(options.pace),
        faults=base.faults,
        wake=reconciler.wake,
    )
    batchai = BatchAI(engine, storage.accounts)
    tracked = [TrackedResources(kind, base.identity, store=base.store, clock=base.clock) for kind in TYPES]

    def exists(identifier: str) -> bool:
        return storage.accounts.has(identifier) or any(each.has(identifier) for each in tracked)

    run_tokens = RunTokens(base.identity, base.clock)
    variables = JobVariables(base.store, run_tokens, base.way_in)
    azureml = AzureML(engine, base.identity, storage.accounts, limits=base.limits, exists=exists, variables=variables)
    group, account = storage.locked[:2]
    ensure_first_workspace(azureml, tracked, group=group, storage_account=account)
    tokens = base.tokens
    providers: list[ResourceProvider] = [provider, batchai, azureml, *tracked]
    own = (*FaultPlans(base.faults).routes, *LimitOperations(base.limits, reconciler.wake).routes)
    manager = ResourceManager(
        base.identity,
        tokens,
        store=base.store,
        clock=base.clock,
        providers=providers,
        own=own,
        locked=storage.locked,
        pace=options.pace,
    )
    directory = AzureActiveDirectory(base.identity, tokens, base.clock)
    data_plane = DataPlane(azureml.service, tokens, run_tokens, storage.accounts, base.store)
    return _Parts([manager, files, blobs, directory, data_plane], [engine.reconcile, manager.reconcile])


def _faults(store: Store, options: Options) -> Faults:
    """The stored plans, and that of this start in place of the last one's."""
    faults = Faults(store)
    faults.delete(START_PLAN)
    if options.faults:
        faults.put(options.faults)
    return faults


def _foundation(paths: DataDirectory, store: Store, options: Options) -> _Foundation:
    clock, identity = SystemClock(), open_identity(paths, dict(options.applications), options.tenants)
    tokens = Tokens(identity, clock)
    faults, limits = _faults(store, options), _limits(store, options)
    return _Foundation(paths, clock, identity, tokens, store, faults, limits, WayIn())


def _limits(store: Store, options: Options) -> SubscriptionLimits:
    """The stored limits, and those of this start in place of the last one's."""
    limits = SubscriptionLimits(store)
    limits.delete(START)
    if options.limit:
        limits.put(START, options.limit)
    return limits


async def _serve(paths: DataDirectory, options: Options) -> None:
    with opened_store(paths) as store:
        base = _foundation(paths, store, options)
        with usable(paths):
            storage = _storage(base, options)
        injector = FaultInjector(base.faults, base.clock)
        reconciler, stopping = Reconciler(base.clock), asyncio.Event()

        log = RequestLog(options.log) if options.log else None
        ports, names = Ports(paths, options.listen), options.names()
        tls = open_tls(paths, names)

        def direct_to(service: StorageHost, port: int | None) -> AbstractAsyncContextManager[int]:
            emulator = Emulator([PathStyle(service, names)], injector, advice=_PLAIN_ADVICE, log=log)
            listener = ports.open(service.service, port)
            return direct(emulator, listener, tls if options.https else None, stopping)

        async with (
            _computing(reconciler, options, base) as backend,
            direct_to(storage.files, options.file_port) as file_port,
            direct_to(storage.blobs, options.blob_port) as blob_port,
            _giving_identities(base, options, injector, stopping) as identity_port,
        ):
            parts = _played(base, storage, options, reconciler=reconciler, backend=backend)
            entrance = ports.open("proxy", options.port)
            async with proxied(Emulator(parts.hosts, injector, log=log), entrance, tls, stopping) as port:
                storage.sources.listens("file", file_port)
                storage.sources.listens("blob", blob_port)
                ports.remember()
                endpoint = _endpoint(base, options, port=port, file_port=file_port, blob_port=blob_port)
                endpoint = replace(endpoint, identity_variables=_identity_variables(base, options, identity_port))
                base.way_in.proxy_url, base.way_in.ca_path = endpoint.proxy_url, endpoint.ca_path
                async with _reconciling(reconciler, parts.steps):  # jobs get the address of the emulator
                    _watch_for_stop(stopping, options)
                    with usable(paths):
                        write_file(paths.endpoint, msgspec.json.encode(endpoint))
                    gc.freeze()  # the collector need never look through what there is by now
                    print(READY, flush=True)  # noqa: T201 - the signal that launch.py waits for
                    if not options.guarded:
                        sys.stderr.writelines(f"{line}\n" for line in (*ports.notes, *endpoint.lines()))
                    await stopping.wait()


@contextlib.asynccontextmanager
async def _giving_identities(
    base: _Foundation, options: Options, injector: FaultInjector, stopping: asyncio.Event
) -> AsyncIterator[int]:
    """The endpoint of managed identities, on loopback alone; its port, or 0 if it is not wanted."""
    if not options.managed_identity:
        yield 0
        return
    emulator = Emulator([ManagedIdentities(options.managed_identity, base.identity, base.tokens, base.clock)], injector)
    async with direct(emulator, listening_socket(LOOPBACK, 0), None, stopping) as port:
        yield port


def _identity_variables(base: _Foundation, options: Options, port: int) -> dict[str, str]:
    """The variables by which the SDKs find the endpoint of managed identities."""
    address = f"http://{LOOPBACK}:{port}"
    match options.managed_identity:
        case "app-service":
            return {"IDENTITY_ENDPOINT": f"{address}/msi/token", "IDENTITY_HEADER": base.identity.identity_header}
        case "imds":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": address}
        case _:
            return {}


@contextlib.asynccontextmanager
async def _computing(reconciler: Reconciler, options: Options, base: _Foundation) -> AsyncIterator[Backend]:
    """Where jobs run; what runs at the end goes on."""
    loop = asyncio.get_running_loop()

    def moved() -> None:  # called from the back end's own thread
        loop.call_soon_threadsafe(reconciler.wake)

    machine = find_machine(os.environ, cntk_python=options.cntk_python)

    def made(text: str) -> Backend:
        name, address = parse_compute(text)
        context = BackendContext(
            on_change=moved,
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

    backend = RoutingBackend(options.compute, made)
    try:
        yield backend
    finally:
        backend.close()


def _played(
    base: _Foundation, storage: _Storage, options: Options, *, reconciler: Reconciler, backend: Backend
) -> _Parts:
    """What the emulator plays: everything, or storage alone."""
    if options.only:
        return _Parts([storage.files, storage.blobs, AzureActiveDirectory(base.identity, base.tokens, base.clock)], [])
    return _parts(base, storage, options, reconciler, backend)


@contextlib.asynccontextmanager
async def _reconciling(reconciler: Reconciler, steps: Sequence[Step]) -> AsyncIterator[None]:
    """Move observed state towards desired state until the end."""
    task = asyncio.create_task(reconciler.run(steps))
    try:
        yield
    finally:
        task.cancel()


def _endpoint(base: _Foundation, options: Options, *, port: int, file_port: int, blob_port: int) -> Endpoint:
    identity, host = base.identity, reachable(options.listen)
    account = _development_account(identity, options)
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
        applications={each.name: SignIn(each.client_id, each.client_secret) for each in identity.applications},
        identity_variables={},
        **_azureml(base, options),
    )


def _azureml(base: _Foundation, options: Options) -> dict[str, str]:
    """The ready workspace of Azure Machine Learning, as clients name it."""
    if options.only:
        return {}
    address = first_workspace(ensure_own_group(base.store, base.identity.subscription_id))
    return {
        "azureml_resource_group": address.group,
        "azureml_workspace": address.name,
        "mlflow_tracking_uri": f"azureml://{api_host(FIRST_LOCATION)}/mlflow/v1.0{address.id('workspace')}",
    }


def _watch_for_stop(stopping: asyncio.Event, options: Options) -> None:
    """Set ``stopping`` at SIGTERM, SIGINT or, when it is to end with another process, the end of that one."""
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
    """Raise this process's limit of open files, which is often 1,024, as far as it may be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _nothing(*_arguments: object) -> None:
    """An application for reading uvicorn's choice of event loop."""


def log_to_stderr() -> None:
    """Warnings and errors, with their time."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
