"""Resources that several processes share: the first process creates them, the last deletes them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.atomic_file import write_file
from harness.file_lock import is_locked, lock_file


class Shareable(Protocol):
    """A resource that processes can share."""

    kind: str
    group: str
    name: str

    def open(self) -> None:
        """Create it."""

    def close(self) -> None:
        """Delete it, also if its creation did not finish."""

    def remember(self) -> dict[str, Any]:
        """The facts that another process needs in order to share it, as a JSON object."""

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Restore what ``remember`` returned in the process that created it."""


R = TypeVar("R", bound=Shareable)


class Leases:
    """Records of which processes use which resources, in files of a directory that the processes share.

    Each holder locks its own file while it lives. The kernel releases the lock of a killed holder, so no process waits
    for a dead one, and the last living holder deletes the resource.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def shared(self, resource: R) -> Iterator[R]:
        """The resource, created by this process or by another that still uses it."""
        identity = f"{resource.kind}\0{resource.group}\0{resource.name}"
        directory = self._directory / hashlib.sha256(identity.encode()).hexdigest()[:16]
        directory.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with lock_file(directory / "lock", wait=None):
                _create_or_join(directory, resource)
                stack.enter_context(lock_file(_next_holder(directory)))
            try:
                yield resource
            finally:
                with lock_file(directory / "lock", wait=None):
                    stack.close()
                    if not _living_holders(directory):
                        (directory / "made.json").unlink(missing_ok=True)
                        resource.close()


def _create_or_join(directory: Path, resource: Shareable) -> None:
    record = directory / "made.json"
    if record.exists():
        if _living_holders(directory):
            resource.recall(json.loads(record.read_text(encoding="utf-8")))
            return
        record.unlink()  # all holders were killed, so the resource may be incomplete
        resource.close()
    resource.open()
    write_file(record, json.dumps(resource.remember()).encode())


def _next_holder(directory: Path) -> Path:
    """The file of a new holder, which locks it while it lives."""
    number = 1 + max((int(path.suffix[1:]) for path in directory.glob("holder.*")), default=0)
    return directory / f"holder.{number}"


def _living_holders(directory: Path) -> int:
    """The number of living holders; files of dead ones are removed."""
    return sum(_is_held(path) for path in directory.glob("holder.*"))


def _is_held(path: Path) -> bool:
    if is_locked(path):
        return True
    path.unlink()
    return False
