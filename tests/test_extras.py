"""What works with the base installation, and the messages for missing extras."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from harness.extras import SCENARIOS, explained, remedy
from tests.distributions import ROOT, imported, normal, with_requirements

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
HEAVY = ("scipy", "scikit-learn", "numpy", "azure-mgmt-batchai", "azure-storage-file", "torch")
BASE = [
    "harness.emulator.command",
    "harness.emulator.health",
    "harness.emulator.launch",
    "harness.cli.command",
    "harness.cli.docs",
    "harness.cli.emulator.control",
    "harness.cli.emulator.faults",
    "harness.cli.emulator.log",
    "harness.cli.emulator.start",
    "harness.plugin",
]
# Modules that the fixture recorded_session needs, too.
RECORDED = ["harness.clouds.opening", "harness.recording.session", "harness.plugin.own_code"]


def names(requirements: list[str]) -> list[str]:
    return [Requirement(text).name for text in requirements]


def extra(name: str) -> list[str]:
    """Return the packages of an extra and of the extras that it includes."""
    packages: list[str] = []
    for requirement in map(Requirement, EXTRAS[name]):
        packages += [package for other in requirement.extras for package in extra(other)] or [requirement.name]
    return packages


def test_the_emulator_and_its_commands_need_what_the_base_brings() -> None:
    assert imported(BASE) <= with_requirements(names(PROJECT["dependencies"]))


def test_recorded_sessions_need_no_sdk_of_batch_ai_and_nothing_that_computes() -> None:
    base = with_requirements([*names(PROJECT["dependencies"]), *extra("storage")])

    assert imported(RECORDED) <= base
    assert {normal(name) for name in HEAVY}.isdisjoint(base)


def test_an_extra_that_runs_scenarios_brings_all_that_they_need() -> None:
    for name in ("cntk", "search", "dev"):
        assert set(extra(SCENARIOS)) <= set(extra(name))
    assert {"azure-mgmt-batchai", "scipy", "scikit-learn", "numpy"} <= set(extra(SCENARIOS))


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("scipy.stats", "pip install 'batchai-harness[scenarios]'"),
        ("azure.mgmt", "pip install 'batchai-harness[scenarios]'"),
        ("rich", "pip install --upgrade batchai-harness"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_installs_it(module: str, command: str) -> None:
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)

    assert remedy(error) == command
    assert str(explained(error)) == f"the package {module} is missing: {command}"


def in_the_base(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the packages of the extra."""
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['azure', 'numpy', 'scipy', 'sklearn', 'msrest']))\n"
        "from harness.cli import main\n"
        f"sys.exit(main({list(words)!r}))\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)


@pytest.mark.parametrize("words", [["run", "s.yaml"], ["reap"], ["data", "mnist", "d"]])
def test_a_command_that_needs_an_extra_says_so(words: list[str], tmp_path: Path) -> None:
    process = in_the_base(tmp_path, *words)

    assert process.returncode == 2
    assert process.stderr.endswith(" is missing: pip install 'batchai-harness[scenarios]'\n")


def test_the_doctor_needs_no_extra_and_says_which_one_is_missing(tmp_path: Path) -> None:
    process = in_the_base(tmp_path, "doctor", "--json")

    checks = {check["name"]: check for check in json.loads(process.stdout)["checks"]}
    assert (process.returncode, process.stderr) == (1, "")
    assert checks["Python"]["state"] == "ok"
    for name in ("emulator", "data"):
        assert checks[name]["state"] == "fail"
        assert checks[name]["found"].endswith(" is missing")
        assert checks[name]["remedy"] == "pip install 'batchai-harness[scenarios]'"


def test_a_fixture_that_needs_an_extra_says_so() -> None:
    script = "import sys\nsys.modules['azure'] = None\nimport harness.services\nharness.services.service_named\n"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert process.stderr.endswith(" is missing: pip install 'batchai-harness[scenarios]'\n")
