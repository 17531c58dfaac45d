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
        """The number of workers."""
        return _number("OMPI_COMM_WORLD_SIZE", 1)

    @staticmethod
    def rank() -> int:
        """The number of this worker, from 0."""
        return _number("OMPI_COMM_WORLD_RANK", 0)

    @staticmethod
    def is_main() -> bool:
        """Whether this worker is the first."""
        return Communicator.rank() == 0

    @staticmethod
    def barrier() -> None:
        """Wait until every worker has called this."""
        if Communicator.num_workers() > 1:
            _join()
            distributed.barrier()

    @staticmethod
    def finalize() -> None:
        """Leave the other workers; this is the last call of a script."""
        if distributed.is_available() and distributed.is_initialized():
            distributed.barrier()
            _leave()


def data_parallel_distributed_learner(
    learner: Learner,
    distributed_after: int = 0,
    num_quantization_bits: int = 32,
    use_async_buffered_parameter_update: bool = False,
) -> Learner:
    """The learner, which from now on learns from the gradients of all workers.

    Args:
        learner: a learner that has learned alone so far.
        distributed_after: has to be 0 here.
        num_quantization_bits: has to be 32 here: gradients are not quantized.
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
        for parameter in learner.parameters:
            distributed.broadcast(parameter.tensor.data, 0)
    return learner


def all_sum(
    gradients: list[Tensor], loss: Tensor, metric: Tensor | None, samples: int
) -> tuple[Tensor, Tensor | None, int]:
    """Sum over all workers: gradients in place; loss, metric and number of samples as results."""
    figures = torch.stack([loss.cpu(), torch.zeros_like(loss).cpu() if metric is None else metric.cpu(),
                           torch.tensor(float(samples), dtype=torch.float64)])  # fmt: skip
    distributed.all_reduce(figures)
    flat = torch.cat([tensor.reshape(-1) for tensor in gradients])
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([tensor.numel() for tensor in gradients]), strict=True):
        gradient.copy_(part.reshape(gradient.shape))
    return figures[0], None if metric is None else figures[1], int(figures[2])


def _join() -> None:
    """Meet the other workers."""
    if not distributed.is_initialized():
        # The module keeps the process group that exists when it is imported as a default of its functions, and
        # PyTorch's optimizers import it. Imported later, it would keep the group and its threads after their end.
        import_module("torch.distributed.nn")
        distributed.init_process_group(
            "gloo", _rendezvous_url(os.environ), rank=Communicator.rank(), world_size=Communicator.num_workers()
        )
        atexit.register(_leave)


def _leave() -> None:
    """End gloo's threads, also if a script does not call ``finalize``.

    A thread that has a tensor when Python ends aborts the process: https://github.com/pytorch/pytorch/issues/190489
    """
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _rendezvous_url(environ: Mapping[str, str]) -> str:
    """The URL at which workers meet: the address in the job's environment, else a file for this run of ``mpirun``.

    A job has an address if its nodes share no directory.
    """
    address = environ.get("HARNESS_CNTK_MEETING", "")
    if address.startswith("tcp://"):
        return address
    directory = Path(environ.get("AZ_BATCHAI_SHARED_JOB_TEMP") or tempfile.gettempdir())
    directory.mkdir(parents=True, exist_ok=True)
    return f"file://{directory / f'cntk-workers-{_run_name(environ)}'}"


def _run_name(environ: Mapping[str, str]) -> str:
    """A name that the processes of one ``mpirun`` share and no other run has."""
    names = ("OMPI_MCA_orte_precondition_transports", "PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid")
    return "-".join(environ.get(name, "") for name in names).replace("/", "_")


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


def __getattr__(name: str) -> Any:
    return missing(__name__)(name)
