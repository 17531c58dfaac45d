"""Two reaps at the same time, among decoys of every kind, delete exactly the orphans of runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.clouds import Clients, Cloud, open_cloud
from harness.compute.job_processes import supervisor_command
from harness.compute.paths import MARK
from harness.compute.process_handle import ends
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch, start_detached, stop
from harness.emulator.options import Options
from harness.resources import Entry, Journal, Provisioning
from harness.resources.owner import Owner, owner_of, this_process
from harness.resources.tags import group_id, metadata_of, share_id, tags_of

# The command, limited to the processes and directories of the test.
REAP = """
import sys
from pathlib import Path
from harness.cli import main, reap
from harness.emulator import orphans
root = Path(sys.argv[1])
def find_own(candidates):
    return [orphan for orphan in orphans.find_orphans(candidates) if orphan.directory.is_relative_to(root)]
reap.find_orphans = find_own
sys.exit(main(["reap", "--yes"]))
"""
LAUNCH = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from harness.emulator.launch import launch
with launch() as endpoint:
    print(endpoint.directory, endpoint.pid, flush=True)
    input()
"""
WAITS = "import sys; print(flush=True); sys.stdin.read()\n"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    with launch(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture
def cloud(endpoint: Endpoint, tmp_path: Path) -> Iterator[Cloud]:
    with open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=endpoint) as opened:
        yield opened


@pytest.fixture
def clients(cloud: Cloud) -> Iterator[Clients]:
    with cloud.clients("reap") as opened:
        before = groups_and_shares(opened)
        yield opened
        groups, shares = groups_and_shares(opened)
        for group in groups - before[0]:
            opened.resources.resource_groups.begin_delete(group).result()
        for share in shares - before[1]:
            opened.files.delete_share(share)


def groups_and_shares(clients: Clients) -> tuple[set[str], set[str]]:
    """Return the names of all groups and shares, including those that every emulator has."""
    groups = {group.name for group in clients.resources.resource_groups.list()}
    return groups, {share.name for share in clients.files.list_shares()}


@pytest.fixture
def processes() -> Iterator[ExitStack]:
    """End the processes that a test has started."""
    with ExitStack() as stack:
        yield stack


@contextmanager
def running(words: list[str], environment: Mapping[str, str] = os.environ, **options: Path) -> Iterator[int]:
    """Start a process that prints a line and waits; yields its id."""
    with subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield process.pid
        process.kill()


