"""Workers share an expensive resource: it is created once and deleted once, even if a worker is killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.experiments.leases import Leases
from tests.fakes import FileResource, provisioning

Start = Callable[[], subprocess.Popen[str]]

ROOT = Path(__file__).parents[2]
WORKER = """
import sys
from pathlib import Path
from harness.experiments.leases import Leases
from tests.fakes import FileResource, provisioning

directory = Path(sys.argv[1])
with Leases(directory / "leases").shared(FileResource(provisioning(directory), directory / "it")) as resource:
    print(resource.facts["by"], flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A process that holds the resource until its input ends."""
    processes: list[subprocess.Popen[str]] = []

    def start_it() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "the first\n"
        return process

    yield start_it
    for process in processes:
        process.kill()
        process.communicate()


def events(tmp_path: Path) -> list[str]:
    return (tmp_path / "it").read_text().split()


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_the_first_makes_and_the_last_one_out_deletes(tmp_path: Path, start: Start) -> None:
    first, second = start(), start()
    assert events(tmp_path) == ["made"]
    end(first)
    assert events(tmp_path) == ["made"]
    end(second)
    assert events(tmp_path) == ["made", "deleted"]


@pytest.mark.slow
def test_no_worker_waits_for_a_killed_one(tmp_path: Path, start: Start) -> None:
    first, second = start(), start()
    first.kill()
    first.wait()
    end(second)
    assert events(tmp_path) == ["made", "deleted"]


@pytest.mark.slow
def test_what_only_killed_workers_used_is_created_again(tmp_path: Path, start: Start) -> None:
    first = start()
    first.kill()
    first.wait()
    end(start())
    assert events(tmp_path) == ["made", "deleted", "made", "deleted"]


def test_a_worker_after_the_last_creates_it_again(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    for _ in range(2):
        with leases.shared(FileResource(provisioning(tmp_path), tmp_path / "it")):
            pass
    assert events(tmp_path) == ["made", "deleted", "made", "deleted"]


def test_two_holders_in_one_process_share_too(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "leases")
    resources = [FileResource(provisioning(tmp_path), tmp_path / "it") for _ in range(2)]
    with leases.shared(resources[0]), leases.shared(resources[1]) as second:
        assert second.facts == {"by": "the first"}
    assert events(tmp_path) == ["made", "deleted"]
