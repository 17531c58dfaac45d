"""The shipped scenarios replay on the service that is not the default, too."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_shipped_scenarios_replay_on_azure_machine_learning(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "AZURE_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "scenarios", "--service", "azureml", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        env=environ | {"XDG_CONFIG_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"\b[1-9]\d* passed\b", done.stdout)
    assert "recorded, but not requested" not in done.stdout
