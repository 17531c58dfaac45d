"""The names of the files in an emulator's data directory; no other module knows them."""

import re
from dataclasses import dataclass
from pathlib import Path

from harness.request_entry import LOG_NAME

_FOLDERS = ("storage", "trash", "nodes", "jobs")
_FILE = r"(lock|temporary|(endpoint|identity|ports)\.json|emulator\.(db|log)|(ca|server)\.pem|requests\.log(\.1)?)"
# Files, those that SQLite adds to its database, damaged files that were moved aside, and unfinished new files.
_FILES = re.compile(
    rf"{_FILE}(\.damaged-[0-9]+)?(-wal|-shm|-journal)?|temporary\.new|\.{_FILE}\.[a-z0-9_]{{1,8}}", re.ASCII
)


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The files of one emulator; only their owner can read ``root``."""

    root: Path

    def prepare(self) -> None:
        """Create the directory and its folders."""
        for folder in (self.root, self.storage, self.nodes, self.jobs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def lock(self) -> Path:
        """The file that an emulator locks by ``flock`` while it serves the directory; it holds the process id."""
        return self.root / "lock"

    @property
    def temporary(self) -> Path:
        """The mark of a directory that ends with its launcher, which locks the file by ``flock`` while it lives."""
        return self.root / "temporary"

    @property
    def endpoint(self) -> Path:
        """The addresses of the running emulator, and the credentials that it accepts; JSON, owner only."""
        return self.root / "endpoint.json"

    @property
    def identity(self) -> Path:
        """Tenant, applications and first storage account, created once; JSON, owner only."""
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
        """The output of a detached emulator."""
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
        """Key and certificate of the listeners, owner only."""
        return self.root / "server.pem"

    @property
    def storage(self) -> Path:
        """Shares and containers, ``<account>/<service>/<name>``."""
        return self.root / "storage"

    @property
    def trash(self) -> Path:
        """Shares and containers that are being deleted; on the same file system as ``storage``."""
        return self.root / "trash"

    @property
    def nodes(self) -> Path:
        """One folder for each cluster and each file server."""
        return self.root / "nodes"

    @property
    def jobs(self) -> Path:
        """One folder for each run of a job and each set-up task."""
        return self.root / "jobs"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of the data directory."""
        return tuple(self.root / name for name in _FOLDERS)

    def is_own_entry(self, path: Path) -> bool:
        """Whether an entry of the directory has the name and the type of one that an emulator creates."""
        if path.is_symlink():
            return False
        return path.is_dir() if path.name in _FOLDERS else path.is_file() and _FILES.fullmatch(path.name) is not None
