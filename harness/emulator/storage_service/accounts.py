"""The storage accounts of an emulator, and the directories of their shares and containers."""

import base64
import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import get_args
from urllib.parse import quote, urlencode

from msgspec.structs import replace

from harness.clock import Clock
from harness.emulator.storage_service.model import Container, Service, ServiceSettings, Share, StorageAccount, share_key
from harness.emulator.storage_service.signatures import service_sas_text, sign
from harness.emulator.storage_service.trash import Trash
from harness.emulator.store import Store

_LINK_VERSION = "2016-05-31"  # of the links that Batch AI returned
_UPLOAD_VERSION = "2021-08-06"  # of the links that Azure Machine Learning returns
_FIRST_LOCATION = "eastus"
_DEFAULTS = ServiceSettings()
_DELETION_MARK = "!"  # in the name of a directory that is deleted, and in no name of an account


class Accounts:
    """Every storage account by its name.

    Args:
        root: the directory of ``{account}/file/{share}`` and ``{account}/blob/{container}``.
    """

    def __init__(self, store: Store, clock: Clock, *, root: Path) -> None:
        self._store = store
        self._clock = clock
        self.root = root
        store.list(ServiceSettings)  # fills the store's cache, since every request reads settings

    def get(self, name: str) -> StorageAccount | None:
        """The account of that name, or None."""
        return self._store.get(StorageAccount, name)

    def list(self, group: str = "") -> list[StorageAccount]:
        """The accounts by name.

        Args:
            group: the id of a resource group, to list only its accounts.
        """
        within = f"{group}/".lower()  # an account in no group has an empty id
        return [account for _, account in self._store.list(StorageAccount) if account.id.lower().startswith(within)]

    def settings(self, service: Service, name: str) -> ServiceSettings:
        """The settings of a service of an account, or the defaults."""
        return self._store.get(ServiceSettings, _settings_key(service, name)) or _DEFAULTS

    def keep_settings(self, service: Service, name: str, settings: ServiceSettings) -> None:
        """Store the settings of a service of an account."""
        self._store.put(_settings_key(service, name), settings)

    def cors_rules(self, service: Service, name: str) -> str:
        """The element ``Cors`` of a service's properties; empty until it was set."""
        return self.settings(service, name).elements.get("Cors", "")

    def put(self, account: StorageAccount) -> None:
        """Store an account, in place of an earlier one of its name."""
        self._store.put(account.name, account)

    @contextmanager
    def removing(self, name: str, trash: Trash) -> Iterator[None]:
        """Delete an account with everything in it, completely or not at all; the block deletes the services' records.

        The directory of the account is renamed before its records are deleted in one transaction. If the process is
        killed in between, ``settle`` renames it back.

        Raises:
            OSError, sqlite3.Error: the disk refuses; nothing has changed.
        """
        with (
            trash.removing(self.root / name, self.root / f"{name}{_DELETION_MARK}{uuid.uuid4().hex}"),
            self._store.transaction(),
        ):
            yield
            for service in get_args(Service):
                self._store.delete(ServiceSettings, _settings_key(service, name))
            self._store.delete(StorageAccount, name)

    def settle(self, trash: Trash) -> None:
        """Undo deletions that a killed process left unfinished, or finish them if the account has no record any more.

        Raises:
            OSError: the disk refuses.
        """
        for marked in self.root.glob(f"*{_DELETION_MARK}*"):
            directory = self.root / marked.name.partition(_DELETION_MARK)[0]
            if self.get(directory.name) is not None and not directory.exists():
                marked.rename(directory)
            else:
                trash.discard(marked)

    def ensure(self, name: str, key: str, group: str = "", *, sku: str = "") -> str:
        """Make sure that an account exists and has this key1; returns its id.

        Args:
            group: the id of the resource group that an account without one gets.
            sku: the SKU that the account gets; by default it keeps its own. A premium account stores files.
        """
        stored = self.get(name) or StorageAccount(name, _FIRST_LOCATION, (new_key(), new_key()), self._clock.now())
        within = f"{group}/providers/Microsoft.Storage/storageAccounts/{name}" if group else ""
        account = replace(stored, keys=(key, stored.keys[1]), id=stored.id or within)
        if sku:
            kind = "FileStorage" if sku.startswith("Premium") else "StorageV2"
            account = replace(account, sku=sku, kind=account.kind if sku == account.sku else kind)
        if account != self.get(name):
            self.put(account)
        return account.id

    def has(self, identifier: str) -> bool:
        """Whether an account with this id exists."""
        account = self.get(identifier.rpartition("/")[2].lower())
        return account is not None and account.id.lower() == identifier.lower()

    def revoke(self, key: str) -> None:
        """Replace a compromised key in every account that has it."""
        for _, account in self._store.list(StorageAccount):
            if key in account.keys:
                first, second = (new_key() if account_key == key else account_key for account_key in account.keys)
                self.put(replace(account, keys=(first, second)))

    def share_directory(self, account: str, share: str) -> Path | None:
        """The directory of a share; None if the share does not exist."""
        return self._existing_directory("file", Share, account, name=share)

    def container_directory(self, account: str, container: str) -> Path | None:
        """The directory of a container; None if the container does not exist."""
        return self._existing_directory("blob", Container, account, name=container)

    def ensure_container(self, account: str, name: str) -> Path:
        """Make sure that a container exists; returns its directory."""
        return self._ensure("blob", Container, account, name=name)

    def ensure_share(self, account: str, name: str) -> Path:
        """Make sure that a share exists; returns its directory."""
        return self._ensure("file", Share, account, name=name)

    def _existing_directory(
        self, service: Service, kind: type[Share | Container], account: str, *, name: str
    ) -> Path | None:
        return self.directory(service, account, name=name) if self._store.get(kind, share_key(account, name)) else None

    def _ensure(self, service: Service, kind: type[Share | Container], account: str, *, name: str) -> Path:
        directory = self.directory(service, account, name=name)
        directory.mkdir(mode=0o777, parents=True, exist_ok=True)
        if self._store.get(kind, share_key(account, name)) is None:
            self._store.put(share_key(account, name), kind(name=name, changed=self._clock.now()))
        return directory

    def directory(self, service: Service, account: str, *, name: str) -> Path:
        """The path of a share's or container's directory, which may not exist."""
        return self.root / account / service / name

    def blocks_directory(self, account: str, content: str) -> Path:
        """The directory of uncommitted blocks of a container's blobs; not in the container, because jobs mount that.

        Args:
            content: the container's; a later container of the same name has another.
        """
        return self.root / account / "blocks" / content

    def earlier_directory(self, account: str, content: str) -> Path:
        """The directory of the contents of earlier states of a container's blobs.

        Args:
            content: the container's; a later container of the same name has another.
        """
        return self.root / account / "earlier" / content

    def read_link(self, service: Service, account: str, *, share: str, path: str, minutes: int) -> str:
        """A URL with a SAS that reads one file or blob, as Batch AI's listOutputFiles returns it.

        Args:
            share: the share or container.
            path: the path in it, with ``/``.
            minutes: how long the link is valid, from now.

        Raises:
            KeyError: the account does not exist.
        """
        fields = {"sv": _LINK_VERSION, "sp": "rl"}
        signed = self._signed_query(service, f"{account}/{share}/{path}", fields, timedelta(minutes=minutes))
        return (
            f"https://{account}.{service}.core.windows.net/{quote(f'{share}/{path}')}?sv={_LINK_VERSION}"
            f"&sr={service[0]}&sig={quote(signed['sig'], safe='')}&se={quote(signed['se'], safe='')}&sp=rl"
        )

    def blob_link(self, account: str, container: str, path: str, *, permissions: str, minutes: int) -> str:
        """A URL of one blob, which need not exist, signed with the account's first key.

        Args:
            path: the blob's name.
            permissions: as a SAS writes them, in its order: ``rcw``.
            minutes: how long the link is valid, from now.

        Raises:
            KeyError: the account does not exist.
        """
        fields = {"sv": _UPLOAD_VERSION, "sr": "b", "sp": permissions}
        signed = self._signed_query("blob", f"{account}/{container}/{path}", fields, timedelta(minutes=minutes))
        return f"https://{account}.blob.core.windows.net/{quote(f'{container}/{path}')}?{urlencode(signed)}"

    def container_signature(self, account: str, container: str, *, permissions: str, hours: int) -> str:
        """The query of a SAS for a whole container, signed with the account's first key.

        Args:
            permissions: as a SAS writes them, in its order: ``rcwl``.
            hours: how long the SAS is valid, from now.

        Raises:
            KeyError: the account does not exist.
        """
        fields = {"sv": _UPLOAD_VERSION, "sr": "c", "sp": permissions}
        return urlencode(self._signed_query("blob", f"{account}/{container}", fields, timedelta(hours=hours)))

    def _signed_query(
        self, service: Service, resource: str, fields: dict[str, str], validity: timedelta
    ) -> dict[str, str]:
        """The fields of a SAS with its expiry and the signature of the account's first key.

        Args:
            resource: ``{account}/{share}[/{path}]``.
            fields: ``sv``, ``sp`` and, if the version signs it, ``sr``.
            validity: how long the SAS is valid, from now.

        Raises:
            KeyError: the account does not exist.
        """
        name = resource.partition("/")[0]
        account = self.get(name)
        if account is None:
            raise KeyError(name)
        signed = {**fields, "se": f"{self._clock.now() + validity:%Y-%m-%dT%H:%M:%SZ}"}
        return {**signed, "sig": sign(account.keys[0], service_sas_text(service, f"/{resource}", signed))}


def new_key() -> str:
    """A random account key."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def _settings_key(service: Service, name: str) -> str:
    return f"{service}/{name}"
