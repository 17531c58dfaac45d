"""Recovery when blob storage starts: undoes or finishes the operations that a killed process did not finish."""

import logging
import sqlite3
from collections.abc import Callable

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.earlier import SEPARATOR, EarlierBlob, current_state, is_kept
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.intents import ContentChange, Intents
from harness.emulator.storage_service.model import Container
from harness.emulator.storage_service.rebinding import Content, Home, lost_contents, rebind
from harness.emulator.storage_service.roots import identify
from harness.emulator.storage_service.unfinished_changes import revert_record, settle

_KINDS = (Blob, Folder)
_BATCH = 500  # records settled in one transaction

_log = logging.getLogger(__name__)


def recover(containers: Containers, accounts: Accounts) -> None:
    """Make the directories, files and records of all containers consistent."""
    _settle_directories(containers)
    names = {
        (key.partition("/")[0], container.content): container.name
        for key, container in containers.store.list(Container)
    }
    accounts.root.mkdir(parents=True, exist_ok=True)
    home = Home(identify(accounts.root))
    _settle_earlier(containers, accounts, lambda key: _find(containers, names, key))
    if containers.store.get(Home, "blob") != home:
        for kind in _KINDS:
            rebind(containers.store, kind, lambda key: _find(containers, names, key))
        containers.store.put("blob", home)
    _settle_changes(containers, names)
    for record_type in (*_KINDS, EarlierBlob):
        for account, content in lost_contents(containers.store, record_type, names):
            containers.delete_content(account, content)
    for pattern in ("*/blocks/*", "*/earlier/*"):
        for directory in accounts.root.glob(pattern):
            if (directory.parent.parent.name, directory.name) not in names:
                containers.trash.discard(directory)


def _settle_changes(containers: Containers, names: dict[Content, str]) -> None:
    """Undo or finish changes of the content of blobs that a killed process did not finish."""
    intents, store = Intents(containers.store), containers.store
    for key, change in intents.unfinished(ContentChange):
        if change.service != "blob":
            continue
        name = names.get((change.account, change.share))
        try:
            with store.transaction():
                if name is not None and not settle(
                    change, containers.tree(change.account, name), containers.trash.folder
                ):
                    revert_record(store, Blob, change)
                store.delete(ContentChange, key)
        except (OSError, StorageError, sqlite3.Error) as error:
            _log.warning("an unfinished change of %s remains until the next start: %s", "/".join(change.names), error)
    if not intents.unfinished(ContentChange):
        containers.trash.delete_kept()


def _settle_directories(containers: Containers) -> None:
    records = {(key.partition("/")[0], record.name): (key, record) for key, record in containers.store.list(Container)}
    directories = containers.roots.settle({address: record.directory for address, (_, record) in records.items()})
    for address, (key, record) in records.items():
        # Earlier versions of the emulator used the container's name in the keys of the records of its blobs.
        directory, content = directories.get(address, record.directory), record.content or record.name
        if (directory, content) != (record.directory, record.content):
            containers.store.put(key, replace(record, directory=directory, content=content))


def _settle_earlier(containers: Containers, accounts: Accounts, find: Callable[[str], Entry | None]) -> None:
    """Finish or undo the changes of earlier states; delete expired states and files without a record."""
    store, now, after = containers.store, containers.clock.now(), ""
    copied = store.get(Home, "blob") != Home(identify(accounts.root))
    needed: set[str] = set()
    while records := store.list(EarlierBlob, after=after, limit=_BATCH):
        with store.transaction():
            for key, record in records:
                entry = find(key.rpartition(SEPARATOR)[0]) if record.turn else None
                state = current_state(record, entry, copied=copied)
                if state is None or not is_kept(state, now):
                    store.delete(EarlierBlob, key)
                    continue
                needed.add(state.file)
                if record.turn is not None:
                    store.put(key, EarlierBlob(now=state))
        after = records[-1][0]
    for file in accounts.root.glob("*/earlier/*/*"):
        if file.name not in needed:
            containers.trash.discard(file)


def _find(containers: Containers, names: dict[Content, str], key: str) -> Entry | None:
    account, content, *path = key.split("/")
    name = names.get((account, content))
    if name is None:
        return None
    try:
        return containers.tree(account, name).entry(path)
    except (StorageError, OSError):
        return None
