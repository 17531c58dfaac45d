"""One training as a Batch AI job by four toolkits: its data, its settings, and the losses that it prints."""

import re
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from harness.data.ctf import write_ctf
from harness.data.digits import load_digits_split
from tests.emulator.batchai.conftest import Group

SAMPLES: Final = 258  # of minibatches of 64 the fifth has 2 samples, so that of four nodes two have none
# CNTK's float32 sums in another order differ by 1e-7, and 20 steps at this rate made no more than 1e-6 of that, with
# each of four seeds; at higher rates the kinks of relu and of maxima make it 1e-2. PyTorch's are float64.
TOLERANCE: Final = 1e-3
_JOBS = Path(__file__).parent / "jobs"
_LOSS = re.compile(r"^epoch \d+: loss = (\S+)$", re.MULTILINE)
_SHARE = "$AZ_BATCHAI_MOUNT_ROOT/share"
_DATA = f"{_SHARE}/train.txt"


@dataclass(frozen=True, slots=True)
class Training:
    """The network and data of a training.

    Attributes:
        minibatch: samples of a step, over all nodes.
        rate: of a minibatch's mean gradient.
        is_shared: whether nodes learn from the gradients of all; a fault otherwise.
    """

    minibatch: int = 64
    rate: float = 0.02
    epochs: int = 4
    is_shared: bool = True

    @property
    def words(self) -> str:
        """The options of both scripts."""
        unshared = "" if self.is_shared else " --unshared"
        return f"--minibatch {self.minibatch} --rate {self.rate} --epochs {self.epochs}{unshared}"


RIGHT: Final = Training()
# Wrong ways to train on four nodes, for comparison:
WRONG: Final[Mapping[str, tuple[int, Training]]] = {
    "gradients were added up, not averaged": (1, replace(RIGHT, rate=4 * RIGHT.rate)),
    "each node took a whole minibatch": (1, replace(RIGHT, minibatch=4 * RIGHT.minibatch)),
    "nodes kept their gradients to themselves": (4, replace(RIGHT, is_shared=False)),
}


def _cntk(nodes: int, words: str) -> dict[str, Any]:
    script = {"pythonScriptFilePath": f"{_SHARE}/convnet_cntk.py", "languageType": "Python", "processCount": nodes}
    return {"cntkSettings": script | {"commandLineArgs": f"{_DATA} --samples {SAMPLES} {words}"}}


def _pytorch(nodes: int, words: str) -> dict[str, Any]:
    script = {"pythonScriptFilePath": f"{_SHARE}/convnet_torch.py", "processCount": nodes}
    return {
        "pyTorchSettings": script | {"commandLineArgs": f"{_DATA} --by ddp {words}", "communicationBackend": "gloo"},
        "environmentVariables": [{"name": "RANKS", "value": str(nodes)}],
    }


def _horovod(nodes: int, words: str) -> dict[str, Any]:
    script = {"pythonScriptFilePath": f"{_SHARE}/convnet_torch.py", "processCount": nodes}
    return {
        "horovodSettings": script
        | {"commandLineArgs": f"{_DATA} --by horovod {words}", "pythonInterpreterPath": sys.executable}
    }


def _custom_mpi(nodes: int, words: str) -> dict[str, Any]:
    command = f"'{sys.executable}' {_SHARE}/convnet_torch.py {_DATA} --by mpi {words}"
    return {"customMpiSettings": {"commandLine": command, "processCount": nodes}}


WAYS: Final[Mapping[str, Callable[[int, str], dict[str, Any]]]] = {
    "cntk": _cntk,
    "pyTorch": _pytorch,
    "horovod": _horovod,
    "customMpi": _custom_mpi,
}


def upload(group: Group, directory: Path) -> None:
    """Put scripts and data into the share of a group."""
    train = load_digits_split().train
    write_ctf(directory / "train.txt", train.images[:SAMPLES], train.labels[:SAMPLES])
    for path in (directory / "train.txt", _JOBS / "convnet_cntk.py", _JOBS / "convnet_torch.py"):
        group.files.create_file_from_path(group.share, None, path.name, str(path))


def losses(group: Group, way: str, nodes: int, training: Training = RIGHT) -> list[float]:
    """The mean loss of each epoch of a training on ``nodes`` nodes."""
    name = f"{way.lower()}-{uuid.uuid4().hex[:8]}"
    body = group.job(nodeCount=nodes, **WAYS[way](nodes, training.words))
    del body["properties"]["customToolkitSettings"]
    path = f"{group.experiment}/jobs/{name}"
    group.wait_for_operation(group.send("PUT", path, body))
    ended = group.wait_for_end(path)
    files = {file: group.read(path, file) for file in group.outputs(path) if file.endswith(("txt", "log"))}
    assert ended["executionState"] == "succeeded", files
    values = [float(loss) for text in files.values() for loss in _LOSS.findall(text)]
    assert len(values) == training.epochs, files
    return values


def distance(first: list[float], second: list[float]) -> float:
    """The distance of two curves: the largest difference of an epoch, relative to its loss."""
    return max(abs(a - b) / a for a, b in zip(first, second, strict=True))