@pytest.fixture
def ended() -> Owner:
    """The owner of the resources of a run that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        return owner_of(run.pid)


def killed_launcher(temporary: Path) -> Path:
    """The data directory of an emulator whose launcher was killed."""
    words = [sys.executable, "-c", LAUNCH, str(temporary)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as launcher:
        assert launcher.stdout is not None
        directory, pid = launcher.stdout.readline().split()
        launcher.kill()
    assert ends(int(pid), seconds=60)
    return Path(directory)


def make_resources(cloud: Cloud, clients: Clients, ended: Owner) -> None:
    """Create groups and shares, two orphans of each kind; the names of all others begin with "keep"."""
    ours = Provisioning(cloud, clients, Journal(Path(os.devnull)), lambda _event: None, "dead", owner=ended)
    machine = this_process().host.partition(".")[0]
    clone = replace(ours, owner=replace(ended, host=f"{machine}.0123456789ab"), run="clone")
    elsewhere = replace(ours, owner=Owner("0123456789ab.0123456789ab", 1, "1"), run="elsewhere")
    groups = {
        "ended": tags_of(ours, group_id(cloud.facts, "ended")),
        "expired": tags_of(replace(clone, lifetime=timedelta(0)), group_id(cloud.facts, "expired")),
        "keep-alive": tags_of(replace(ours, owner=this_process()), group_id(cloud.facts, "keep-alive")),
        "keep-clone": tags_of(clone, group_id(cloud.facts, "keep-clone")),
        "keep-elsewhere": tags_of(elsewhere, group_id(cloud.facts, "keep-elsewhere")),
        "keep-copied": tags_of(ours, group_id(cloud.facts, "ended")),
        "keep-older": {k: v for k, v in tags_of(ours, "").items() if k != "batchai-harness-resource"},
        "keep-no-hyphens": metadata_of(ours, group_id(cloud.facts, "keep-no-hyphens")),
        "keep-theirs": {"owner": "them"},
    }
    for name, tags in groups.items():
        clients.resources.resource_groups.create_or_update(name, {"location": "eastus", "tags": tags})
    shares = {
        "ended": metadata_of(ours, share_id(cloud.facts, "ended")),
        "expired": metadata_of(replace(elsewhere, lifetime=timedelta(0)), share_id(cloud.facts, "expired")),
        "keep-alive": metadata_of(replace(ours, owner=this_process()), share_id(cloud.facts, "keep-alive")),
        "keep-clone": metadata_of(clone, share_id(cloud.facts, "keep-clone")),
        "keep-copied": metadata_of(ours, share_id(cloud.facts, "ended")),
        "keep-theirs": {"owner": "them"},
    }
    for name, metadata in shares.items():
        clients.files.create_share(name, metadata=metadata)


def make_directories(temporary: Path) -> list[Path]:
    """Create directories that must be kept, beside an orphan."""
    thesis = temporary / "batchai-thesis"
    thesis.mkdir()
    for name in ("temporary", "lock", "thesis.tex"):
        (thesis / name).touch()
    ours = killed_launcher(temporary)
    copied = shutil.copytree(ours, temporary / "batchai-copied", ignore=shutil.ignore_patterns("bell"))
    moved = killed_launcher(temporary).rename(temporary / "batchai-moved")
    served = killed_launcher(temporary)
    start_detached(Options(served))
    mine = temporary / "batchai-mine"
    start_detached(Options(mine))
    stop(mine)
    link = temporary / "batchai-link"
    link.symlink_to(mine)
    shutil.rmtree(ours)
    return [thesis, copied, moved, served, mine, link]


def start_decoys(root: Path, processes: ExitStack) -> list[int]:
    """Start processes that must be kept; returns their ids."""
    (root / "supervisor.py").write_text(WAITS)
    (root / "notes.txt").write_text("a line\n")
    fake = root / "harness" / "compute" / "supervisor.py"
    fake.parent.mkdir(parents=True)
    fake.write_text(WAITS)
    present = root / "present" / "jobs" / "1"
    present.mkdir(parents=True)
    waits = [sys.executable, "-c", WAITS]
    decoys: list[tuple[list[str], dict[str, str]]] = [
        (["tail", "-f", "supervisor.py", "notes.txt"], {}),
        ([sys.executable, "supervisor.py", "site.conf"], {}),
        ([*supervisor_command(present)[:3], str(fake), str(root / "gone" / "jobs" / "1")], {}),
        (waits, {MARK: "jobs/1"}),
        (waits, {MARK: str(root / "thesis")}),
        (waits, {MARK: str(present)}),
        (waits, {"OTHER": str(root / "gone" / "jobs" / "1")}),
    ]
    return [processes.enter_context(running(words, {**os.environ, **marks}, cwd=root)) for words, marks in decoys]


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.slow  # several emulators, launched, killed and served again
def test_two_reaps_at_once_delete_exactly_the_orphans(
    tmp_path: Path, cloud: Cloud, clients: Clients, ended: Owner, processes: ExitStack
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    before = groups_and_shares(clients)
    make_resources(cloud, clients, ended)
    staying = make_directories(temporary)
    decoys = start_decoys(tmp_path, processes)
    orphan_directory = killed_launcher(temporary)
    waits = [sys.executable, "-c", WAITS]
    orphans = [
        processes.enter_context(running(waits, {MARK: str(orphan_directory / "jobs" / "1")})),
        processes.enter_context(running(waits, {MARK: str(tmp_path / "gone" / "jobs" / "1")})),
    ]
    environment = {
        **os.environ,
        "TMPDIR": str(temporary),
        "HARNESS_JOURNAL": str(tmp_path / "journal.jsonl"),
        "HARNESS_EMULATOR_DIR": cloud.facts.directory,
    }

    words = [sys.executable, "-c", REAP, str(tmp_path)]
    reaps = [
        subprocess.Popen(words, env=environment, cwd=temporary, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(2)
    ]
    outputs = [reap.communicate()[0].decode() for reap in reaps]

    assert [reap.returncode for reap in reaps] == [0, 0], "\n".join(outputs)
    groups, shares = (names - own for names, own in zip(groups_and_shares(clients), before, strict=True))
    assert all(name.startswith("keep") for name in groups | shares), groups | shares
    assert (len(groups), len(shares)) == (7, 4)
    assert not orphan_directory.exists()
    assert {path for path in temporary.iterdir() if path.name.startswith("batchai-")} == set(staying)
    assert (temporary / "batchai-thesis" / "thesis.tex").exists()
    assert [pid for pid in decoys if not is_running(pid)] == []
    assert [pid for pid in orphans if is_running(pid)] == []
    stop(temporary / staying[3].name)


@pytest.fixture
def enemy(own_orphans: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cloned repository to work in, with the data directory of an emulator in which a job waits to run."""
    project = tmp_path / "repository"
    start_detached(Options(project / ".harness" / "emulator"))
    assert stop(project / ".harness" / "emulator")
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(project)
    return project


