"""Our CNTK on PyTorch beside Microsoft's CNTK 2.7: the same programs, the same figures.

Real CNTK is looked for where jobs look: ``HARNESS_CNTK_PYTHON``, then what ``harness toolkits install cntk`` made.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import ToolkitError
from harness.toolkits.interpreters import JOBPATH, Cntk, find_cntk

pytestmark = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")

_spec = importlib.util.spec_from_file_location("cntk_programs", Path(__file__).with_name("programs.py"))
programs: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(programs)

Figures = dict[str, Any]


def short(name: str) -> str:
    """The name of a program without the common part."""
    for word in ("C.", "layers.", "z.parameters, ", "learning_parameter_"):
        name = name.replace(word, "")
    return name[:90]


def run(python: str, environment: Mapping[str, str]) -> Figures:
    """The results of every program, or the last output of a process without results."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    figures: Figures = {}
    for together in (programs.VALUES, programs.TRAININGS):
        done = subprocess.run([python, "-W", "ignore", "-c", programs.PRELUDE], input=json.dumps(together),
                              env=environment, capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
        figures |= dict.fromkeys(together, f"exit code {done.returncode}: {done.stderr[-500:]}")
        figures |= [json.loads(line[7:]) for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    return figures


@pytest.fixture(scope="session")
def real() -> Cntk:
    chosen = os.environ.get("HARNESS_CNTK_PYTHON")
    try:
        cntk = find_cntk(Path(chosen) if chosen else None, environ=os.environ)
    except ToolkitError as error:
        pytest.skip(str(error))
    if cntk.python == sys.executable:
        pytest.skip("real CNTK 2.7 is not installed; `harness toolkits install cntk` installs it")
    return cntk


@pytest.fixture(scope="session")
def theirs(real: Cntk) -> Figures:
    return run(real.python, {"PYTHONPATH": "", **real.environment})


@pytest.fixture(scope="session")
def ours(real: Cntk) -> Figures:
    return run(sys.executable, {"PYTHONPATH": str(JOBPATH)})


@pytest.mark.parametrize("name", {**programs.VALUES, **programs.TRAININGS}, ids=short)
def test_figures_are_those_of_real_cntk(name: str, ours: Figures, theirs: Figures) -> None:
    assert isinstance(theirs[name], list), f"real CNTK: {theirs[name]}"
    assert isinstance(ours[name], list), f"ours: {ours[name]}"
    assert len(ours[name]) == len(theirs[name])
    for mine, correct in zip(ours[name], theirs[name], strict=True):
        np.testing.assert_allclose(mine, correct, rtol=1e-4, atol=1e-4)
