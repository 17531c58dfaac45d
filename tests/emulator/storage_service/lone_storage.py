"""The storage services in this process: the real handlers over a real store and directory, without a listener."""

import asyncio
import base64
import logging
from collections.abc import Iterator, MutableMapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.clock import Clock
from harness.emulator.context import Request, Response
from harness.emulator.paths import DataDirectory
from harness.emulator.providers.blobs import AzureBlobs
from harness.emulator.providers.files import AzureFiles
from harness.emulator.providers.storage import StorageProvider
from harness.emulator.storage_service import Accounts, CopySources, PathStyle, Trash
from harness.emulator.storage_service.model import ServiceSettings
from harness.emulator.storage_service.signatures import shared_key_texts, sign
from harness.emulator.store import Store
from harness.emulator.wire import http_date
from tests.emulator.storage_service.lone_authority import authority, identity

OTHER = "other"  # an account in a resource group, which can be deleted
KEEPING = "keeping"  # an account with soft delete of blobs
VERSIONED = "versioned"  # an account with versioning of blobs
ACCOUNT, KEY = "mine", base64.b64encode(b"k" * 64).decode()
VERSION = "2025-05-05"


@dataclass(frozen=True)
class Call:
    """One request: ``service`` is ``file`` or ``blob``; ``path`` begins at the share and may have a query.

    The service ``account`` is Resource Manager, which deletes the other account, or disables its soft delete of
    shares.
    """

    service: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    account: str = ACCOUNT


@dataclass(frozen=True)
class StorageResponse:
    """A response; names of headers are in lower case."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class LoneStorage:
    """Both services on one data directory."""

    def __init__(self, store: Store, paths: DataDirectory, clock: Clock, *, is_new: bool) -> None:
        self.clock = clock
        self.store = store
        accounts = Accounts(store, clock, root=paths.storage)
        trash, sources = Trash(paths.trash), CopySources(accounts, authority(clock))
        accounts.settle(trash)
        accounts.ensure(ACCOUNT, KEY)
        accounts.ensure(KEEPING, KEY)
        accounts.ensure(VERSIONED, KEY)
        store.put(f"blob/{VERSIONED}", ServiceSettings(versions=True))
        if is_new:
            accounts.ensure(OTHER, KEY, "/subscriptions/s/resourceGroups/g")
        files = AzureFiles(accounts, store=store, clock=clock, trash=trash, sources=sources)
        blobs = AzureBlobs(accounts, store=store, clock=clock, trash=trash, sources=sources)
        self._resource_provider = StorageProvider(
            identity(), accounts, store=store, clock=clock, trash=trash, services=[files, blobs]
        )
        self._hosts = {"file": PathStyle(files), "blob": PathStyle(blobs)}
        self.directory = paths.storage / ACCOUNT

    async def ask(self, call: Call) -> StorageResponse:
        """Send a request, signed with the account's key."""
        if call.service == "account":
            return self._delete_account() if call.method == "DELETE" else self._keep_no_deleted_share()
        path, _, query = call.path.partition("?")
        target = f"/{call.account}/{quote(path)}" + (f"?{query}" if query else "")
        headers = {"host": "127.0.0.1", "x-ms-version": VERSION, "x-ms-date": http_date(self.clock.now())}
        headers |= {"content-length": str(len(call.body))} | dict(call.headers)
        texts = shared_key_texts(call.method, call.account, raw_target=target.encode(), headers=headers)
        headers["authorization"] = f"SharedKey {call.account}:{sign(KEY, next(texts))}"
        scope = {
            "type": "http",
            "method": call.method,
            "scheme": "http",
            "path": f"/{call.account}/{path}",
            "raw_path": target.partition("?")[0].encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "state": {"connection": _Connection()},
        }
        return await _respond(self._hosts[call.service], scope, call.body)

    def _keep_no_deleted_share(self) -> StorageResponse:
        self.store.put(f"file/{OTHER}", ServiceSettings(share_retention=0))
        return StorageResponse(200, (), b"")

    def _delete_account(self) -> StorageResponse:
        try:
            self._resource_provider.begin_group_delete("s", "g")
        except Exception:  # as the emulator does
            logging.getLogger(__name__).exception("the account was not deleted")
            return StorageResponse(500, (), b"")
        return StorageResponse(200, (), b"")


@contextmanager
def lone_storage(root: Path, clock: Clock) -> Iterator[LoneStorage]:
    """Start the services on a data directory, as an emulator does, and release it at the end."""
    paths = DataDirectory(root)
    is_new = not paths.database.exists()
    paths.prepare()
    with closing(Store(paths.database)) as store:
        yield LoneStorage(store, paths, clock, is_new=is_new)


class _Connection:
    """A connection that never ends."""

    def trust(self) -> None:
        """Do nothing."""


async def _respond(host: PathStyle, scope: dict[str, Any], body: bytes) -> StorageResponse:
    events = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> MutableMapping[str, Any]:
        return next(events, {"type": "http.disconnect"})

    try:
        response = await host.handle(Request(scope, receive))
    except Exception:  # as the emulator does
        logging.getLogger(__name__).exception("%s %s failed", scope["method"], scope["path"])
        response = host.broken()
    headers = tuple((name.lower(), value) for name, value in response.headers)
    return StorageResponse(response.status, headers, await _content(response))


async def _content(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    return b"".join([piece async for piece in response.body])


def run(storage: LoneStorage, *calls: Call) -> list[StorageResponse]:
    """Send requests one after the other."""

    async def all_of_them() -> list[StorageResponse]:
        return [await storage.ask(call) for call in calls]

    return asyncio.run(all_of_them())
