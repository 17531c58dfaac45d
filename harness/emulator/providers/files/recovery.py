"""Recovery at the start of Azure Files: it undoes or finishes the operations that a killed process left unfinished."""

import logging
import sqlite3

from msgspec.structs import replace

from harness.emulator.providers.files.deleted_shares import DeletedShares
from harness.emulator.providers.files.linked_records import links_key, links_prefix
from harness.emulator.providers.files.model import Permission, Properties
from harness.emulator.providers.files.moves import Move, complete, revert
from harness.emulator.providers.files.shares import Shares
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.directory_tree import Tree
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.intents import ContentChange, Intents
from harness.emulator.storage_service.model import DeletedShare, Share, entry_key
from harness.emulator.storage_service.rebinding import Content, Home, lost_contents, rebind
from harness.emulator.storage_service.roots import Address, identify
from harness.emulator.storage_service.unfinished_changes import revert_record, settle

Intent = ContentChange | Move

_log = logging.getLogger(__name__)


def recover(shares: Shares, accounts: Accounts) -> None:
    """Make the directories, files and records of all shares consistent."""
    _settle_directories(shares)
    directory_names = _directory_names(shares)
    accounts.root.mkdir(parents=True, exist_ok=True)
    home = Home(identify(accounts.root))
    if shares.store.get(Home, "file") != home:
        rebind(shares.store, Properties, lambda key: _find(shares, directory_names, key))
        _rekey_linked(shares, directory_names)
        shares.store.put("file", home)
    intents = Intents(shares.store)
    changes = [change for change in intents.unfinished(ContentChange) if change[1].service == "file"]
    unfinished: list[tuple[str, Intent]] = [*changes, *intents.unfinished(Move)]
    for key, intent in unfinished:
        try:
            _settle(shares, key, intent)
        except (OSError, StorageError, sqlite3.Error) as error:
            _log.warning("an unfinished change of %s stays until the next start: %s", "/".join(intent.names), error)
    DeletedShares(shares).delete_all_expired(shares.clock.now())
    _forget_lost_records(shares, directory_names)
    if not intents.unfinished(ContentChange):
        shares.trash.delete_kept()


def _settle(shares: Shares, key: str, intent: Intent) -> None:
    with shares.store.transaction():
        if isinstance(intent, Move):
            _settle_move(shares, intent)
        else:
            _settle_change(shares, intent)
        shares.store.delete(type(intent), key)


def _records(shares: Shares) -> dict[Address, tuple[str, Share, DeletedShare | None]]:
    """Key and record of each share, restorable deleted shares included, by the address of its directory."""
    records: dict[Address, tuple[str, Share, DeletedShare | None]] = {}
    for key, share in shares.store.list(Share):
        account, _, name = key.partition("/")
        records[account, name] = (key, share, None)
    for key, deleted in shares.store.list(DeletedShare):
        account, _, name = key.partition("/")
        records[account, name] = (key, deleted.share, deleted)
    return records


def _settle_directories(shares: Shares) -> None:
    records = _records(shares)
    differing = shares.roots.settle({address: share.directory for address, (_, share, _) in records.items()})
    for address, (key, share, deleted) in records.items():
        # Earlier emulators stored the records of a share's content under the name of its directory.
        content = share.content or address[1]
        updated = replace(share, directory=differing.get(address, share.directory), content=content)
        if updated != share:
            shares.store.put(key, replace(deleted, share=updated) if deleted else updated)


def _directory_names(shares: Shares) -> dict[Content, str]:
    """The name of each share's directory, by account and content as in record keys."""
    names: dict[Content, str] = {}
    for (account, name), (_, share, _) in _records(shares).items():
        account_key, content = entry_key(account, share.content, []).split("/")
        names[account_key, content] = name
    return names


def _find(shares: Shares, directory_names: dict[Content, str], key: str) -> Entry | None:
    account, content, *names = key.split("/")
    name = directory_names.get((account, content))
    if name is None:
        return None
    tree = shares.tree(account, name, links=True)
    record = shares.store.get(Properties, key)
    paths = [path.split("/") for path in record.names] if record and record.names else [names]
    try:
        return next((entry for path in paths if (entry := _entry(tree, path)) is not None), None)
    except OSError:
        return None


def _rekey_linked(shares: Shares, directory_names: dict[Content, str]) -> None:
    """Store the records of files with several names under the keys of the files that they are bound to now."""
    store = shares.store
    with store.transaction():
        linked = [
            (account, content, key, record)
            for account, content in directory_names
            for key, record in store.list(Properties, links_prefix(account, content))
        ]
        for *_, key, _ in linked:
            store.delete(Properties, key)  # delete all first: a file may have the inode number that another file had
        for account, content, _, record in linked:
            store.put(links_key(account, content, record.file), record)


def _settle_move(shares: Shares, move: Move) -> None:
    """Keep the records of the path that the file has, and delete the file that a directory has replaced."""
    tree = shares.tree(move.account, move.share, links=True)
    source, target = (_entry(tree, list(names)) for names in (move.names, move.target))
    if target is not None and target.file == move.file and source is not None and source.file == move.replaced:
        with tree.slot(list(move.names)) as slot:
            slot.remove_file()
        source = None
    # If the paths differ in casing only, both lead to the same file, and the name on disk decides.
    name_on_disk = source.name if source is not None and source.file == move.file else None
    if name_on_disk is None or move.names[-1] != move.target[-1] == name_on_disk:
        complete(shares.store, move, vacant=source is None)
    else:
        revert(shares.store, move)


def _settle_change(shares: Shares, change: ContentChange) -> None:
    if not settle(change, shares.tree(change.account, change.share, links=True), shares.trash.folder):
        revert_record(shares.store, Properties, change)


def _entry(tree: Tree, names: list[str]) -> Entry | None:
    try:
        return tree.entry(names)
    except StorageError:
        return None


def _forget_lost_records(shares: Shares, directory_names: dict[Content, str]) -> None:
    """Delete the records of files in shares that no longer exist."""
    for kind in (Properties, Permission):
        for account, content in lost_contents(shares.store, kind, directory_names):
            shares.delete_content(account, content)
