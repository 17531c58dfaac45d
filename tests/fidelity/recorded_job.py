"""A job substitute, which writes the output of a recorded job in step with the player."""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from harness.recording.interactions import Interaction

# The script of the job substitute: it writes the output of the recorded job up to the current request of the player.
_JOB = """\
import json, os, pathlib, sys, time
directory = pathlib.Path({directory!r})
while True:
    plan = json.loads((directory / "plan.json").read_text())
    for stream, name in ((sys.stdout, "stdout.txt"), (sys.stderr, "stderr.txt")):
        text = (directory / name).read_bytes()[: plan["sizes"].get(name)]
        os.write(stream.fileno(), text[os.fstat(stream.fileno()).st_size :])
    if plan["ends"]:
        for path in (directory / "outputs").rglob("*.*"):
            target = pathlib.Path(os.environ["AZ_BATCHAI_OUTPUT_" + path.parent.name]) / path.name
            target.write_bytes(path.read_bytes())
        sys.exit(plan["exit_code"])
    time.sleep(0.01)
"""


@dataclass
class RecordedJob:
    """The output of a trial's job, from the trial's cassette, in a directory that the job substitute reads."""

    directory: Path
    ends: bool = False
    exit_code: int = 0
    sizes: dict[str, int] = field(default_factory=lambda: {"stdout.txt": 0, "stderr.txt": 0})

    @property
    def script(self) -> bytes:
        """The script of the job substitute."""
        return _JOB.format(directory=str(self.directory)).encode()

    def prepare(self, recording: Sequence[Interaction]) -> None:
        """Extract the output files of the job from a recording."""
        self.ends, self.sizes = False, {"stdout.txt": 0, "stderr.txt": 0}
        for name in self.sizes:
            (self.directory / name).write_bytes(_downloaded(recording, name))
        shutil.rmtree(self.directory / "outputs", ignore_errors=True)
        for directory, file, size in _listed(recording):
            if directory != "stdouterr":
                target = self.directory / "outputs" / directory / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(_downloaded(recording, file) or bytes(size))
        self.write_plan()

    def write_plan(self) -> None:
        """Tell the job substitute which output to write, and whether to end."""
        partial = self.directory / "plan.part"
        partial.write_text(json.dumps({"sizes": self.sizes, "ends": self.ends, "exit_code": self.exit_code}))
        partial.replace(self.directory / "plan.json")

    def end(self) -> None:
        """End the job substitute at once, because a job outlives its emulator."""
        self.ends = True
        self.write_plan()

    def advance_to(self, item: Interaction) -> None:
        """Let the job substitute write the output that the job had written at the time of a response."""
        name = Path(urlsplit(item.request.uri).path).name
        if name in self.sizes and item.request.method == "HEAD":
            self.sizes[name] = int(item.response.headers["content-length"])
        for directory, file, size in _listed([item]):
            if directory == "stdouterr" and file in self.sizes:
                self.sizes[file] = size
        ended = re.search(rb'"exitCode": ?(\d+)', item.response.body)
        if ended:
            self.ends, self.exit_code = True, int(ended[1])
            self.sizes = {name: (self.directory / name).stat().st_size for name in self.sizes}
        self.write_plan()


def _downloaded(recording: Sequence[Interaction], name: str) -> bytes:
    """The content of a file that the recording downloads completely; empty if it does not."""
    bodies = [item.response.body for item in recording if urlsplit(item.request.uri).path.endswith(f"/{name}")
             and item.request.method == "GET" and item.response.status == 200]  # fmt: skip
    return bodies[-1] if bodies else b""


def _listed(recording: Sequence[Interaction]) -> Iterator[tuple[str, str, int]]:
    """Output directory, name and size of every file in the recorded lists of output files."""
    for item in recording:
        match = re.search(r"/listOutputFiles\?.*outputdirectoryid=(\w+)", item.request.uri)
        if match is None:
            continue
        for file in json.loads(item.response.body)["value"]:
            yield match[1], file["name"], file["properties"]["contentLength"]
