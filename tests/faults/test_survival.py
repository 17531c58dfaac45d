"""Scenarios under every fault at 30 %: they succeed or name the fault, within a time limit, and leave no resources.

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
SECONDS = 120  # the longest duration of a run
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

# Faults that last for a moment: no run may fail because of them.
TRANSIENT = {
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
# Faults that last until they are repaired -> the pattern that a failed run must print.
PERSISTENT = {
    "full-disk": "ShareSizeLimitReached.*disk is full|DiskFull",
    "image-pull": "FailedStartingContainer: unable to start docker container",
    "no-boot": r"node\(s\) \(of tvm-.*\) still preparing|limits.queued",
}


@dataclass(frozen=True, slots=True)
class RunResult:
    """The exit code and the output of a run."""

    code: int
    output: str


Run = Callable[..., RunResult]


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Fail the test if a run hangs."""

    def fail(_signum: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def run_harness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emulator: Endpoint, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run ``harness run`` with arguments, as a user does; it must leave no resources."""
    for name in os.environ:
        if name.startswith(("HARNESS_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HARNESS_EMULATOR_DIR", emulator.directory)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, group: str, share: str) -> RunResult:
        capsys.readouterr()
        with time_limit(SECONDS):
            code = main(["run", *map(str, arguments), "--out", "out"])
        result = RunResult(code, "\n".join(capsys.readouterr()))
        assert group not in groups_and_shares(emulator), result.output
        assert share not in groups_and_shares(emulator), result.output
        assert [entry for path in (tmp_path / "state").rglob("*.jsonl") for entry in Journal(path).open_entries()] == []
        return result

    return run


@pytest.fixture
def run_with_faults(
    tmp_path: Path, run_harness: Run, request: pytest.FixtureRequest
) -> Callable[[str, int], RunResult]:
    """Run a scenario of one second with faults; it must leave no process of its job."""

    def run(faults: str, seed: int) -> RunResult:
        name = f"s{hashlib.sha256(request.node.name.encode()).hexdigest()[:12]}"
        path = tmp_path / f"{name}.yaml"
        path.write_text(SCENARIO.format(name=name, faults=faults))
        (tmp_path / "train.sh").write_text(SCRIPT)
        result = run_harness(path, "--fault-seed", seed, group=f"{name}group", share=f"{name}share")
        assert job_processes(name) == []
        return result

    return run


def groups_and_shares(endpoint: Endpoint) -> set[str]:
    with (
        open_cloud("emulator", Settings(), cassettes=Path(), endpoint=endpoint) as cloud,
        cloud.clients("s/left") as clients,
    ):
        groups = {group.name for group in clients.resources.resource_groups.list()}
        return groups | {share.name for share in clients.files.list_shares()}


def job_processes(name: str) -> list[psutil.Process]:
    """The processes of the jobs of a scenario."""
    processes = psutil.process_iter(["environ"])
    return [process for process in processes if (process.info["environ"] or {}).get("SURVIVOR") == name]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", TRANSIENT)
def test_what_passes_is_survived(run_with_faults: Callable[[str, int], RunResult], fault: str, seed: int) -> None:
    result = run_with_faults(TRANSIENT[fault], seed)
    assert result.code == 0, result.output
    assert "faults injected: " in result.output


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", TRANSIENT if IS_FULL else ["expired-token", "several"])
def test_what_passes_is_survived_on_azure_machine_learning(
    run_with_faults: Callable[[str, int], RunResult], fault: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_SERVICE", "azureml")
    result = run_with_faults(TRANSIENT[fault], seed)
    assert result.code == 0, result.output
    assert "creating workspace" in result.output


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", PERSISTENT)
def test_what_lasts_is_survived_or_named(
    run_with_faults: Callable[[str, int], RunResult], fault: str, seed: int
) -> None:
    result = run_with_faults(f"{{{fault}: 0.3}}", seed)
    assert result.code == 0 or re.search(PERSISTENT[fault], result.output, re.DOTALL), result.output


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", PERSISTENT if IS_FULL else ["image-pull"])
def test_what_lasts_is_survived_or_named_on_azure_machine_learning(
    run_with_faults: Callable[[str, int], RunResult], fault: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_SERVICE", "azureml")
    result = run_with_faults(f"{{{fault}: 0.3}}", seed)
    assert result.code == 0 or re.search(PERSISTENT[fault], result.output, re.DOTALL), result.output


@pytest.mark.parametrize("fault", PERSISTENT)
def test_what_lasts_and_always_strikes_is_named(run_with_faults: Callable[[str, int], RunResult], fault: str) -> None:
    result = run_with_faults(f"{{{fault}: 1}}", 0)
    assert result.code == 1
    assert re.search(PERSISTENT[fault], result.output, re.DOTALL), result.output


@pytest.mark.skipif(not IS_FULL, reason="trains for minutes; HARNESS_TEST_DOSE=full")
@pytest.mark.parametrize("fault", TRANSIENT | PERSISTENT)
def test_the_quickstart_survives_or_names_what_struck_it(run_harness: Run, fault: str) -> None:
    pytest.importorskip("torch")
    faults = yaml.safe_load(TRANSIENT.get(fault, f"{{{fault}: 0.3}}"))
    arguments = [f"--fault={name}={json.dumps(rule)}" for name, rule in faults.items()]
    result = run_harness(
        QUICKSTART, "--set", "epochs=1", *arguments, group="myresourcegroup", share="batchaiquickstart"
    )
    out = Path("out/outcomes.jsonl")
    states = [json.loads(line)["state"] for line in out.read_text().splitlines()] if out.exists() else []
    if fault in TRANSIENT:
        assert states == ["succeeded"], result.output
    else:
        assert states == ["succeeded"] or re.search(PERSISTENT[fault], result.output, re.DOTALL), result.output
