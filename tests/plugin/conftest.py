from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import harness

Run = Callable[..., pytest.RunResult]

ASSERTS_OPTIONS = """
from harness.plugin import SCENARIO_OPTIONS

def test_options(pytestconfig):
    options = pytestconfig.stash[SCENARIO_OPTIONS]
    print("seen:", options.cloud, options.record, dict(options.values))
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest with the plugin on one test that prints the options it sees."""
    installed = any(entry.value == "harness.plugin" for entry in entry_points(group="pytest11"))
    plugin = () if installed else ("-p", "harness.plugin")
    # The emulator's process finds the package in a checkout that is not installed, too.
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parent.parent))
    pytester.makepyfile(ASSERTS_OPTIONS)

    def run_it(*words: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*plugin, "-p", "no:randomly", "-s", *words)

    return run_it


@pytest.fixture
def run_apart(run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """As ``run``, in a process of its own: libyaml's binding does not survive a second import."""
    monkeypatch.setattr(pytester, "runpytest_inprocess", pytester.runpytest_subprocess)
    return run
