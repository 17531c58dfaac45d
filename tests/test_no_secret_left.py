"""No secret of a run is found afterwards: the shipped scenarios are recorded, replayed and fail with unique secrets.

HARNESS_TEST_DOSE=full pytest tests/test_no_secret_left.py     # every trial of the sweep instead of one
"""

import contextlib
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
SECONDS = 600.0  # the limit of a command

SHORT = ("--set", "epochs=1") + (() if FULL else ("--set", "learning_rate=0.001", "--set", "minibatch_size=64"))
SEARCHES = ("mnist_hyperband.yaml",)  # a search varies the learning rate, so that it cannot be set
QUICKSTART = "scenarios/mnist_quickstart.yaml"
TALKATIVE = ("-rA", "--showlocals", "--log-level=DEBUG", "-o", "junit_logging=all", "-p", "no:cacheprovider")

PLANTED = {
    "HARNESS_STORAGE_KEY": "Y2FuYXJ5OiBhIHN0b3JhZ2Uga2V5IHRoYXQgdGhlIGVtdWxhdG9yIGRvZXMgbm90IG5lZWQgYXQgYWxsIQ==",
    "HARNESS_ADMIN_PASSWORD": 'Canary&/pass+word="x',
}
ADMIN_USER = "canary-user"  # not a secret, but private
WRONG_SECRET = "canary~wrong/client+secret"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("torch") is None, reason="torch is not installed, so the emulator cannot run CNTK jobs"
    ),
]


@dataclass
class Project:
    """A user's project with the shipped scenarios, whose settings come from the environment alone.

    Attributes:
        files: the directory of everything that commands write, except for the emulator's data.
        tap: the file that records the secrets on the wire.
        visible: command lines of this machine's processes during commands, and environments of jobs.
    """

    files: Path
    endpoint: Endpoint
    tap: Path
    visible: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("project", "home", "state", "tmp", "printed"):
            (self.files / name).mkdir(parents=True)
        excluded = shutil.ignore_patterns(*SEARCHES)
        shutil.copytree(ROOT / "scenarios", self.files / "project" / "scenarios", ignore=excluded)
        (self.files / "project" / "pytest.ini").write_text("[pytest]\n")

    def run(self, name: str, words: list[str], **settings: str) -> int:
        """Run a command to its end, its output in a file; returns the exit code."""
        printed = self.files / "printed" / f"{name}.txt"
        with printed.open("wb") as output, self.watched():
            done = subprocess.run(
                words,
                stdout=output,
                stderr=output,
                timeout=SECONDS,
                check=False,
                cwd=self.files / "project",
                env=self.environment | settings,
            )
        return done.returncode

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command: settings, and its own directories."""
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST"))
        }
        directories = {
            "HOME": str(self.files / "home"),
            "TMPDIR": str(self.files / "tmp"),
            "XDG_STATE_HOME": str(self.files / "state"),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent / "tap"), str(Path(harness.__file__).parents[1])]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SECRETS_TAP": str(self.tap),
            "HARNESS_EMULATOR_DIR": self.endpoint.directory,
            "HARNESS_CLIENT_SECRET": self.endpoint.client_secret,
            "HARNESS_ADMIN_USER": ADMIN_USER,
        }
        return inherited | directories | PLANTED

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Collect what other users can see of processes, during the block."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.2):
                self.visible.update(filter(None, map(visible_texts, psutil.process_iter())))

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()

    def secrets(self) -> dict[str, str]:
        """Return all secrets by name."""
        wire_secrets = {json.loads(line) for line in self.tap.read_text().splitlines()}
        secrets = {"client secret": self.endpoint.client_secret, "storage key": self.endpoint.storage_key}
        return (
            PLANTED | secrets | {"wrong secret": WRONG_SECRET} | {f"on the wire: {text}": text for text in wire_secrets}
        )

    def printed(self, name: str) -> str:
        return (self.files / "printed" / f"{name}.txt").read_text(errors="replace")


def visible_texts(process: psutil.Process) -> str:
    """Return the command line of a process; for a process of a job also the environment, which must hold no secret."""
    words: list[str] = []
    with contextlib.suppress(psutil.Error, OSError):
        words += process.cmdline()
        environment = process.environ()
        words += [f"{name}={text}" for name, text in environment.items() if MARK in environment]
    return "\0".join(words)


def play(project: Project) -> None:
    """Record, replay, and fail in three ways, with pytest and with ``harness run``."""
    emulator, bad = ("--cloud", "emulator"), ("--set", "epochs=none")  # the script refuses it
    refused = {"HARNESS_CLIENT_SECRET": WRONG_SECRET}

    # The first way to fail: one epoch is not enough for some trials.
    code = project.run("recorded", pytest_command("scenarios", *emulator, "--record", *SHORT, *reported("recorded")))
    assert code == 1, project.printed("recorded")
    assert "expect.metrics.test_error" in project.printed("recorded")
    assert project.run("replayed", pytest_command("scenarios", *SHORT, *reported("replayed"))) == 1
    assert "expect.metrics.test_error" in project.printed("replayed")

    assert project.run("exit code", pytest_command(QUICKSTART, *emulator, *bad, *reported("exit code"))) == 1
    assert "expect.exit_code" in project.printed("exit code")
    assert project.run("run", harness_command("run", QUICKSTART, *bad, "--out", "out")) == 1
    assert "expect.exit_code" in project.printed("run")

    assert project.run("refused", pytest_command(QUICKSTART, *emulator, *reported("refused")), **refused) == 1
    assert project.run("refused run", harness_command("run", QUICKSTART, "--out", "refused"), **refused) == 1
    assert all("sign-in was refused" in project.printed(name) for name in ("refused", "refused run"))

    assert project.run("checked", harness_command("cassettes", "check")) == 0, project.printed("checked")
    assert project.run("status", harness_command("emulator", "status", "--dir", project.endpoint.directory)) == 0


def reported(name: str) -> tuple[str, ...]:
    """Return options for the most detailed output and report of pytest."""
    return (*TALKATIVE, f"--junitxml={name}.xml")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project after all commands."""
    directory = tmp_path_factory.mktemp("canary")
    with launch(directory / "emulator") as endpoint:
        shipped = Project(directory / "files", endpoint, directory / "tap.jsonl")
        play(shipped)
        yield shipped


