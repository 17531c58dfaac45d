"""Resources that several processes share: the first makes them, the last one out deletes them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from harness.atomic_file import write_file
from harness.file_lock import is_locked, lock_file


class Shareable(Protocol):
    """A resource, as far as sharing it is concerned."""

    kind: str
    group: str
    name: str

    def open(self) -> None:
        """Make it."""

    def close(self) -> None:
        """Delete it, also what is half made."""

    def remember(self) -> dict[str, Any]:
        """What another process that shares it has to know, as JSON can say it."""

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Take what ``remember`` returned in the process that made it."""


R = TypeVar("R", bound=Shareable)


class Leases:
    """Who uses what, in files of a directory that the processes share.

    A holder keeps a lock on a file of its own for as long as it lives; the kernel drops the lock of a killed one, so
    nobody waits for it, and the last of the living deletes.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @contextmanager
    def shared(self, resource: R) -> Iterator[R]:
        """The resource, made by this process or by another that still uses it."""
        identity = f"{resource.kind}\0{resource.group}\0{resource.name}"
        place = self._directory / hashlib.sha256(identity.encode()).hexdigest()[:16]
        place.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            with lock_file(place / "lock", wait=None):
                _make_or_join(place, resource)
                stack.enter_context(lock_file(_next_holder(place)))
            try:
                yield resource
            finally:
                with lock_file(place / "lock", wait=None):
                    stack.close()
                    if not _holders(place):
                        (place / "made.json").unlink(missing_ok=True)
                        resource.close()


def _make_or_join(place: Path, resource: Shareable) -> None:
    made = place / "made.json"
    if made.exists():
        if _holders(place):
            resource.recall(json.loads(made.read_text(encoding="utf-8")))
            return
        made.unlink()  # all its holders were killed: what they made is not to be trusted
        resource.close()
    resource.open()
    write_file(made, json.dumps(resource.remember()).encode())


def _next_holder(place: Path) -> Path:
    """The file of another holder, who locks it for as long as it lives."""
    number = 1 + max((int(path.suffix[1:]) for path in place.glob("holder.*")), default=0)
    return place / f"holder.{number}"


def _holders(place: Path) -> int:
    """How many live; the files of those that do not are removed."""
    return sum(_is_held(path) for path in place.glob("holder.*"))


def _is_held(path: Path) -> bool:
    if is_locked(path):
        return True
    path.unlink()
    return False
