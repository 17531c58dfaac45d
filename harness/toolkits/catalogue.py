"""Every toolkit of Batch AI by the name of its settings (without ``Settings``), and Azure ML's ``command``."""

from collections.abc import Callable, Mapping

from harness.errors import ToolkitError
from harness.toolkits import caffe, cntk, command, custom, mpi, ranked, tensorflow
from harness.toolkits.toolkit import Assignment, Process

TOOLKITS: Mapping[str, Callable[[Assignment], tuple[Process, ...]]] = {
    "caffe": caffe.processes,
    "caffe2": ranked.caffe2,
    "chainer": mpi.chainer,
    "cntk": cntk.processes,
    "command": command.processes,
    "customMpi": mpi.command_line,
    "customToolkit": custom.processes,
    "horovod": mpi.horovod,
    "pyTorch": ranked.pytorch,
    "tensorFlow": tensorflow.processes,
}


def processes(toolkit: str, job: Assignment) -> tuple[Process, ...]:
    """The processes of a job of ``toolkit``. Raises ToolkitError if the toolkit does not exist."""
    if toolkit not in TOOLKITS:
        raise ToolkitError(f"there is no toolkit {toolkit!r}; there are {', '.join(TOOLKITS)}")
    return TOOLKITS[toolkit](job)
