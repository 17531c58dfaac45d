"""Several workers under ``mpirun``, each with a part of every minibatch: ``cntk.train.distributed``.

Open MPI starts the processes and numbers them; PyTorch's gloo adds up their gradients.
"""

import atexit
import os
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from ..function import Tensor
from ..learner import Learner
from ..missing import missing


class Communicator:
    """The workers of a job; without ``mpirun`` there is one."""

    @staticmethod
    def num_workers() -> int:
        """How many there are."""
        return _number("OMPI_COMM_WORLD_SIZE", 1)

    @staticmethod
    def rank() -> int:
        """This one's number, from 0."""
        return _number("OMPI_COMM_WORLD_RANK", 0)

    @staticmethod
    def is_main() -> bool:
        """Whether this one is the first."""
        return Communicator.rank() == 0

    @staticmethod
    def barrier() -> None:
        """Wait until every worker is here."""
        if Communicator.num_workers() > 1:
            _join()
            distributed.barrier()

    @staticmethod
    def finalize() -> None:
        """Part; the last thing that a script does."""
        if distributed.is_available() and distributed.is_initialized():
            distributed.barrier()
            _part()


def data_parallel_distributed_learner(
    learner: Learner,
    distributed_after: int = 0,
    num_quantization_bits: int = 32,
    use_async_buffered_parameter_update: bool = False,
) -> Learner:
    """The learner, learning from the gradients of all workers together.

    Args:
        learner: which learns alone until now.
        distributed_after: has to be 0 here.
        num_quantization_bits: has to be 32 here: gradients travel as they are.
        use_async_buffered_parameter_update: has to be ``False`` here.

    Raises:
        ValueError: another way of sharing gradients is asked for.
    """
    if distributed_after or num_quantization_bits != 32 or use_async_buffered_parameter_update:
        raise ValueError(
            "CNTK on PyTorch shares whole gradients from the start: distributed_after=0, num_quantization_bits=32, "
            "use_async_buffered_parameter_update=False"
        )
    learner.announced = False
    if Communicator.num_workers() > 1:
        _join()
        learner.distributed = True
        for each in learner.parameters:
            distributed.broadcast(each.tensor.data, 0)
    return learner


def all_sum(
    gradients: list[Tensor], loss: Tensor, metric: Tensor | None, samples: int
) -> tuple[Tensor, Tensor | None, int]:
    """Add up what the workers have: gradients in place; loss, metric and number of samples as results."""
    figures = torch.stack([loss.cpu(), torch.zeros_like(loss).cpu() if metric is None else metric.cpu(),
                           torch.tensor(float(samples), dtype=torch.float64)])  # fmt: skip
    distributed.all_reduce(figures)
    flat = torch.cat([each.reshape(-1) for each in gradients])
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([each.numel() for each in gradients]), strict=True):
        gradient.copy_(part.reshape(gradient.shape))
    return figures[0], None if metric is None else figures[1], int(figures[2])


def _join() -> None:
    """Meet the other workers."""
    if not distributed.is_initialized():
        # Its functions have the process group of the moment at which it is imported as a default, and optimizers of
        # PyTorch import it: with a group there it would keep it and its threads, whatever is destroyed.
        import_module("torch.distributed.nn")
        distributed.init_process_group(
            "gloo", _meeting(os.environ), rank=Communicator.rank(), world_size=Communicator.num_workers()
        )
        atexit.register(_part)


def _part() -> None:
    """End gloo's threads, also where a script does not finalize.

    One that still has a tensor when Python ends aborts the process: https://github.com/pytorch/pytorch/issues/190489
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _meeting(environ: Mapping[str, str]) -> str:
    """Where workers meet: at the address that the job names, else in a file that only this run of ``mpirun`` knows.

    A job has an address where its nodes have no directory in common.
    """
    named = environ.get("HARNESS_CNTK_MEETING", "")
    if named.startswith("tcp://"):
        return named
    directory = Path(environ.get("AZ_BATCHAI_SHARED_JOB_TEMP") or tempfile.gettempdir())
    directory.mkdir(parents=True, exist_ok=True)
    return f"file://{directory / f'cntk-workers-{_run(environ)}'}"


def _run(environ: Mapping[str, str]) -> str:
    """A name that the processes of one ``mpirun`` share and no other run has."""
    names = ("OMPI_MCA_orte_precondition_transports", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid")
    return "-".join(environ.get(name, "") for name in names).replace("/", "_")


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


def __getattr__(name: str) -> Any:
    return missing(__name__)(name)
