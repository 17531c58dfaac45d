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
    """A resource that processes can share."""

    kind: str
    group: str
    name: str

    def open(self) -> None:
        """Create it."""

    def close(self) -> None:
        """Delete it, also if its creation did not finish."""

    def remember(self) -> dict[str, Any]:
        """What another process that shares it must know, as a JSON object."""

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Restore what ``remember`` returned in the process that created it."""


R = TypeVar("R", bound=Shareable)


class Leases:
    """Records of which processes use which resources, in files of a directory that the processes share.

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
        made.unlink()  # all its holders were killed, so what they made may be incomplete
        resource.close()
    resource.open()
    write_file(made, json.dumps(resource.remember()).encode())


def _next_holder(place: Path) -> Path:
    """The file of a new holder, who locks it for as long as it lives."""
    number = 1 + max((int(path.suffix[1:]) for path in place.glob("holder.*")), default=0)
    return place / f"holder.{number}"


def _holders(place: Path) -> int:
    """How many holders live; the files of the others are removed."""
    return sum(_is_held(path) for path in place.glob("holder.*"))


def _is_held(path: Path) -> bool:
    if is_locked(path):
        return True
    path.unlink()
    return False