def content(directory: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below a directory."""
    files = {path: path.lstat() for path in directory.rglob("*")}
    return {str(path): (status.st_size, status.st_mtime_ns) for path, status in files.items()}


def test_no_emulator_is_started_in_a_directory_that_no_run_of_this_user_has_journalled(
    enemy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(enemy)
    assert main(["reap", "--yes"]) == 0
    assert content(enemy) == before
    assert capsys.readouterr().out == "nothing is left behind\n"


@pytest.mark.parametrize("file", ["harness.toml", ".env"])
def test_a_journal_that_the_working_directory_names_starts_no_emulator_and_no_file_of_others_is_touched(
    enemy: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    directory = str(enemy / ".harness" / "emulator")
    Journal(enemy / "evil").append(Entry("r", "resource group", "g", "g", "creating", "emulator", directory, "a"))
    name = "journal" if file == "harness.toml" else "HARNESS_JOURNAL"
    (enemy / file).write_text(f'{name} = "evil"\n')
    before = content(enemy / ".harness")
    assert main(["reap", "--yes"]) == 0
    assert content(enemy / ".harness") == before
    (enemy / file).write_text(f'{name} = "thesis.tex"\n')
    (enemy / "thesis.tex").write_text("a thesis\n")
    assert main(["reap", "--yes"]) == 2
    assert (enemy / "thesis.tex").read_text() == "a thesis\n"


def test_an_endpoint_without_a_server_is_not_believed(enemy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (enemy / ".harness" / "emulator" / "endpoint.json").write_text(
        f'{{"proxy_url": "http://evil", "pid": {os.getppid()}}}'
    )
    before = content(enemy)
    assert main(["reap", "--yes"]) == 1
    assert content(enemy) == before
    assert "NOT searched" in capsys.readouterr().err


def test_an_entry_of_another_machine_starts_no_emulator_here_and_stays(
    enemy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The journal is in a home directory that two machines share; their data directories have the same path."""
    present, missing = str(enemy / ".harness" / "emulator"), str(tmp_path / "on the other machine alone")
    journal = Journal(tmp_path / "state" / "batchai-harness" / "journal.jsonl")
    far = Owner("0123456789ab.0123456789ab", 1, "1")
    later = "2999-01-01T00:00:00+00:00"
    for directory in (present, missing):
        journal.append(
            Entry("r", "resource group", "g", "g", "creating", "emulator", directory, "a", expires=later, owner=far)
        )
    before = content(enemy)
    assert main(["reap", "--yes"]) == 0
    assert content(enemy) == before
    assert [entry.place for entry in journal.open_entries()] == [missing, present]


def test_a_directory_whose_maker_cannot_be_seen_is_shown_and_kept(
    enemy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan_directory = killed_launcher(tmp_path / "tmp")
    monkeypatch.setattr("harness.emulator.temporary_directory.this_machine", lambda: "0123456789ab.0123456789ab")
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["reap", "--yes"]) == 0
    assert orphan_directory.exists()
    assert "if it is unused, delete it by hand" in capsys.readouterr().out
