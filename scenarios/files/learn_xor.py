"""Learns exclusive or with two layers, on a GPU where there is one."""

import argparse
from pathlib import Path

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("directory", type=Path)
parser.add_argument("--epochs", type=int, default=300)
options = parser.parse_args()

torch.manual_seed(1)
torch.set_num_threads(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
inputs = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], device=device)
wanted = torch.tensor([[0.0], [1.0], [1.0], [0.0]], device=device)
network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).to(device)
optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
for epoch in range(options.epochs):
    loss = nn.functional.binary_cross_entropy_with_logits(network(inputs), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 50 == 49:
        print(f"epoch {epoch + 1}: loss = {loss.item():.6f}", flush=True)
torch.save(network.state_dict(), options.directory / "xor.pt")
