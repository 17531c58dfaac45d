"""The local paths of the uris of inputs and outputs; a datastore is a directory, which a mount shows."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from harness.emulator.engine.model.records import Workspace
from harness.emulator.providers.azureml.model.asset import (
    DATA,
    MODEL,
    AssetKind,
    AssetVersion,
    container_key,
    version_key,
)
from harness.emulator.providers.azureml.model.datastore import Datastore, datastore_key
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store

_SHORT = re.compile(r"azureml://datastores/(?P<store>[^/]+)/paths/?(?P<path>.*)", re.DOTALL)
_LONG = re.compile(
    r"azureml://subscriptions/[^/]+/resource[gG]roups/[^/]+/(?:providers/Microsoft\.MachineLearningServices/)?"
    r"workspaces/[^/]+/datastores/(?P<store>[^/]+)/paths/?(?P<path>.*)",
    re.DOTALL | re.IGNORECASE,
)
_ASSET_ID = re.compile(r".*/(?P<type>data|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)", re.DOTALL)
_ASSET_NAME = re.compile(r"azureml:(?P<name>[^:@/]+)(?::(?P<version>[^@]+)|@latest)")
_HOST = re.compile(r"(?P<account>[a-z0-9]{3,24})\.(?P<service>blob|file)\.core\.windows\.net")


class StoragePathError(Exception):
    """A uri names something that the emulator does not have; the message names it."""


@dataclass(frozen=True, slots=True)
class StoragePaths:
    """Finds the directories and files of a workspace's uris.

    Args:
        accounts: the storage accounts that hold containers and shares.
    """

    store: Store
    accounts: Accounts

    def find(self, workspace: Workspace, uri: str) -> Path:
        """The directory or file that a uri names, which may not exist; its container or share does.

        Raises:
            StoragePathError: there is no such datastore, data asset, container or share, or the path leaves it or leads
                through a symbolic link.
        """
        if match := _ASSET_NAME.fullmatch(uri):
            return self._find_uri(workspace, self._asset_uri(workspace, match["name"], match["version"]))
        if match := _ASSET_ID.fullmatch(uri):
            kinds = (DATA,) if match["type"] == "data" else (MODEL,)
            return self._find_uri(workspace, self._asset_uri(workspace, match["name"], match["version"], kinds))
        return self._find_uri(workspace, uri)

    def _find_uri(self, workspace: Workspace, uri: str) -> Path:
        """The directory or file of a uri; a data asset cannot name another data asset."""
        if match := _SHORT.fullmatch(uri) or _LONG.fullmatch(uri):
            return self._path_in_datastore(workspace, match["store"], match["path"])
        if uri.startswith("https://"):
            return self.find_address(uri)
        raise StoragePathError(f"the emulator cannot read {uri[:200]!r}; use a datastore, a data asset or its storage")

    def _path_in_datastore(self, workspace: Workspace, name: str, path: str) -> Path:
        datastore = self.store.get(Datastore, datastore_key(workspace, name))
        if datastore is None:
            raise StoragePathError(f"Could not find datastore: {name}.")
        service = "blob" if datastore.type == "AzureBlob" else "file"
        return self._path_below(datastore.account, service, datastore.store, path)

    def find_address(self, uri: str) -> Path:
        """The directory or file at an address of the emulator's storage.

        Raises:
            StoragePathError: there is no such container or share, or the path leaves it or leads through a symbolic
                link.
        """
        try:
            parts = urlsplit(uri)
            host = _HOST.fullmatch((parts.hostname or "").lower())
        except ValueError:
            raise StoragePathError(f"{uri[:200]!r} is no address") from None
        if host is None:
            raise StoragePathError(f"the emulator does not play {(parts.hostname or '')[:200]}")
        store, _, path = unquote(parts.path).strip("/").partition("/")
        return self._path_below(host["account"], host["service"], store, path)

    def _path_below(self, account: str, service: str, store: str, path: str) -> Path:
        find = self.accounts.container_directory if service == "blob" else self.accounts.share_directory
        root = find(account, store)
        if root is None:
            kind = "container" if service == "blob" else "file share"
            raise StoragePathError(f"there is no {kind} {store!r} in the storage account {account!r}")
        relative = PurePosixPath(path)
        if relative.is_absolute() or ".." in relative.parts or "\0" in path:
            raise StoragePathError(f"the path {path[:200]!r} leaves its container or share")
        location = root / relative
        if Path(os.path.realpath(location)) != Path(os.path.realpath(root)) / relative:
            # A job could have created the link to make this job read files outside of the container or share.
            raise StoragePathError(f"the path {path[:200]!r} leads through a symbolic link")
        return location

    def _asset_uri(
        self, workspace: Workspace, name: str, version: str | None, kinds: tuple[AssetKind, ...] = (DATA, MODEL)
    ) -> str:
        """The uri of a version of an asset, by default the latest. A data asset precedes a model of the same name."""
        for kind in kinds:
            if version is None:
                prefix = f"{container_key(workspace, kind, name)}/versions/"
                versions = [item for _, item in self.store.list(AssetVersion, prefix)]
                asset = max(versions, key=lambda item: item.created, default=None)
            else:
                asset = self.store.get(AssetVersion, version_key(workspace, kind, name, version))
            if asset:
                return str(asset.properties["dataUri" if kind is DATA else "modelUri"])
        kinds_text = " or ".join(kind.word for kind in kinds)
        raise StoragePathError(f"there is no {kinds_text} {name!r} of the version {version or 'latest'!r}")
