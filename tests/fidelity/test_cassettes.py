"""Cassettes of Batch AI are played against a fresh emulator, whose responses must equal the recorded ones."""

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch
from harness.recording import load_cassette
from harness.recording.interactions import Interaction
from tests.fidelity.player import ACCOUNT, KEY, Player

CASSETTES = Path(__file__).parents[2] / "cassettes" / "batchai"
SHARED = ("resource_group", "file_share", "gpu_cluster")  # in the order of their creation, before all trials
# Scenarios whose jobs would train for minutes, or that a job substitute can play: one script in one process. The other
# scenarios run completely, with their own jobs, in test_runs.py.
SCENARIOS = ["custom-toolkit", "mnist-learning-rate", "mnist-quickstart"]

Recording = Sequence[Interaction]

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed, so the emulator cannot run CNTK jobs"
)


def trials_of(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.iterdir() if path.stem not in SHARED)


def play(
    player: Player, directory: Path, parts: Callable[[Recording], Sequence[Recording]] = lambda trial: [trial]
) -> dict[str, list[str]]:
    """Play a scenario: set-ups, trials in sequence and in parts, teardowns; return the differences by cassette."""
    differences: dict[str, list[str]] = {}
    teardowns = []
    for name in SHARED:
        setup, teardown = split_teardown(load_cassette(directory / f"{name}.json"))
        differences[name] = player.play(setup)
        teardowns.append((name, teardown))
    for name in trials_of(directory):
        trial = load_cassette(directory / f"{name}.json")
        differences[name] = [line for part in parts(trial) for line in player.play(part)]
    for name, teardown in reversed(teardowns):
        differences[name] += player.play(teardown)
    return differences


def split_teardown(recording: Recording) -> tuple[Recording, Recording]:
    """Split the recording of a shared resource into set-up and teardown."""
    at = next(at for at, item in enumerate(recording) if item.request.method == "DELETE")
    return recording[:at], recording[at:]


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[Endpoint]:
    """A fresh emulator."""
    (tmp_path / "job").mkdir()
    with launch(tmp_path / "emulator", accounts=[f"{ACCOUNT}:{KEY}"]) as running:
        yield running


@needs_torch
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_fresh_emulator_answers_as_recorded(endpoint: Endpoint, tmp_path: Path, scenario: str) -> None:
    with closing(Player(endpoint, tmp_path / "job")) as player:
        differences = play(player, CASSETTES / scenario)

    assert differences.keys() == {path.stem for path in (CASSETTES / scenario).iterdir()}
    lines = [f"{name}.json {line}" for name, lines in differences.items() for line in lines]
    assert not lines, "\n".join(lines)


def test_a_job_that_ends_before_anybody_looks_gives_what_was_recorded_last(endpoint: Endpoint, tmp_path: Path) -> None:
    def end_first(trial: Recording) -> list[Recording]:
        submission, *polls = trial
        return [[submission, next(poll for poll in polls if b'"exitCode":0' in poll.response.body)], polls]

    with closing(Player(endpoint, tmp_path / "job")) as player:
        differences = play(player, CASSETTES / "custom-toolkit", end_first)

    assert not any(differences.values()), differences


def test_a_cassette_that_was_changed_is_found(endpoint: Endpoint, tmp_path: Path) -> None:
    cassette = tmp_path / "resource_group.json"
    text = (CASSETTES / "mnist-quickstart" / "resource_group.json").read_text(encoding="utf-8")
    text = text.replace('"status": 404', '"status": 403')
    cassette.write_text(
        text.replace('"Succeeded"', '"Ready"').replace('\\"Succeeded\\"', '\\"Ready\\"'), encoding="utf-8"
    )

    with closing(Player(endpoint, tmp_path / "job", timeout=0.1)) as player:
        differences = player.play(load_cassette(cassette))

    assert [line.partition(": ")[2] for line in differences] == [
        "status: 403 was recorded, 404 received",
        *["body.properties.provisioningState: 'Ready' was recorded, 'Succeeded' received"] * 2,
    ]
