"""Whatever process is killed, at any time, ``harness reap`` deletes all that the run left, and nothing else.

HARNESS_TEST_DOSE=full pytest tests/cli/test_random_kills.py     # 50 kills on each service instead of 4
"""

import contextlib
import logging
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

import harness
from harness.clock import SystemClock
from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import find
from harness.resources import FileShare, Journal, Provisioning, ResourceGroup
from harness.scenario.job import JobSpec
from harness.scenario.model import Limits
from harness.services.batchai import BatchAiService
from harness.services.service import ClusterPlan, Job, JobView, MountPlan
from tests.commands import harness_command, pytest_command
from tests.fakes import write_scenario

KILLS = 50 if os.environ.get("HARNESS_TEST_DOSE") == "full" else 4
SEED = int(os.environ.get("HARNESS_TEST_SEED", "5"))
MOST_LINES = 14  # in the journal of a run that is not killed
LATEST = 0.4  # seconds after such a line, so that kills can fall anywhere in a run
SECONDS = 600.0  # the limit of any step

SWEEP = "{grid: {score: [0, 0.5, 1, 2]}}"
SCENARIO = "scenarios/short.yaml"
MOUNT = "$AZ_BATCHAI_MOUNT_ROOT/azurefileshare"
VICTIMS = ("run", "worker", "emulator", "pytest")
FOREIGN = {"foreign", "share foreign", "living", "share living"}  # not of a run, or of a run that is alive

log = logging.getLogger(__name__)


