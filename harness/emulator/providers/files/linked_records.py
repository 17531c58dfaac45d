"""Records of files with several names, on NFS shares: one record for all names, under a key of the file itself."""

from collections.abc import Sequence

from msgspec.structs import replace

from harness.emulator.providers.files.model import Properties
from harness.emulator.providers.files.paths import SharePath
from harness.emulator.providers.files.share_properties import is_nfs
from harness.emulator.storage_service.best_effort import best_effort
from harness.emulator.storage_service.entries import Entry, FileId
from harness.emulator.storage_service.model import entry_key
from harness.emulator.store import Store


def links_key(account: str, content: str, file: FileId) -> str:
    """The key of the record of a file with several names. It is not the key of any path, since names hold no colon."""
    return f"{links_prefix(account, content)}{file[0]}-{file[1]}"


def links_prefix(account: str, content: str) -> str:
    """The prefix of the keys of all records of files with several names in a share."""
    return entry_key(account, content, [":links", ""])


def forget_replaced(store: Store, path: SharePath, replaced: Entry) -> None:
    """Delete the record of a file that had several names, once another file has replaced the last of them.

    Args:
        path: the path of that name.
        replaced: the replaced file, as it was before.
    """
    if is_nfs(path.share) and replaced.links == 1:
        with best_effort("the record of a replaced file cannot be deleted"):
            store.delete(Properties, links_key(path.account, path.share.content, replaced.file))


def rename_linked(store: Store, key: str, old: Sequence[str], new: Sequence[str]) -> None:
    """Change the recorded names of files with several names whose directory was renamed.

    Args:
        key: the key of the directory's record, which begins with account and content.
        old: the path that the directory had.
        new: its path now.
    """
    account, content, _ = key.split("/", 2)
    folded = [name.casefold() for name in old]

    def renamed(path: str) -> str:
        names = path.split("/")
        is_below = [name.casefold() for name in names[: len(folded)]] == folded
        return "/".join([*new, *names[len(folded) :]]) if is_below else path

    for linked, record in store.list(Properties, links_prefix(account, content)):
        names = tuple(map(renamed, record.names))
        if names != record.names:
            store.put(linked, replace(record, names=names))
