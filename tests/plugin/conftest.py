import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

import harness

Run = Callable[..., pytest.RunResult]

ASSERTS_OPTIONS = """
from harness.plugin import SCENARIO_OPTIONS

def test_options(pytestconfig):
    options = pytestconfig.stash[SCENARIO_OPTIONS]
    print("seen:", options.cloud, options.record, dict(options.values))
    print("service:", options.service)
"""

# No third-party plugins: the tests must not depend on those of this machine, whose import takes longer than the tests.
PLUGINS = ("-p", "harness.plugin", "-p", "xdist.plugin")


@pytest.fixture(scope="session")
def everything_loaded() -> None:
    """Import modules in advance: a second import by pytester fails for libyaml's binding and numpy."""
    for name in (
        "clouds",
        "experiments.failure_report",
        "experiments.run_context",
        "experiments.run",
        "resources",
        "plugin.scenario_items",
    ):
        importlib.import_module(f"harness.{name}")
    with suppress(ImportError):  # it comes with an extra
        importlib.import_module("numpy")


@pytest.fixture
def run(everything_loaded: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest with the plugin on a test that prints its options."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # The emulator's process finds the package in a checkout that is not installed, too.
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parent.parent))
    pytester.makepyfile(ASSERTS_OPTIONS)

    def run_it(*words: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*PLUGINS, "-s", *words)

    return run_it
