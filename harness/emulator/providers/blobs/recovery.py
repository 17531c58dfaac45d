"""Recovery at the start of blob storage: operations that a killed process did not finish are undone or finished."""

from msgspec.structs import replace

from harness.emulator.providers.blobs.containers import Containers
from harness.emulator.providers.blobs.model import Blob, Folder
from harness.emulator.storage_service.accounts import Accounts
from harness.emulator.storage_service.entries import Entry
from harness.emulator.storage_service.errors import StorageError
from harness.emulator.storage_service.model import Container
from harness.emulator.storage_service.rebinding import Content, Home, lost_contents, rebind
from harness.emulator.storage_service.roots import identify

_KINDS = (Blob, Folder)


def recover(containers: Containers, accounts: Accounts) -> None:
    """Make directories, files and records of all containers agree."""
    _settle_directories(containers)
    names = {
        (key.partition("/")[0], container.content): container.name
        for key, container in containers.store.list(Container)
    }
    accounts.root.mkdir(parents=True, exist_ok=True)
    home = Home(identify(accounts.root))
    if containers.store.get(Home, "blob") != home:
        for kind in _KINDS:
            rebind(containers.store, kind, lambda key: _find(containers, names, key))
        containers.store.put("blob", home)
    for kind in _KINDS:
        for account, content in lost_contents(containers.store, kind, names):
            containers.forget_content(account, content)
    for blocks in accounts.root.glob("*/blocks/*"):
        if (blocks.parent.parent.name, blocks.name) not in names:
            containers.trash.discard(blocks)


def _settle_directories(containers: Containers) -> None:
    found = {(key.partition("/")[0], record.name): (key, record) for key, record in containers.store.list(Container)}
    others = containers.roots.settle({address: record.directory for address, (_, record) in found.items()})
    for address, (key, record) in found.items():
        # Earlier emulators kept the records of what is in a container under its name.
        directory, content = others.get(address, record.directory), record.content or record.name
        if (directory, content) != (record.directory, record.content):
            containers.store.put(key, replace(record, directory=directory, content=content))


def _find(containers: Containers, names: dict[Content, str], key: str) -> Entry | None:
    account, content, *path = key.split("/")
    name = names.get((account, content))
    if name is None:
        return None
    try:
        return containers.tree(account, name).entry(path)
    except (StorageError, OSError):
        return None
