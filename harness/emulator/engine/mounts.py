"""The directories of this machine behind mounted volumes."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from harness.emulator.engine.model.address import Address, parse_resource_id
from harness.emulator.engine.model.mount_paths import MountedPath, Volume
from harness.emulator.engine.model.records import FileServer, Problem
from harness.emulator.storage_service import Accounts
from harness.emulator.store import Store


class MountError(Exception):
    """A volume cannot be mounted; ``problem`` is what the service reports."""

    def __init__(self, code: str, message: str, info: str) -> None:
        super().__init__(f"{message}: {info}")
        self.problem = Problem(code, message, (("Info", info[:1000]),))


# Codes and sentences of the service, as users have reported them; the last two are not the service's.
_REFUSALS: Mapping[str, tuple[str, str]] = {
    "file": ("AZFMountError", "Unable to mount Azure File"),
    "blob": ("BFSMountError", "unable to mount blob fuse file system"),
    "server": ("NFSMountError", "Unable to mount file server"),
    "command": ("UnmanagedMountError", "Unable to mount unmanaged file system"),
}


class Mounts:
    """Finds the directories behind volumes.

    Args:
        servers: the folder that holds the data of every file server.
    """

    def __init__(self, store: Store, accounts: Accounts, *, servers: Path) -> None:
        self._store = store
        self._accounts = accounts
        self._servers = servers

    def directory(self, volume: Volume, keys: Mapping[str, str]) -> Path:
        """The directory behind a volume.

        Args:
            keys: the account keys of the definition, by mount path.

        Raises:
            MountError: the share, container or file server does not exist, or the key is not its account's.
        """
        if volume.source == "server":
            return self._server(volume)
        if volume.source == "command":
            text = "only the job sees what a mount command mounts; the service can store no files there"
            raise MountError(*_REFUSALS["command"], text)
        return self._storage(volume, keys.get(volume.path))

    def find_directory(self, path: MountedPath) -> Path | None:
        """The directory of a path on this machine, without a check of keys; None if its volume does not exist."""
        try:
            return self.directory(path.volume, {}) / path.inner
        except MountError:
            return None

    def server_directory(self, server: FileServer) -> Path:
        """The data of a file server."""
        return self._servers / server.incarnation

    def find_server(self, identifier: str) -> FileServer | None:
        """Find a file server by an id with or without a workspace; None if there is none."""
        match = parse_resource_id(identifier, "fileServers")
        if match is None:
            return None
        if match["workspace"]:
            names = (match["workspace"], match["name"])
            key = Address(match["subscription"], match["group"], names).key("file_server")
            return self._store.get(FileServer, key)
        prefix = Address(match["subscription"], match["group"], ("migrated-",)).key("workspace")
        ending = f"/fileservers/{match['name']}".lower()
        servers = (server for key, server in self._store.list(FileServer, prefix) if key.endswith(ending))
        return next(servers, None)

    def _storage(self, volume: Volume, key: str | None) -> Path:
        error, noun = _REFUSALS[volume.source], "container" if volume.source == "blob" else "share"
        account = self._accounts.get(volume.account)
        if account is None:
            raise MountError(*error, f"storage account {volume.account} does not exist")
        if key is not None and key not in account.keys:
            raise MountError(*error, f"the key is not one of storage account {volume.account}")
        find = self._accounts.container_directory if volume.source == "blob" else self._accounts.share_directory
        directory = find(volume.account, volume.name)
        if directory is None:
            raise MountError(*error, f"{noun} {volume.name} of account {volume.account} does not exist")
        return directory

    def _server(self, volume: Volume) -> Path:
        error = _REFUSALS["server"]
        server = self.find_server(volume.account)
        if server is None or not server.provisioned:
            raise MountError(*error, f"file server {volume.account} does not exist")
        inner = PurePosixPath(volume.name.strip("/"))
        if ".." in inner.parts or "\0" in volume.name:
            raise MountError(*error, f"{volume.name} is not a directory of the file server")
        directory = self.server_directory(server) / inner
        directory.mkdir(parents=True, exist_ok=True)
        return directory
