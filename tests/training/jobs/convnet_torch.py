"""The quickstart's network by PyTorch, each minibatch shared among all ranks; a job of the tests.

    convnet_torch.py CTF_FILE --by {ddp,horovod,mpi} [OPTIONS]

Ranks of the toolkit pyTorch train with DistributedDataParallel (ddp). Under mpirun gradients are averaged by MPI
itself: by an optimizer, as Horovod does (horovod), or in the loop (mpi). There is no dropout, since each rank would
drop others. After each epoch the first rank prints the mean loss of its samples: "epoch 1: loss = 2.30".
"""

import argparse
import ctypes
import os

import numpy as np
import torch
import torch.distributed.nn  # as in scenarios/files/data_parallel.py
from torch import distributed


class Ddp:
    """The ranks of a job of the toolkit pyTorch."""

    def __init__(self):
        self.rank, self.ranks = int(os.environ["AZ_BATCHAI_TASK_INDEX"]), int(os.environ["RANKS"])
        distributed.init_process_group(
            os.environ["AZ_BATCHAI_PYTORCH_BACKEND"],
            init_method=os.environ["AZ_BATCHAI_PYTORCH_INIT_METHOD"],
            rank=self.rank,
            world_size=self.ranks,
        )

    def prepare(self, network, optimizer):
        return torch.nn.parallel.DistributedDataParallel(network), optimizer

    def average(self, network):
        """Do nothing, since the backward pass has averaged the gradients."""

    def sum(self, tensor):
        distributed.all_reduce(tensor)

    def finish(self):
        distributed.destroy_process_group()


class Mpi:
    """The ranks of Open MPI 4, by its C library, since mpi4py would be another dependency."""

    def __init__(self):
        self._library = ctypes.CDLL("libmpi.so.40", mode=ctypes.RTLD_GLOBAL)
        self._library.MPI_Init(None, None)
        self.rank, self.ranks = self._number("MPI_Comm_rank"), self._number("MPI_Comm_size")

    def prepare(self, network, optimizer):
        return network, optimizer

    def average(self, network):
        for parameter in network.parameters():
            self.sum(parameter.grad)
            parameter.grad /= self.ranks

    def sum(self, tensor):
        buffer = ctypes.c_void_p(tensor.data_ptr())
        in_place = ctypes.c_void_p(1)
        double, add = self._named("mpi_double"), self._named("mpi_op_sum")
        assert not self._library.MPI_Allreduce(in_place, buffer, tensor.numel(), double, add, self._world)

    def finish(self):
        self._library.MPI_Finalize()

    @property
    def _world(self):
        return self._named("mpi_comm_world")

    def _named(self, name):
        return ctypes.byref(ctypes.c_char.in_dll(self._library, f"ompi_{name}"))

    def _number(self, function):
        number = ctypes.c_int()
        getattr(self._library, function)(self._world, ctypes.byref(number))
        return number.value


class Horovod(Mpi):
    """Horovod's method over MPI: all ranks start with the first one's weights, and the optimizer averages gradients."""

    def prepare(self, network, optimizer):
        for parameter in network.parameters():
            parameter.data *= self.rank == 0
            self.sum(parameter.data)
        optimizer.register_step_pre_hook(lambda *_: Mpi.average(self, network))
        return network, optimizer

    def average(self, network):
        """Do nothing, since the optimizer averages the gradients."""


def network():
    """Three convolutions and two dense layers."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2),
        torch.nn.Conv2d(32, 48, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2),
        torch.nn.Conv2d(48, 64, 3), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(64 * 3 * 3, 96), torch.nn.ReLU(), torch.nn.Linear(96, 10),
    )  # fmt: skip


def read(path):
    """Images and labels of a file in CNTK's text format."""
    with open(path, encoding="ascii") as lines:  # noqa: PTH123  # as a user's script has it
        fields = [line.replace("|labels", "").split("|features") for line in lines]
    numbers = [np.array([field[index].split() for field in fields], dtype=np.float64) for index in (0, 1)]
    return torch.from_numpy(numbers[1].reshape(-1, 1, 28, 28) / 256), torch.from_numpy(numbers[0].argmax(1))


def train(ranks, options):
    """Train, and print the loss of each epoch."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # so that sums in another order are the same to the tenth digit
    torch.manual_seed(ranks.rank if options.by == "horovod" else 0)
    images, labels = read(options.data)
    model = network()
    for layer in model:
        if hasattr(layer, "weight"):
            torch.nn.init.kaiming_normal_(layer.weight)
            torch.nn.init.zeros_(layer.bias)
    model, optimizer = ranks.prepare(model, torch.optim.SGD(model.parameters(), lr=options.rate, momentum=0.5))
    for epoch in range(options.epochs):
        order = torch.from_numpy(np.random.default_rng(epoch).permutation(len(images)))
        total = torch.zeros(())
        for whole in order.split(options.minibatch):
            own = whole.tensor_split(ranks.ranks)[ranks.rank]
            loss = torch.nn.functional.cross_entropy(model(images[own]), labels[own], reduction="sum")
            optimizer.zero_grad()
            # The mean of this over ranks is the mean over samples, even if ranks have different numbers of samples.
            (loss * ranks.ranks / len(whole)).backward()
            if not options.unshared:
                ranks.average(model)
            optimizer.step()
            total += loss.item()
        ranks.sum(total)
        if ranks.rank == 0:
            print(f"epoch {epoch + 1}: loss = {total.item() / len(images):.7f}", flush=True)


parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--by", choices=["ddp", "horovod", "mpi"], required=True)
parser.add_argument("--minibatch", type=int, required=True, help="samples, of all ranks together")
parser.add_argument("--epochs", type=int, required=True)
parser.add_argument("--rate", type=float, required=True)
parser.add_argument("--unshared", action="store_true", help="with mpi: ranks learn from their own samples alone")
options = parser.parse_args()
ranks = {"ddp": Ddp, "horovod": Horovod, "mpi": Mpi}[options.by]()
train(ranks, options)
ranks.finish()  # after the network is deleted, since DistributedDataParallel keeps the process group
