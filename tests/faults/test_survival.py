"""Scenarios under every fault at 30 %: they do as expected or say what struck them, in time, and leave nothing.

HARNESS_TEST_DOSE=full pytest tests/faults/test_survival.py     # 20 seeds of each instead of one, and the quickstart
"""

import hashlib
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil
import pytest
import yaml

from harness.cli import main
from harness.clouds import open_cloud
from harness.config import Settings
from harness.emulator.endpoint import Endpoint
from harness.resources import Journal
from tests.fakes import SCRIPT

pytestmark = pytest.mark.slow

IS_FULL = os.environ.get("HARNESS_TEST_DOSE") == "full"
SEEDS = range(20) if IS_FULL else range(1)
SECONDS = 120  # that a run may take at most
QUICKSTART = Path(__file__).parents[2] / "scenarios" / "mnist_quickstart.yaml"

SCENARIO = """\
scenario: {name}
resource_group: {name}group
share: {{name: {name}share, upload: [{{file: train.sh}}]}}
cluster: {{name: c, nodes: 1}}
job:
  name: j
  toolkit: customToolkit
  image: ubuntu
  command: sh $AZ_BATCHAI_INPUT_S/train.sh 0.5 0 0.2
  environment: {{SURVIVOR: {name}}}
  inputs: {{S: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare}}
  outputs: {{MODEL: {{prefix: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare, suffix: m}}}}
  stdouterr: $AZ_BATCHAI_MOUNT_ROOT/azurefileshare
metrics: {{score: {{file: stdout.txt, pattern: 'score = ([0-9.]+)'}}}}
expect: {{exit_code: 0, metrics: {{score: {{max: 2}}}}, files: {{MODEL: ['*.txt']}}}}
limits: {{queued: PT3S, running: PT1M}}
faults: {faults}
"""

# What a cloud does for a moment: nobody may fail of it.
PASSING = {
    "throttle": "{throttle: {rate: 0.3, seconds: 0.1}}",
    "unavailable": "{unavailable: 0.3}",
    "drop": "{drop: 0.3}",
    "cut": "{cut: 0.3}",
    "slow": "{slow: {rate: 0.3, seconds: 0.1}}",
    "expired-token": "{expired-token: 0.3}",
    "late-read": "{late-read: 0.3}",
    "clock-skew": "{clock-skew: 0.3}",
    "preempt": "{preempt: 0.3}",
    "several": "{unavailable: 0.2, drop: 0.2, cut: 0.2, expired-token: 0.3, late-read: 0.3, clock-skew: 0.2}",
}
# What stays until somebody repairs it: fault -> what a run that fails of it must say.
LASTING = {
    "full-disk": "ShareSizeLimitReached.*disk is full|DiskFull",
    "image-pull": "FailedStartingContainer: unable to start docker container",
    "no-boot": r"node\(s\) \(of tvm-.*\) still preparing|limits.queued",
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended: its exit code, and all that it said."""

    code: int
    said: str


Survive = Callable[..., Ended]


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """A run that hangs fails the test, and is not waited for."""

    def overdue(_signum: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, overdue)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint, capsys: pytest.CaptureFixture[str]
) -> Survive:
    """Run ``harness run`` on the words that are given, as a user does; nothing may be left of it."""
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*words: object, group: str, share: str) -> Ended:
        capsys.readouterr()
        with within(SECONDS):
            code = main(["run", *map(str, words), "--out", "out"])
        ended = Ended(code, "\n".join(capsys.readouterr()))
        assert group not in groups_and_shares(emulator), ended.said
        assert share not in groups_and_shares(emulator), ended.said
        assert [entry for path in (tmp_path / "state").rglob("*.jsonl") for entry in Journal(path).open_entries()] == []
        return ended

    return run


@pytest.fixture
def survive(tmp_path: Path, play: Survive, request: pytest.FixtureRequest) -> Callable[[str, int], Ended]:
    """Run a scenario of a second that states faults; no process of its job may be left."""

    def run(faults: str, seed: int) -> Ended:
        name = f"s{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
        path = tmp_path / f"{name}.yaml"
        path.write_text(SCENARIO.format(name=name, faults=faults))
        (tmp_path / "train.sh").write_text(SCRIPT)
        ended = play(path, "--fault-seed", seed, group=f"{name}group", share=f"{name}share")
        assert survivors(name) == []
        return ended

    return run


def groups_and_shares(endpoint: Endpoint) -> set[str]:
    with (
        open_cloud("emulator", Settings(), cassettes=Path(), endpoint=endpoint) as cloud,
        cloud.clients("s/left") as clients,
    ):
        groups = {group.name for group in clients.resources.resource_groups.list()}
        return groups | {share.name for share in clients.files.list_shares()}


def survivors(name: str) -> list[psutil.Process]:
    """Processes of the jobs of a scenario."""
    return [one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get("SURVIVOR") == name]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_survived(survive: Callable[[str, int], Ended], fault: str, seed: int) -> None:
    ended = survive(PASSING[fault], seed)
    assert ended.code == 0, ended.said
    assert "faults injected: " in ended.said


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", PASSING if IS_FULL else ["expired-token", "several"])
def test_what_passes_is_survived_on_azure_machine_learning(
    survive: Callable[[str, int], Ended], fault: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_SERVICE", "azureml")
    ended = survive(PASSING[fault], seed)
    assert ended.code == 0, ended.said
    assert "creating workspace" in ended.said


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_is_survived_or_named(survive: Callable[[str, int], Ended], fault: str, seed: int) -> None:
    ended = survive(f"{{{fault}: 0.3}}", seed)
    assert ended.code == 0 or re.search(LASTING[fault], ended.said, re.DOTALL), ended.said


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", LASTING if IS_FULL else ["image-pull"])
def test_what_lasts_is_survived_or_named_on_azure_machine_learning(
    survive: Callable[[str, int], Ended], fault: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_SERVICE", "azureml")
    ended = survive(f"{{{fault}: 0.3}}", seed)
    assert ended.code == 0 or re.search(LASTING[fault], ended.said, re.DOTALL), ended.said


@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_and_always_strikes_is_named(survive: Callable[[str, int], Ended], fault: str) -> None:
    ended = survive(f"{{{fault}: 1}}", 0)
    assert ended.code == 1
    assert re.search(LASTING[fault], ended.said, re.DOTALL), ended.said


@pytest.mark.skipif(not IS_FULL, reason="trains for minutes; HARNESS_TEST_DOSE=full")
@pytest.mark.parametrize("fault", PASSING | LASTING)
def test_the_quickstart_survives_or_names_what_struck_it(play: Survive, fault: str) -> None:
    pytest.importorskip("torch")
    faults = yaml.safe_load(PASSING.get(fault, f"{{{fault}: 0.3}}"))
    words = [f"--fault={name}={json.dumps(rule)}" for name, rule in faults.items()]
    ended = play(QUICKSTART, "--set", "epochs=1", *words, group="myresourcegroup", share="batchaiquickstart")
    out = Path("out/outcomes.jsonl")
    states = [json.loads(line)["state"] for line in out.read_text().splitlines()] if out.exists() else []
    if fault in PASSING:
        assert states == ["succeeded"], ended.said
    else:
        assert states == ["succeeded"] or re.search(LASTING[fault], ended.said, re.DOTALL), ended.said
