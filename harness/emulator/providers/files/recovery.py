"""Recovery at the start of Azure Files: operations that a killed process did not finish are undone or finished."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec.structs import replace

from harness.emulator.providers.files.contents import undo
from harness.emulator.providers.files.intents import ContentChange, Intent, Intents, Move
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.moves import complete, take_back
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service import sparse
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import SAFE, Entry, FileId, close, to_entry
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import DeletedShare, Share, entry_key
from harness.emulator.storage_service.rebinding import Content, Home, lost_contents, rebind
from harness.emulator.storage_service.roots import Address, identify
from harness.emulator.storage_service.system_calls import status_of

_log = logging.getLogger(__name__)
_WHILE = 60_000_000_000  # ns after its intent in which a change may have set the time of its file


def recover(shares: Shares, accounts: Accounts) -> None:
    """Make directories, files and records of all shares agree."""
    _settle_directories(shares)
    places = _places(shares)
    accounts.root.mkdir(parents=True, exist_ok=True)
    home = Home(identify(accounts.root))
    if shares.store.get(Home, "file") != home:
        rebind(shares.store, Properties, lambda key: _find(shares, places, key))
        shares.store.put("file", home)
    intents = Intents(shares.store)
    for key, intent in intents.unfinished():
        try:
            _settle(shares, key, intent)
        except (OSError, StorageError, sqlite3.Error) as error:
            _log.warning("an unfinished change of %s stays until the next start: %s", "/".join(intent.names), error)
    _forget_lost_records(shares, places)
    if not intents.unfinished():
        shares.trash.forget_kept()


def _settle(shares: Shares, key: str, intent: Intent) -> None:
    with shares.store.transaction():
        if isinstance(intent, Move):
            _settle_move(shares, intent)
        else:
            _settle_change(shares, intent)
        shares.store.delete(type(intent), key)


def _records(shares: Shares) -> dict[Address, tuple[str, Share, DeletedShare | None]]:
    """Key and record of each share by the address of its directory; deleted shares that can be restored included."""
    found: dict[Address, tuple[str, Share, DeletedShare | None]] = {}
    for key, share in shares.store.list(Share):
        account, _, name = key.partition("/")
        found[account, name] = (key, share, None)
    for key, deleted in shares.store.list(DeletedShare):
        account, _, name = key.partition("/")
        found[account, name] = (key, deleted.share, deleted)
    return found


def _settle_directories(shares: Shares) -> None:
    records = _records(shares)
    others = shares.roots.settle({address: share.directory for address, (_, share, _) in records.items()})
    for address, (key, share, deleted) in records.items():
        # Earlier emulators kept the records of a share's content under the name of its directory.
        content = share.content or address[1]
        settled = replace(share, directory=others.get(address, share.directory), content=content)
        if settled != share:
            shares.store.put(key, replace(deleted, share=settled) if deleted else settled)


def _places(shares: Shares) -> dict[Content, str]:
    """The name of each share's directory, by account and content as the keys of its records have them."""
    found: dict[Content, str] = {}
    for (account, name), (_, share, _) in _records(shares).items():
        account_key, content = entry_key(account, share.content, []).split("/")
        found[account_key, content] = name
    return found


def _find(shares: Shares, places: dict[Content, str], key: str) -> Entry | None:
    account, content, *names = key.split("/")
    name = places.get((account, content))
    if name is None:
        return None
    try:
        return shares.tree(account, name).entry(names)
    except (StorageError, OSError):
        return None


def _settle_move(shares: Shares, move: Move) -> None:
    """Keep the records of the path that the file has, and delete the file that a directory has replaced."""
    tree = shares.tree(move.account, move.share)
    source, target = (_entry(tree, list(names)) for names in (move.names, move.target))
    if target is not None and target.file == move.file and source is not None and source.file == move.replaced:
        with tree.slot(list(move.names)) as slot:
            slot.remove_file()
        source = None
    # If the paths differ in casing only, both lead to the same file, and the spelling on disk decides.
    spelled = source.name if source is not None and source.file == move.file else None
    if spelled is None or move.names[-1] != move.target[-1] == spelled:
        complete(shares.store, move, vacant=source is None)
    else:
        take_back(shares.store, move)


def _settle_change(shares: Shares, change: ContentChange) -> None:
    """Undo an unfinished write, and finish a change that cannot be undone."""
    tree = shares.tree(change.account, change.share)
    with _opened(tree, change) as descriptor:
        if descriptor is None:
            return
        state = to_entry("", status_of(descriptor)).state
        if state == change.after:
            return
        begun = state != change.before
        if begun and abs(state[1] - change.at) > _WHILE:
            return  # a job has written to the file since then, and its bytes must stay
        if begun and change.kind != "write":
            _finish(change, descriptor)
            return
        if begun:
            undo(change, descriptor, shares.trash.folder)
    record = shares.store.get(Properties, change.key)
    if record is not None and record.file == change.file and record.state == change.after and record.previous:
        shares.store.put(change.key, record.previous)


def _finish(change: ContentChange, descriptor: int) -> None:
    if change.kind == "clear":
        sparse.clear(descriptor, change.first, change.end - change.first)
    else:
        os.truncate(descriptor, change.after[0])
    os.utime(descriptor, ns=(os.fstat(descriptor).st_atime_ns, change.after[1]))


@contextmanager
def _opened(tree: Tree, change: ContentChange) -> Iterator[int | None]:
    """A descriptor of the file, also if a job has renamed it; None if it does not exist any more."""
    names = _located(tree, list(change.names), change.file)
    if names is None:
        yield None
        return
    descriptor = tree.descriptor(names, os.O_RDWR | SAFE)
    try:
        yield descriptor
    finally:
        close(descriptor)


def _located(tree: Tree, names: list[str], file: FileId) -> list[str] | None:
    entry = _entry(tree, names)
    if entry is not None and entry.file == file:
        return names
    return next((path.split("/") for path, each in tree.walk([]) if each.file == file), None)


def _entry(tree: Tree, names: list[str]) -> Entry | None:
    try:
        return tree.entry(names)
    except StorageError:
        return None


def _forget_lost_records(shares: Shares, places: dict[Content, str]) -> None:
    """Delete the records of files in shares that do not exist any more."""
    for kind in (Properties, Permission):
        for account, content in lost_contents(shares.store, kind, places):
            shares.forget_content(account, content)
