"""What may exist in a cloud: written, and on the disk, before it is created."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a resource of a run is about to be created, or is deleted."""

    run: str
    kind: str
    group: str
    name: str
    state: Literal["creating", "deleted"]


class Journal:
    """An append-only file of entries; several processes may append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, entry: Entry) -> None:
        """Return when the entry is on the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # The newline in front keeps the torn line of a killed run from swallowing this one.
            os.write(handle, f"\n{json.dumps(asdict(entry))}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)

    def left(self) -> list[Entry]:
        """What was created and not deleted, last-made-first; a torn line of a killed run is passed over."""
        live: dict[tuple[str, str, str, str], Entry] = {}
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for line in lines:
            try:
                entry = Entry(**json.loads(line))
            except (ValueError, TypeError):
                continue
            key = (entry.run, entry.kind, entry.group, entry.name)
            live.pop(key, None)
            if entry.state == "creating":
                live[key] = entry
        return list(reversed(live.values()))
