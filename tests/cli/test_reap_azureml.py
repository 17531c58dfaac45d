"""Runs on Azure Machine Learning that are interrupted or killed leave nothing that costs money, or reap finds it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

Write = Callable[..., Path]
Left = Callable[[], list[str]]
Start = Callable[..., "subprocess.Popen[str]"]
ON_AZUREML = ("--service", "azureml")
EVERY_WORKSPACE = pytest.mark.parametrize("workspace", ["made for the run", "there already"], indirect=True)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A lasting emulator, because reap ignores temporary emulators whose launcher is alive."""
    with launch(tmp_path_factory.mktemp("lasting") / "emulator") as endpoint:
        yield endpoint


@pytest.fixture
def workspace(request: pytest.FixtureRequest) -> str:
    """Whether the settings name a workspace."""
    if request.param == "there already":
        request.getfixturevalue("in_workspace")
    return str(request.param)


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Return a function that starts a run with a long job in another process, and waits until it has printed a text."""
    del project
    processes: list[subprocess.Popen[str]] = []

    def start_it(path: Path, words: str, *options: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "harness", "run", str(path), *options, *ON_AZUREML, "--set", "pause=6000"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if words in line:
                return process
        pytest.fail(f"{words!r} was not printed: {''.join(lines)}{process.stderr.read() if process.stderr else ''}")

    yield start_it
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def groups(emulator: Endpoint, tmp_path: Path) -> Callable[[], list[str]]:
    """Return a function that lists the resource groups of runs."""

    def list_them() -> list[str]:
        with (
            open_cloud("emulator", Settings(), cassettes=tmp_path, endpoint=emulator) as cloud,
            cloud.clients("look") as clients,
        ):
            return [group.name for group in clients.resources.resource_groups.list() if group.name == "shortgroup"]

    return list_them


@EVERY_WORKSPACE
@pytest.mark.usefixtures("workspace", "own_orphans")
def test_after_a_kill_reap_deletes_the_job_the_compute_and_all_that_they_need(
    start: Start, scenario: Write, left_in_workspaces: Left, groups: Left, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start(scenario(), "is running")
    assert main(["reap", "--yes"]) == 0
    assert "its run is alive" in capsys.readouterr().out
    assert any("computes/c" in name for name in left_in_workspaces())
    process.kill()
    process.wait()
    assert main(["reap", "--yes"]) == 0
    out = capsys.readouterr().out
    for message in ("deleted job ", "deleted compute ", "deleted datastore ", "deleted resource group shortgroup"):
        assert message in out
    left = [name for name in left_in_workspaces() if "/codes/" not in name]
    assert (left, groups()) == ([], [])


@EVERY_WORKSPACE
@pytest.mark.usefixtures("workspace", "own_orphans")
def test_reap_leaves_what_a_run_uses_again_until_that_has_ended(
    start: Start, scenario: Write, left_in_workspaces: Left, groups: Left
) -> None:
    path = scenario()
    command = [sys.executable, "-m", "harness", "run", str(path), *ON_AZUREML, "--reuse"]
    subprocess.run(command, check=True, capture_output=True)
    process = start(path, "is running", "--reuse")
    before = left_in_workspaces()
    assert main(["reap", "--yes"]) == 0
    names = [name for name in left_in_workspaces() if not name.startswith("jobs/")]
    assert names == [name for name in before if not name.startswith("jobs/")]
    process.kill()
    process.wait()
    assert main(["reap", "--yes"]) == 0
    left = [name for name in left_in_workspaces() if "/codes/" not in name]
    assert (left, groups()) == ([], [])


@pytest.mark.slow  # whole runs, killed
@pytest.mark.parametrize("moment", ["created shortgroup", "uploaded train.sh", "Cluster state", "is queued"])
@EVERY_WORKSPACE
@pytest.mark.usefixtures("workspace", "own_orphans")
def test_whenever_a_run_is_killed_reap_leaves_nothing(
    start: Start, scenario: Write, left_in_workspaces: Left, groups: Left, moment: str
) -> None:
    process = start(scenario(), moment)
    process.kill()
    process.wait()
    assert main(["reap", "--yes"]) == 0
    left = [name for name in left_in_workspaces() if "/codes/" not in name]
    assert (left, groups()) == ([], [])


@pytest.mark.parametrize(
    ("moment", "signum", "code"),
    [
        pytest.param("creating workspace", signal.SIGTERM, 143, marks=pytest.mark.slow),
        pytest.param("Cluster state", signal.SIGINT, 130, marks=pytest.mark.slow),
        ("is running", signal.SIGINT, 130),
    ],
)
def test_a_signal_leaves_nothing_behind(  # noqa: PLR0917 - half of them are parameters
    start: Start, scenario: Write, left_in_workspaces: Left, groups: Left, moment: str, signum: int, code: int
) -> None:
    before = left_in_workspaces()  # the code of runs that other tests have killed
    process = start(scenario(), moment)
    process.send_signal(signum)
    _, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    assert (left_in_workspaces(), groups()) == (before, [])
