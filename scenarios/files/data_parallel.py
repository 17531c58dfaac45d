"""Fits a line on several ranks: each has its part of the data, and all of them the same weights."""

import argparse
import os
from pathlib import Path

import torch

# The optimizer imports this, whose functions have the process group of that moment as a default: with one there they
# would keep it, and destroy_process_group would leave gloo's threads to abort the process when Python ends.
# https://github.com/pytorch/pytorch/issues/190489
import torch.distributed.nn
from torch import distributed

parser = argparse.ArgumentParser()
parser.add_argument("directory", type=Path)
parser.add_argument("--epochs", type=int, default=50)
options = parser.parse_args()

rank, ranks = int(os.environ["AZ_BATCHAI_TASK_INDEX"]), int(os.environ["RANKS"])
torch.set_num_threads(1)
distributed.init_process_group(
    os.environ["AZ_BATCHAI_PYTORCH_BACKEND"],
    init_method=os.environ["AZ_BATCHAI_PYTORCH_INIT_METHOD"],
    rank=rank,
    world_size=ranks,
)
x = torch.linspace(-1, 1, 64)[rank::ranks].unsqueeze(1)
y = 3 * x + 0.5
line = torch.nn.Linear(1, 1)
for parameter in line.parameters():
    distributed.broadcast(parameter.data, src=0)
optimizer = torch.optim.SGD(line.parameters(), lr=0.5)
for epoch in range(options.epochs):
    loss = torch.nn.functional.mse_loss(line(x), y)
    optimizer.zero_grad()
    loss.backward()
    for parameter in line.parameters():
        distributed.all_reduce(parameter.grad)
        parameter.grad /= ranks
    optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch + 1}: loss = {loss.item():.6f}", flush=True)
if rank == 0:
    torch.save(line.state_dict(), options.directory / "line.pt")
distributed.destroy_process_group()
