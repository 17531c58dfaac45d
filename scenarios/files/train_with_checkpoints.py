"""A training that may be stopped at any moment, and goes on where it was."""

import argparse
import json
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("directory", type=Path)
parser.add_argument("--steps", type=int, default=40)
options = parser.parse_args()

checkpoint = options.directory / "checkpoint.json"
state = json.loads(checkpoint.read_text()) if checkpoint.exists() else {"starts": 0, "steps": 0}
state["starts"] += 1
while state["steps"] < options.steps:
    time.sleep(0.05)  # a step of training
    state["steps"] += 1
    beside = options.directory / "checkpoint.part"
    beside.write_text(json.dumps(state))
    beside.replace(checkpoint)  # a checkpoint is there whole, or not at all
print("steps =", state["steps"])
print("starts =", state["starts"])
