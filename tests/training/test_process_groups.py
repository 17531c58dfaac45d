"""A training leaves no thread of its process group to the end of Python: one that has a tensor then aborts the process.

See https://github.com/pytorch/pytorch/issues/190489.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.data.ctf import write_ctf
from harness.toolkits.interpreters import on_pytorch

ROOT = Path(__file__).parents[2]
RANKS = 2
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]
# The globals live until Python ends, like those of a script; the function that is registered first is called last.
RUN = """
import atexit, pathlib, sys

def threads():
    names = [path.read_text() for path in pathlib.Path("/proc/self/task").glob("*/comm")]
    print("threads:", sum("gloo" in name for name in names), flush=True)

atexit.register(threads)
program, sys.argv = sys.argv[1], sys.argv[1:]
exec(program, globals())
"""
CNTK = """
import numpy as np, cntk as C
x = C.input_variable(2)
z = C.layers.Dense(1)(x)
learner = C.train.distributed.data_parallel_distributed_learner(C.sgd(z.parameters, 0.1))
C.Trainer(z, C.squared_error(z, C.input_variable(1)), [learner])
"""


def threads_left(directory: Path, program: str, *arguments: object, more: Mapping[str, str] | None = None) -> list[int]:
    """The number of gloo's threads that each of two ranks has at its end."""
    environment = {
        **os.environ, **(more or {}), "RANKS": str(RANKS), "AZ_BATCHAI_PYTORCH_BACKEND": "gloo",
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": f"file://{directory}/meeting", "OMPI_COMM_WORLD_SIZE": str(RANKS),
        "AZ_BATCHAI_SHARED_JOB_TEMP": str(directory),
    }  # fmt: skip
    words = [sys.executable, "-c", RUN, program, *map(str, arguments)]
    ranks = [
        subprocess.Popen(
            words, env={**environment, "AZ_BATCHAI_TASK_INDEX": str(rank), "OMPI_COMM_WORLD_RANK": str(rank)},
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(RANKS)
    ]  # fmt: skip
    outputs = [rank.communicate()[0] for rank in ranks]
    return [int(output.rpartition("threads: ")[2]) for output in outputs]


def source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_ready_scenario_leaves_none(tmp_path: Path) -> None:
    program = source("scenarios/files/data_parallel.py")

    assert threads_left(tmp_path, program, tmp_path, "--epochs", 1) == [0, 0]


def test_distributed_data_parallel_leaves_none(tmp_path: Path) -> None:
    write_ctf(tmp_path / "data.txt", np.zeros((4, 784), np.uint8), np.zeros(4, np.uint8))
    program = source("tests/training/jobs/convnet_torch.py")
    options = ("--by", "ddp", "--minibatch", 4, "--epochs", 1, "--rate", 0.1)

    assert threads_left(tmp_path, program, tmp_path / "data.txt", *options) == [0, 0]


@pytest.mark.parametrize("end", ["", "C.Communicator.finalize()"])
def test_cntk_leaves_none_finalized_or_not(tmp_path: Path, end: str) -> None:
    assert threads_left(tmp_path, CNTK + end, more=on_pytorch().environment) == [0, 0]


def test_pytorch_leaves_them_where_an_optimizer_comes_after_the_process_group(tmp_path: Path) -> None:
    """Scripts import ``torch.distributed.nn`` for this reason; if this test fails, PyTorch has fixed it."""
    program = source("scenarios/files/data_parallel.py").replace("import torch.distributed.nn\n", "")

    assert 0 not in threads_left(tmp_path, program, tmp_path, "--epochs", 1)
