"""Cassettes of Batch AI are played against a fresh emulator: it answers every request as when it was recorded."""

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
SHARED = ("resource_group", "file_share", "gpu_cluster")  # each within the one before, and all trials within them
# The stand-in of a job plays one script in one process: those whose jobs would train for minutes. The others run again
# as a whole, with their own jobs, in test_runs.py.
SCENARIOS = ["custom-toolkit", "mnist-learning-rate", "mnist-quickstart"]

Story = Sequence[Interaction]

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed, so the emulator cannot run CNTK jobs"
)


def trials_of(directory: Path) -> list[str]:
    return sorted(path.stem for path in directory.iterdir() if path.stem not in SHARED)


def play(
    player: Player, directory: Path, parts: Callable[[Story], Sequence[Story]] = lambda trial: [trial]
) -> dict[str, list[str]]:
    """What differs, by cassette, of a scenario: set-ups, trials one after the other and part by part, teardowns."""
    told: dict[str, list[str]] = {}
    teardowns = []
    for name in SHARED:
        setup, teardown = halves(load_cassette(directory / f"{name}.json"))
        told[name] = player.play(setup)
        teardowns.append((name, teardown))
    for name in trials_of(directory):
        trial = load_cassette(directory / f"{name}.json")
        told[name] = [line for part in parts(trial) for line in player.play(part)]
    for name, teardown in reversed(teardowns):
        told[name] += player.play(teardown)
    return told


def halves(story: Story) -> tuple[Story, Story]:
    """Set-up and teardown of a shared resource."""
    at = next(at for at, item in enumerate(story) if item.request.method == "DELETE")
    return story[:at], story[at:]


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
        told = play(player, CASSETTES / scenario)

    assert told.keys() == {path.stem for path in (CASSETTES / scenario).iterdir()}
    lines = [f"{name}.json {line}" for name, lines in told.items() for line in lines]
    assert not lines, "\n".join(lines)


def test_a_job_that_ends_before_anybody_looks_gives_what_was_recorded_last(endpoint: Endpoint, tmp_path: Path) -> None:
    def with_its_end_first(trial: Story) -> list[Story]:
        begun, *looks = trial
        return [[begun, next(look for look in looks if b'"exitCode":0' in look.response.body)], looks]

    with closing(Player(endpoint, tmp_path / "job")) as player:
        told = play(player, CASSETTES / "custom-toolkit", with_its_end_first)

    assert not any(told.values()), told


def test_a_cassette_that_was_changed_is_found(endpoint: Endpoint, tmp_path: Path) -> None:
    cassette = tmp_path / "resource_group.json"
    text = (CASSETTES / "mnist-quickstart" / "resource_group.json").read_text(encoding="utf-8")
    text = text.replace('"status": 404', '"status": 403')
    cassette.write_text(
        text.replace('"Succeeded"', '"Ready"').replace('\\"Succeeded\\"', '\\"Ready\\"'), encoding="utf-8"
    )

    with closing(Player(endpoint, tmp_path / "job", patience=0.1)) as player:
        told = player.play(load_cassette(cassette))

    assert [line.partition(": ")[2] for line in told] == [
        "status: 403 was recorded, 404 given",
        *["body.properties.provisioningState: 'Ready' was recorded, 'Succeeded' given"] * 2,
    ]
