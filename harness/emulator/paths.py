"""The only place that knows the names of files in an emulator's data directory."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness.request_entry import LOG_NAME

_FOLDERS = ("storage", "trash", "nodes", "jobs")
_FILE = r"(lock|temporary|(endpoint|identity|ports)\.json|emulator\.(db|log)|(ca|server)\.pem|requests\.log(\.1)?)"
# Files, those that belong to SQLite's, damaged ones that were moved aside, and the beginnings of new ones.
_FILES = re.compile(
    rf"{_FILE}(\.damaged-[0-9]+)?(-wal|-shm|-journal)?|temporary\.new|\.{_FILE}\.[a-z0-9_]{{1,8}}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The files of one emulator; ``root`` is readable by its owner alone."""

    root: Path

    def prepare(self) -> None:
        """Make the directory and its folders."""
        for folder in (self.root, self.storage, self.nodes, self.jobs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        """Held, by ``flock``, for as long as an emulator serves the directory; holds its process id."""
        return self.root / "lock"

    @property
    def temporary(self) -> Path:
        """There in a directory that ends with its launcher, who holds it by ``flock`` for as long as it lives."""
        return self.root / "temporary"

    @property
    def endpoint(self) -> Path:
        """Where the running emulator answers, and the credentials it accepts; JSON, owner only."""
        return self.root / "endpoint.json"

    @property
    def identity(self) -> Path:
        """Tenant, application and first storage account, made once; JSON, owner only."""
        return self.root / "identity.json"

    @property
    def ports(self) -> Path:
        """The ports of the last start, which the next one takes if they are free; JSON."""
        return self.root / "ports.json"

    @property
    def database(self) -> Path:
        """The store."""
        return self.root / "emulator.db"

    @property
    def log(self) -> Path:
        """What a detached emulator prints."""
        return self.root / "emulator.log"

    @property
    def requests(self) -> Path:
        """The log of requests, one JSON line each, owner only."""
        return self.root / LOG_NAME

    @property
    def authority(self) -> Path:
        """The certificate of the emulator's own authority, which clients trust."""
        return self.root / "ca.pem"

    @property
    def server_certificate(self) -> Path:
        """Key and certificate of the listener, owner only."""
        return self.root / "server.pem"

    @property
    def storage(self) -> Path:
        """Shares and containers, ``<account>/<service>/<name>``."""
        return self.root / "storage"

    @property
    def trash(self) -> Path:
        """Deleted shares and containers until they are gone; on the same file system as ``storage``."""
        return self.root / "trash"

    @property
    def nodes(self) -> Path:
        """One folder a cluster node."""
        return self.root / "nodes"

    @property
    def jobs(self) -> Path:
        """One folder an incarnation of a job."""
        return self.root / "jobs"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All of its folders."""
        return tuple(self.root / name for name in _FOLDERS)

    def made(self, path: Path) -> bool:
        """Whether an entry of the directory is one that an emulator makes, by its name and its kind."""
        if path.is_symlink():
            return False
        return path.is_dir() if path.name in _FOLDERS else path.is_file() and _FILES.fullmatch(path.name) is not None
