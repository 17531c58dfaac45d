"""Every secret of a run is unique, and afterwards none is found: the shipped scenarios recorded, replayed and failing.

HARNESS_TEST_DOSE=full pytest tests/test_canary.py     # every trial of the sweep instead of one
"""

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

import harness
from harness.compute.paths import MARK
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.emulator.paths import DataDirectory
from tests.commands import harness_command, pytest_command
from tests.recording.hiding import Search

ROOT = Path(__file__).parents[1]
FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SECONDS = 600.0  # that a command may take at most

SHORT = ("--set", "epochs=1") + (() if FULL else ("--set", "learning_rate=0.001", "--set", "minibatch_size=64"))
QUICKSTART = "scenarios/mnist_quickstart.yaml"
TALKATIVE = ("-rA", "--showlocals", "--log-level=DEBUG", "-o", "junit_logging=all", "-p", "no:cacheprovider")

PLANTED = {
    "HARNESS_STORAGE_KEY": "Y2FuYXJ5OiBhIHN0b3JhZ2Uga2V5IHRoYXQgdGhlIGVtdWxhdG9yIGRvZXMgbm90IG5lZWQgYXQgYWxsIQ==",
    "HARNESS_ADMIN_PASSWORD": 'Canary&/pass+word="x',
}
WRONG_SECRET = "canary~wrong/client+secret"

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed, so the emulator cannot run CNTK jobs"
)


@dataclass
class Project:
    """A user's project with the shipped scenarios, whose settings come from the environment alone.

    Attributes:
        files: everything that any of its commands writes, but for the emulator's data.
        tap: where the secrets that go over the wire are written down.
        seen: command lines of this machine's processes while a command ran, and environments of jobs.
    """

    files: Path
    endpoint: Endpoint
    tap: Path
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("project", "home", "state", "tmp", "printed"):
            (self.files / name).mkdir(parents=True)
        shutil.copytree(ROOT / "scenarios", self.files / "project" / "scenarios")
        (self.files / "project" / "pytest.ini").write_text("[pytest]\n")

    def run(self, name: str, words: list[str], **settings: str) -> int:
        """Run a command to its end, its output in a file; returns the exit code."""
        printed = self.files / "printed" / f"{name}.txt"
        surroundings = {"cwd": self.files / "project", "env": self.environment | settings}
        with printed.open("wb") as output, self.watched():
            done = subprocess.run(words, stdout=output, stderr=output, timeout=SECONDS, check=False, **surroundings)
        return done.returncode

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: settings, and places of its own."""
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST"))
        }
        places = {
            "HOME": str(self.files / "home"),
            "TMPDIR": str(self.files / "tmp"),
            "XDG_STATE_HOME": str(self.files / "state"),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "tap"), str(Path(harness.__file__).parents[1])]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRETS_TAP": str(self.tap),
            "HARNESS_EMULATOR_DIR": self.endpoint.directory,
            "HARNESS_CLIENT_SECRET": self.endpoint.client_secret,
        }
        return kept | places | PLANTED

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What anybody can see of processes, all the time."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                self.seen.update(filter(None, map(visible, psutil.process_iter())))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()

    def secrets(self) -> dict[str, str]:
        """Everything secret, by name."""
        told = {json.loads(line) for line in self.tap.read_text().splitlines()}
        made = {"client secret": self.endpoint.client_secret, "storage key": self.endpoint.storage_key}
        return PLANTED | made | {"wrong secret": WRONG_SECRET} | {f"on the wire: {text}": text for text in told}

    def printed(self, name: str) -> str:
        return (self.files / "printed" / f"{name}.txt").read_text(errors="replace")


def visible(process: psutil.Process) -> str:
    """The command line of a process and, of a job's, the environment too, in which it must not find ours."""
    try:
        words = process.cmdline()
        environment = process.environ()
    except (psutil.Error, OSError):
        return ""
    return "\0".join([*words, *(f"{name}={text}" for name, text in environment.items() if MARK in environment)])


def open_to_others(data: DataDirectory) -> list[str]:
    """What others may read of an emulator's data, in which secrets are; its root alone keeps them out of the rest."""
    held = [data.root, data.endpoint, data.identity, data.server_certificate, *data.root.glob("emulator.db*")]
    return [path.name for path in held if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with launch(tmp_path / "emulator") as endpoint:
        yield Project(tmp_path / "files", endpoint, tmp_path / "tap.jsonl")


@pytest.mark.slow
@needs_torch
def test_no_secret_of_a_run_is_left_anywhere(project: Project) -> None:
    emulator = ("--cloud", "emulator")
    bad = ("--set", "epochs=none")  # the script refuses it
    recorded = project.run(
        "recorded", pytest_command("scenarios", *emulator, "--record", *SHORT, *TALKATIVE, "--junitxml=recorded.xml")
    )
    assert recorded in (0, 1), project.printed("recorded")
    assert len(list((project.files / "project" / "cassettes").rglob("*.yaml"))) == (11 if FULL else 8)
    assert (
        project.run("replayed", pytest_command("scenarios", *SHORT, *TALKATIVE, "--junitxml=replayed.xml")) == recorded
    )
    assert project.run("unmet", pytest_command(QUICKSTART, *emulator, *bad, *TALKATIVE, "--junitxml=unmet.xml")) == 1
    assert "expect.exit_code" in project.printed("unmet")
    assert project.run("run", harness_command("run", QUICKSTART, *bad, "--out", "out")) == 1
    refused = {"HARNESS_CLIENT_SECRET": WRONG_SECRET}
    for name, words in {
        "refused": pytest_command(QUICKSTART, *emulator, *TALKATIVE, "--junitxml=refused.xml"),
        "refused run": harness_command("run", QUICKSTART, "--out", "refused"),
    }.items():
        assert project.run(name, words, **refused) == 1
        assert "sign-in was refused" in project.printed(name)
    assert project.run("checked", harness_command("cassettes", "check")) == 0, project.printed("checked")
    assert project.run("status", harness_command("emulator", "status", "--dir", project.endpoint.directory)) == 0

    search = Search(project.secrets().items())
    assert search.in_files(project.files) == {}
    assert search.in_data("\n".join(project.seen).encode()) == set()
    names = {"tenant": project.endpoint.tenant_id, "client": project.endpoint.client_id}
    assert Search(names.items()).in_files(project.files / "project" / "cassettes") == {}
    assert open_to_others(DataDirectory(Path(project.endpoint.directory))) == []