@pytest.fixture(scope="module")
def search(project: Project) -> Search:
    """A search for all secrets."""
    return Search(project.secrets().items())


def test_all_shipped_scenarios_were_recorded(project: Project) -> None:
    recorded = {path.name for path in (project.files / "project" / "cassettes" / "batchai").iterdir()}
    shipped = {path.name for path in (ROOT / "cassettes" / "batchai").iterdir()}
    assert recorded == shipped - {Path(name).stem.replace("_", "-") for name in SEARCHES}


def test_tokens_and_signatures_were_recorded_on_the_wire(project: Project) -> None:
    wire_secrets = [secret for name, secret in project.secrets().items() if name.startswith("on the wire")]
    assert any(secret.startswith("eyJ") for secret in wire_secrets)
    assert len(wire_secrets) > 10


def test_no_file_holds_a_secret(project: Project, search: Search) -> None:
    assert search.in_files(project.files) == {}


def test_no_process_shows_a_secret(project: Project, search: Search) -> None:
    assert any("ConvNet_MNIST.py" in words for words in project.visible)
    assert search.in_data("\n".join(project.visible).encode()) == set()


def test_no_cassette_names_its_owner(project: Project) -> None:
    names = {"tenant": project.endpoint.tenant_id, "client": project.endpoint.client_id, "user": ADMIN_USER}
    assert Search(names.items()).in_files(project.files / "project" / "cassettes") == {}


def test_the_emulators_own_data_is_its_owners_alone(project: Project) -> None:
    data = DataDirectory(Path(project.endpoint.directory))
    held = [data.root, data.endpoint, data.identity, data.server_certificate, *data.root.glob("emulator.db*")]
    assert [path.name for path in held if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
