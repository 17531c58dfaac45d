"""azure-ai-ml loads the files that ``harness export`` writes."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.cli import main

SCENARIOS = Path(__file__).parents[2] / "scenarios"
LOADS = """
import sys, warnings
warnings.simplefilter("ignore")
from azure.ai.ml import load_compute, load_datastore, load_job
for path in sys.argv[1:]:
    load = load_compute if "compute" in path else load_datastore if "datastore" in path else load_job
    print(type(load(path)).__name__)
"""


@pytest.mark.slow  # importing azure-ai-ml takes seconds, and creating its environment minutes
def test_azure_ai_ml_loads_exported_files(environment_of: Callable[[str], Path], tmp_path: Path) -> None:
    python = environment_of("azure_ai_ml") / "bin" / "python"
    kinds = []
    for name in ("mnist_quickstart", "mnist_learning_rate"):
        out = tmp_path / name
        assert main(["export", str(SCENARIOS / f"{name}.yaml"), "--to", "azureml", "--out", str(out)]) == 0
        process = subprocess.run(
            [str(python), "-c", LOADS, *map(str, sorted(out.iterdir()))], capture_output=True, text=True, check=False
        )
        assert process.returncode == 0, process.stderr
        kinds.append(process.stdout.split())
    assert kinds == [["AmlCompute", "AzureFileDatastore", job] for job in ("Command", "SweepJob")]
