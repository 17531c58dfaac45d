"""What a recorded job wrote, done again by a stand-in that keeps step with the player."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.recording.interactions import Interaction

# In place of a training script: writes what the recorded job wrote, as far as the player has come.
_JOB = """\
import json, os, pathlib, sys, time
place = pathlib.Path({place!r})
while True:
    plan = json.loads((place / "plan.json").read_text())
    for stream, name in ((sys.stdout, "stdout.txt"), (sys.stderr, "stderr.txt")):
        text = (place / name).read_bytes()[: plan["sizes"].get(name)]
        os.write(stream.fileno(), text[os.fstat(stream.fileno()).st_size :])
    if plan["ends"]:
        for path in (place / "outputs").rglob("*.*"):
            target = pathlib.Path(os.environ["AZ_BATCHAI_OUTPUT_" + path.parent.name]) / path.name
            target.write_bytes(path.read_bytes())
        sys.exit(plan["exit_code"])
    time.sleep(0.01)
"""


@dataclass
class RecordedJob:
    """What a trial's job wrote, from the cassette of the trial, in a directory that the stand-in reads."""

    place: Path
    ends: bool = False
    exit_code: int = 0
    sizes: dict[str, int] = field(default_factory=lambda: {"stdout.txt": 0, "stderr.txt": 0})

    @property
    def script(self) -> bytes:
        """The stand-in."""
        return _JOB.format(place=str(self.place)).encode()

    def begin(self, story: Sequence[Interaction]) -> None:
        """Take what the story tells of the job's files."""
        self.ends, self.sizes = False, {"stdout.txt": 0, "stderr.txt": 0}
        for name in self.sizes:
            (self.place / name).write_bytes(_downloaded(story, name))
        shutil.rmtree(self.place / "outputs", ignore_errors=True)
        for directory, file, size in _listed(story):
            if directory != "stdouterr":
                target = self.place / "outputs" / directory / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_downloaded(story, file) or bytes(size))
        self.tell()

    def tell(self) -> None:
        """How far the job may come."""
        beside = self.place / "plan.part"
        beside.write_text(json.dumps({"sizes": self.sizes, "ends": self.ends, "exit_code": self.exit_code}))
        beside.replace(self.place / "plan.json")

    def end(self) -> None:
        """Let it end at once, however far it is: a job outlives its emulator."""
        self.ends = True
        self.tell()

    def come_to(self, item: Interaction) -> None:
        """Let the job do what it had done when an answer was given."""
        name = Path(urlsplit(item.request.uri).path).name
        if name in self.sizes and item.request.method == "HEAD":
            self.sizes[name] = int(item.response.headers["content-length"])
        for directory, file, size in _listed([item]):
            if directory == "stdouterr" and file in self.sizes:
                self.sizes[file] = size
        ended = re.search(rb'"exitCode": ?(\d+)', item.response.body)
        if ended:
            self.ends, self.exit_code = True, int(ended[1])
            self.sizes = {name: (self.place / name).stat().st_size for name in self.sizes}
        self.tell()


def _downloaded(story: Sequence[Interaction], name: str) -> bytes:
    """A file that was downloaded as a whole; empty where it was not."""
    found = [item.response.body for item in story if urlsplit(item.request.uri).path.endswith(f"/{name}")
             and item.request.method == "GET" and item.response.status == 200]  # fmt: skip
    return found[-1] if found else b""


def _listed(story: Sequence[Interaction]) -> Iterator[tuple[str, str, int]]:
    """Output directory, name and size of every file that a list of outputs tells."""
    for item in story:
        found = re.search(r"/listOutputFiles\?.*outputdirectoryid=(\w+)", item.request.uri)
        if found is None:
            continue
        for file in json.loads(item.response.body)["value"]:
            yield found[1], file["name"], file["properties"]["contentLength"]
