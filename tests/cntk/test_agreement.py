"""Our CNTK on PyTorch beside Microsoft's CNTK 2.7: the same programs, the same figures.

Real CNTK is looked for where jobs look: ``HARNESS_CNTK_PYTHON``, then what ``harness toolkits install cntk`` made.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ToolkitError
from harness.toolkits.interpreters import JOBPATH, Cntk, find_cntk
from tests.cntk.programs import PRELUDE, PROGRAMS

pytest.importorskip("torch", reason="PyTorch is not installed")

Figures = dict[str, Any]


def run(python: str, environment: dict[str, str]) -> Figures:
    """Every program in one process; what each gave."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run([python, "-W", "ignore", "-c", PRELUDE], input=json.dumps(PROGRAMS), env=environment,
                          capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
    found = [line for line in done.stdout.splitlines() if line.startswith("RESULTS ")]
    if not found:
        raise AssertionError(done.stderr)
    figures: Figures = json.loads(found[0].removeprefix("RESULTS "))
    return figures


@pytest.fixture(scope="session")
def real() -> Cntk:
    chosen = os.environ.get("HARNESS_CNTK_PYTHON")
    try:
        found = find_cntk(Path(chosen) if chosen else None, environ=os.environ)
    except ToolkitError as error:
        pytest.skip(str(error))
    if found.python == sys.executable:
        pytest.skip("real CNTK 2.7 is not installed; `harness toolkits install cntk` installs it")
    return found


@pytest.fixture(scope="session")
def theirs(real: Cntk) -> Figures:
    return run(real.python, {"PYTHONPATH": "", **real.environment})


@pytest.fixture(scope="session")
def ours(real: Cntk) -> Figures:
    return run(sys.executable, {"PYTHONPATH": str(JOBPATH)})


@pytest.mark.parametrize("name", PROGRAMS)
def test_figures_are_those_of_real_cntk(name: str, ours: Figures, theirs: Figures) -> None:
    assert isinstance(theirs[name], list), f"real CNTK: {theirs[name]}"
    assert isinstance(ours[name], list), f"ours: {ours[name]}"
    assert len(ours[name]) == len(theirs[name])
    for mine, correct in zip(ours[name], theirs[name], strict=True):
        np.testing.assert_allclose(mine, correct, rtol=1e-4, atol=1e-4)
