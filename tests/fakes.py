"""Stand-ins for what is too large to make in a test: a resource that is a file."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.clock import SteppingClock
from harness.interruption import Interruption
from harness.resources import Journal, Provisioning, Resource


class FileResource(Resource):
    """A resource that is the line ``made`` or ``deleted`` in a file."""

    kind = "file"

    def __init__(self, provisioning: Provisioning, path: Path) -> None:
        super().__init__(provisioning, group="g", name=path.name)
        self.path = path
        self.facts: dict[str, Any] = {}

    def create(self) -> None:
        self._write("made")
        self.facts = {"by": "the first"}

    def delete(self) -> None:
        self._write("deleted")

    def remember(self) -> dict[str, Any]:
        return self.facts

    def recall(self, facts: Any) -> None:
        self.facts = dict(facts)

    def _write(self, word: str) -> None:
        with self.path.open("a") as stream:
            stream.write(f"{word}\n")


def provisioning(directory: Path, *, interruption: Interruption | None = None, sink: Any = None) -> Provisioning:
    """What a resource needs of a cloud, without one."""
    facts = SimpleNamespace(run="run", place="nowhere", subscription_id="s")
    cloud: Any = SimpleNamespace(name="emulator", clock=SteppingClock(), facts=facts)
    nothing: Any = None
    return Provisioning(
        cloud,
        nothing,
        Journal(directory / "journal.jsonl"),
        sink or (lambda _event: None),
        run="run",
        interruption=interruption or Interruption(),
    )