@dataclass
class World:
    """A project, its journal, and a lasting emulator."""

    project: Path
    environment: dict[str, str]
    port: int = 0

    @property
    def directory(self) -> Path:
        """The emulator's data directory."""
        return Path(self.environment["HARNESS_EMULATOR_DIR"])

    @property
    def journal(self) -> Journal:
        return Journal(Path(self.environment["HARNESS_JOURNAL"]))

    def lines(self) -> list[str]:
        """Return the lines of the journal."""
        path = self.journal.path
        return [line for line in path.read_text().splitlines() if line] if path.exists() else []

    @contextmanager
    def started(self, words: list[str], output: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a command; its output goes to a file, because workers that outlive it would keep a pipe open."""
        with (self.project / output).open("wb") as printed:
            process = subprocess.Popen(
                words, stdout=printed, stderr=subprocess.STDOUT, cwd=self.project, env=self.environment
            )
        try:
            yield process
            process.wait(SECONDS)
        finally:
            process.kill()
            process.wait()

    def do(self, *words: str) -> tuple[int, str]:
        """Run a ``harness`` command; returns its exit code and output."""
        with self.started(harness_command(*words), "command.txt") as process:
            pass
        return process.returncode, (self.project / "command.txt").read_text()

    def serve(self) -> None:
        """Start the emulator, always on the same port, unless a run has already started it."""
        where = ("--dir", str(self.directory), "--port", str(self.port))
        code, printed = self.do("emulator", "start", "--detach", *where)
        assert code == 0 or "in use by the emulator" in printed, printed
        self.port = self.port or urlsplit(self.endpoint.proxy_url).port or 0

    @property
    def endpoint(self) -> Endpoint:
        running = find(self.directory)
        assert running is not None
        return running

    @contextmanager
    def opened(self) -> Iterator[Provisioning]:
        """Open the emulator for another run, which is alive."""
        with (
            open_cloud("emulator", Settings(emulator_dir=self.directory), cassettes=self.project) as cloud,
            cloud.clients("look") as clients,
        ):
            yield Provisioning(cloud, clients, Journal(self.project / "another.jsonl"), log.debug, run="another-run")


@pytest.fixture(params=["batchai", "azureml"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    for name in ("tmp", "scenarios"):
        (tmp_path / name).mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    write_scenario(tmp_path / "scenarios", SWEEP)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_", "PYTEST_"))
    }
    ours = {
        "HARNESS_EMULATOR_DIR": str(tmp_path / "emulator"),
        "HARNESS_JOURNAL": str(tmp_path / "journal.jsonl"),
        "HARNESS_SERVICE": request.param,
        "PYTHONPATH": str(Path(harness.__file__).parent.parent),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    started = World(tmp_path, inherited | ours)
    started.serve()
    yield started
    started.do("emulator", "reset", "--dir", str(started.directory))
    assert processes(started) == []


@pytest.fixture
def foreign_job(world: World) -> Callable[[], JobView]:
    """A running job in a foreign group and on a foreign share, besides resources of a run that is alive."""
    plan = ClusterPlan("w", "eastus", "STANDARD_NC6", 1, (MountPlan("share", "foreign", "azurefileshare"),), SECONDS)
    spec = JobSpec(name="j", toolkit="customToolkit", command="sleep 86400", stdouterr=MOUNT)
    service = BatchAiService()

    def job(provisioning: Provisioning) -> Job:
        cluster = service.cluster(provisioning, group="foreign", name="c", plan=plan)
        return service.job(provisioning, cluster, experiment="e", name="j", spec=spec, limits=Limits())

    with world.opened() as provisioning:
        ResourceGroup(provisioning, name="living", location="eastus").create()
        FileShare(provisioning, group="living", name="living").create()
        provisioning.clients.files.create_share("foreign")
        provisioning.clients.resources.resource_groups.create_or_update("foreign", {"location": "eastus"})
        cluster = service.cluster(provisioning, group="foreign", name="c", plan=plan)
        cluster.create()
        service.make_experiment(provisioning, cluster, "e")
        job(provisioning).create()

    def look() -> JobView:
        with world.opened() as provisioning:
            return job(provisioning).list_jobs()["j"]

    until(lambda: look().state == "running")
    return look


def until(holds: Callable[[], bool], seconds: float = SECONDS) -> None:
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while not holds():
        assert clock.monotonic() < end
        clock.sleep(0.02)


def kill(process: psutil.Process) -> None:
    process.kill()
    process.wait(SECONDS)


def strike(world: World, chance: random.Random, victim: str) -> bool:
    """Start a run, and kill a process at a random moment; returns False if the run had ended before."""
    commands = {
        "run": harness_command("run", SCENARIO, "--set", "pause=0.3"),
        "pytest": pytest_command("-n", "2", "--cloud", "emulator", "--set", "pause=0.3", SCENARIO),
    }
    command = {"worker": "pytest", "emulator": chance.choice(("run", "pytest"))}.get(victim, victim)
    lines, delay = chance.randint(0, MOST_LINES), chance.uniform(0, LATEST)
    end = len(world.lines()) + lines
    with world.started(commands[command], "run.txt") as process:
        until(lambda: len(world.lines()) >= end or process.poll() is not None)
        SystemClock().sleep(delay)
        left = [entry.kind for entry in world.journal.open_entries()]
        if process.poll() is not None:
            log.info("%s had ended before %d lines and %.2f s", command, lines, delay)
            return False
        if victim == "emulator":
            kill(psutil.Process(world.endpoint.pid))
            world.serve()
        elif victim == "worker":
            workers = psutil.Process(process.pid).children()
            if not workers:
                return False
            kill(chance.choice(workers))
        else:
            kill(psutil.Process(process.pid))
    log.info("%s killed during %s at %d lines and %.2f s; made: %s", victim, command, lines, delay, left)
    return True


def groups_and_shares(world: World) -> set[str]:
    """Return the groups and the shares of the emulator."""
    with world.opened() as provisioning:
        groups = [group.name for group in provisioning.clients.resources.resource_groups.list()]
        return {*groups, *(f"share {share.name}" for share in provisioning.clients.files.list_shares())}


def processes(world: World) -> list[str]:
    """Return the sorted command lines of processes in the project, without the emulator."""
    emulator = find(world.directory)
    serving = {emulator.pid} if emulator else set()
    command_lines = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(process.cmdline())
            is_ours = process.cwd().startswith(str(world.project)) or str(world.project) in words
            if is_ours and process.pid not in serving:
                command_lines.append(words)
    return sorted(command_lines)


@pytest.mark.slow
def test_after_any_kill_reap_leaves_nothing_of_ours_and_all_that_is_not(
    world: World, foreign_job: Callable[[], JobView]
) -> None:
    chance = random.Random(SEED)
    until(lambda: "sleep 86400" in processes(world))  # until then, its process has the command line of its supervisor
    before, alone, foreign = foreign_job(), processes(world), groups_and_shares(world)
    assert foreign >= FOREIGN
    kills = 0
    while kills < KILLS:
        kills += strike(world, chance, VICTIMS[kills % len(VICTIMS)])
        code, printed = world.do("reap", "--yes")

        assert code == 0, printed
        assert groups_and_shares(world) == foreign
        assert world.journal.open_entries() == []
    assert foreign_job() == before
    until(lambda: processes(world) == alone)
