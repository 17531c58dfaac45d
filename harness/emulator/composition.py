"""Builds the parts of an emulator: its foundation, the storage services, and all hosts that it plays."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.clock import Clock, SystemClock
from harness.compute.backend import Backend
from harness.emulator.auth import Tokens
from harness.emulator.development_account import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY
from harness.emulator.engine import Engine, EngineOptions
from harness.emulator.fault_operations import FaultPlans
from harness.emulator.faults.active import Faults
from harness.emulator.identity import Identity
from harness.emulator.limit_operations import LimitOperations
from harness.emulator.options import START_PLAN, Account, Options
from harness.emulator.paths import DataDirectory
from harness.emulator.ports import is_open_to_others
from harness.emulator.providers import Host, ResourceProvider
from harness.emulator.providers.aad import AzureActiveDirectory
from harness.emulator.providers.arm import ResourceManager
from harness.emulator.providers.arm.own_group import ensure_own_group
from harness.emulator.providers.azureml import AzureML
from harness.emulator.providers.azureml.data_plane import DataPlane
from harness.emulator.providers.azureml.first_workspace import ensure_first_workspace
from harness.emulator.providers.azureml.job_variables import JobVariables, ProxySettings
from harness.emulator.providers.azureml.run_tokens import RunTokens
from harness.emulator.providers.batchai import BatchAI
from harness.emulator.providers.blobs import AzureBlobs
from harness.emulator.providers.files import AzureFiles
from harness.emulator.providers.storage import StorageProvider
from harness.emulator.providers.tracked import TrackedResources
from harness.emulator.providers.tracked.model import TYPES
from harness.emulator.reconcile import Reconciler, Step
from harness.emulator.seed import seed
from harness.emulator.startup import open_identity
from harness.emulator.storage_service import Accounts, BearerAuthority, CopySources, Trash
from harness.emulator.store import Store
from harness.emulator.subscription_limits import START, SubscriptionLimits


@dataclass(frozen=True, slots=True)
class Foundation:
    """The objects that all parts of the emulator share."""

    paths: DataDirectory
    clock: Clock
    identity: Identity
    tokens: Tokens
    store: Store
    faults: Faults
    limits: SubscriptionLimits
    proxy_settings: ProxySettings


@dataclass(frozen=True, slots=True)
class StorageServices:
    """The storage services, which answer at Azure's host names and at plain ports.

    ``locked`` are the ids of the resources that Resource Manager does not delete.
    """

    locked: Sequence[str]
    accounts: Accounts
    trash: Trash
    sources: CopySources
    files: AzureFiles
    blobs: AzureBlobs


@dataclass(frozen=True, slots=True)
class Services:
    """The hosts of an emulator, and the steps of its reconciler."""

    hosts: Sequence[Host]
    steps: Sequence[Step]


def development_account(identity: Identity, options: Options) -> Account:
    """The first account of an emulator of storage alone; its key is secret if other machines can reach it."""
    is_known = options.development_key or not is_open_to_others(options.listen)
    return Account(DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY if is_known else identity.storage_key)


def create_storage_services(base: Foundation, options: Options) -> StorageServices:
    """The storage services, with their first account and the configured ones."""
    accounts, trash = Accounts(base.store, base.clock, root=base.paths.storage), Trash(base.paths.trash)
    accounts.settle(trash)
    if options.only:
        group, first = "", development_account(base.identity, options)
    else:
        group = ensure_own_group(base.store, base.identity.subscription_id)
        first = Account(base.identity.storage_account, base.identity.storage_key)
    if first.key != DEVELOPMENT_KEY:
        accounts.revoke(DEVELOPMENT_KEY)
    configured = (first, *options.accounts)
    ids = [accounts.ensure(account.name, account.key, group, sku=account.sku) for account in configured]
    locked = [group, *(account_id for account_id in ids if account_id.startswith(f"{group}/"))] if group else []
    sources = CopySources(accounts, BearerAuthority(base.identity, base.tokens), delay=options.copy_delay)
    if options.seed:
        seed(accounts, first.name, options.seed)
    files = AzureFiles(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    blobs = AzureBlobs(accounts, store=base.store, clock=base.clock, trash=trash, sources=sources)
    return StorageServices(locked, accounts, trash, sources, files, blobs)


def _all_services(
    base: Foundation, storage: StorageServices, options: Options, reconciler: Reconciler, backend: Backend
) -> Services:
    """The hosts of an emulator of all services, and the steps of its reconciler."""
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
        return storage.accounts.has(identifier) or any(resources.has(identifier) for resources in tracked)

    run_tokens = RunTokens(base.identity, base.clock)
    variables = JobVariables(base.store, run_tokens, base.proxy_settings)
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
    return Services([manager, files, blobs, directory, data_plane], [engine.reconcile, manager.reconcile])


def _faults(store: Store, options: Options) -> Faults:
    """The stored fault plans, in which the plan of this start replaces that of the last start."""
    faults = Faults(store)
    faults.delete(START_PLAN)
    if options.faults:
        faults.put(options.faults)
    return faults


def create_foundation(paths: DataDirectory, store: Store, options: Options) -> Foundation:
    """The shared objects of one emulator, opened from its data directory."""
    clock, identity = SystemClock(), open_identity(paths, dict(options.applications), options.tenants)
    tokens = Tokens(identity, clock)
    faults, limits = _faults(store, options), _limits(store, options)
    return Foundation(paths, clock, identity, tokens, store, faults, limits, ProxySettings())


def _limits(store: Store, options: Options) -> SubscriptionLimits:
    """The stored limits, in which the limits of this start replace those of the last start."""
    limits = SubscriptionLimits(store)
    limits.delete(START)
    if options.limit:
        limits.put(START, options.limit)
    return limits


def create_services(
    base: Foundation, storage: StorageServices, options: Options, *, reconciler: Reconciler, backend: Backend
) -> Services:
    """The services of an emulator: all of them, or storage alone."""
    if options.only:
        return Services(
            [storage.files, storage.blobs, AzureActiveDirectory(base.identity, base.tokens, base.clock)], []
        )
    return _all_services(base, storage, options, reconciler, backend)
