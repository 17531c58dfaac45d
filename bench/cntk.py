"""Training and reading by CNTK on PyTorch, compared with real CNTK 2.7 and plain PyTorch on this machine.

    python bench/cntk.py [--quick] [--json]

Each contender trains the quickstart's network on 9,000 images, or for 5 s, in minibatches of 64. Our ``cntk`` and real
CNTK run the same program; plain PyTorch runs the same network in NCHW with its data in memory. The reading benchmark
reads a source over the 18 MB text file once. The contenders take turns, each in its own process. A ratio is the median
over the rounds of ours to theirs from the same round; larger is better. Real CNTK is the installation that jobs would
use, or one installed for the benchmark only; it and plain PyTorch run without the settings of a job's environment.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.config import load_settings
from harness.data import TRAIN_FILE, prepare
from harness.errors import ToolkitError
from harness.toolkits.install import install_cntk
from harness.toolkits.interpreters import JOBPATH, find_cntk, on_pytorch

SAMPLES = 9000
SECONDS = 5  # the limit of a training on a slow machine
TRAINING = """
import sys, time
from pathlib import Path
sys.path.insert(0, SCRIPTS)
import cntk, ConvNet_MNIST as script
images, labels = cntk.input_variable(script.IMAGE), cntk.input_variable(script.CLASSES)
model = script.network(images)
criterion = (cntk.cross_entropy_with_softmax(model, labels), cntk.classification_error(model, labels))
rates = cntk.learning_parameter_schedule_per_sample(0.001)
learner = cntk.momentum_sgd(model.parameters, rates, cntk.momentum_as_time_constant_schedule(1024))
trainer = cntk.Trainer(model, criterion, [learner], [cntk.logging.ProgressPrinter()])
source = script.reader(Path(FILE), True)
streams = {images: source.streams.features, labels: source.streams.labels}
script.train_epoch(trainer, source, streams, MINIBATCH, 1024)
start, trained = time.perf_counter(), 0
while trained < SAMPLES and time.perf_counter() - start < SECONDS:
    script.train_epoch(trainer, source, streams, MINIBATCH, 1024)
    trained += 1024
print("\\nRESULT", trained / (time.perf_counter() - start))
"""
PLAIN = """
import time
import numpy as np, torch
from torch import nn
torch.set_num_threads(CPUS)
text = open(FILE).read().replace("|labels", "").replace("|features", "")
table = torch.from_numpy(np.fromstring(text, np.float32, sep=" ").reshape(SAMPLES, 794))
labels, images = table[:, :10].argmax(1), table[:, 10:].reshape(-1, 1, 28, 28).contiguous()
net = nn.Sequential(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(32, 48, 3), nn.ReLU(),
    nn.MaxPool2d(3, 2), nn.Conv2d(48, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 96), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(96, 10))
optimizer, loss = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9), nn.CrossEntropyLoss()
def epoch():
    order = torch.randperm(len(images))[:1024]
    for begin in range(0, 1024, MINIBATCH):
        chosen = order[begin:begin + MINIBATCH]
        optimizer.zero_grad()
        loss(net(images[chosen] / 256), labels[chosen]).backward()
        optimizer.step()
epoch()
start, trained = time.perf_counter(), 0
while trained < SAMPLES and time.perf_counter() - start < SECONDS:
    epoch()
    trained += 1024
print("RESULT", trained / (time.perf_counter() - start))
"""
READING = """
import time
import cntk
fields = {"features": 784, "labels": 10}
start = time.perf_counter()
streams = cntk.io.StreamDefs(**{name: cntk.io.StreamDef(field=name, shape=width) for name, width in fields.items()})
source = cntk.io.MinibatchSource(cntk.io.CTFDeserializer(FILE, streams), randomize=False, max_sweeps=1)
while source.next_minibatch(MINIBATCH):
    pass
print("\\nRESULT", SAMPLES / (time.perf_counter() - start))
"""


@dataclass(frozen=True)
class Runner:
    """A Python interpreter with its environment, and the file with the data."""

    python: str
    environment: Mapping[str, str]
    data: Path

    def run(self, program: str, minibatch: int) -> float:
        """Run a program; returns its samples per second."""
        cpus = len(os.sched_getaffinity(0))
        scripts = str(Path(__file__).parents[1] / "scenarios/files")
        constants = {"FILE": str(self.data), "MINIBATCH": minibatch, "SAMPLES": SAMPLES, "SECONDS": SECONDS,
                     "CPUS": cpus, "SCRIPTS": scripts}  # fmt: skip
        code = "".join(f"{name} = {value!r}\n" for name, value in constants.items()) + program
        variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # Not in the current directory: -c imports from there, and might import this file as ``cntk``.
        process = subprocess.run([self.python, "-W", "ignore", "-c", code], env={**variables, **self.environment},
                                 cwd=self.data.parent, capture_output=True, text=True, check=False)  # fmt: skip
        rates = [line.split()[1] for line in process.stdout.splitlines() if line.startswith("RESULT ")]
        if not rates:
            raise SystemExit(f"{self.python}: {process.stderr}")
        return float(rates[0])


def write_data(directory: Path) -> Path:
    """Write a file of 9,000 samples: MNIST if the setting ``mnist_dir`` exists, else the digits, repeated."""
    prepare(directory, mnist_dir=load_settings(Path.cwd()).mnist_dir)
    path = directory / TRAIN_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join((lines * -(-SAMPLES // len(lines)))[:SAMPLES]))
    return path


def real_cntk(directory: Path, data: Path) -> Runner | None:
    """Return the real CNTK, installed for this benchmark if jobs have none; None if it cannot be installed."""
    settings = load_settings(Path.cwd())
    environ = dict(os.environ)
    try:
        installation = find_cntk(settings.cntk_python, environ=environ)
        if installation.python == sys.executable:
            environ["XDG_DATA_HOME"] = str(directory)
            installation = install_cntk(
                environ, listener=lambda step: print(step.step, step.detail, file=sys.stderr)
            ).cntk
    except ToolkitError as error:
        print(f"no comparison with CNTK: {error}", file=sys.stderr)
        return None
    return Runner(installation.python, {"LD_LIBRARY_PATH": installation.environment["LD_LIBRARY_PATH"]}, data)


def compare(runners: Mapping[str, tuple[Runner, str]], minibatch: int, rounds: int) -> dict[str, list[float]]:
    """Return samples per second of each runner in each round."""
    figures: dict[str, list[float]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, (runner, program) in runners.items():
            figures[name].append(runner.run(program, minibatch))
    for name, rates in figures.items():
        low, middle, high = min(rates), statistics.median(rates), max(rates)
        print(f"  {name:<14} {middle:9.0f} samples/s ({low:.0f}-{high:.0f})", file=sys.stderr)
    return figures


def ratio(figures: Mapping[str, list[float]], theirs: str) -> float | None:
    """Return the median over the rounds of ours to theirs; None if theirs was not measured."""
    if theirs not in figures:
        return None
    return round(statistics.median(a / b for a, b in zip(figures["ours"], figures[theirs], strict=True)), 3)


def measure(directory: Path, rounds: int) -> dict[str, object]:
    """Run all comparisons."""
    data = write_data(directory)
    cntk = real_cntk(directory, data)
    ours = Runner(sys.executable, on_pytorch().environment, data)
    plain = Runner(sys.executable, {}, data)
    theirs = {} if cntk is None else {"cntk": cntk}
    print("training, minibatches of 64", file=sys.stderr)
    small = compare({"ours": (ours, TRAINING), "plain": (plain, PLAIN),
                     **{name: (runner, TRAINING) for name, runner in theirs.items()}}, 64, rounds)  # fmt: skip
    print("training, minibatches of 1024", file=sys.stderr)
    large = compare({"ours": (ours, TRAINING), "plain": (plain, PLAIN)}, 1024, max(1, rounds // 2))
    print("reading the text file once", file=sys.stderr)
    reading = compare({"ours": (ours, READING), **{name: (runner, READING) for name, runner in theirs.items()}},
                      1024, rounds)  # fmt: skip
    return {
        "vs_cntk": ratio(small, "cntk"),
        "vs_plain_torch": ratio(small, "plain"),
        "vs_plain_torch_1024": ratio(large, "plain"),
        "reader_vs_cntk": ratio(reading, "cntk"),
        "samples_per_s": {name: round(statistics.median(rates)) for name, rates in small.items()},
        "read_samples_per_s": {name: round(statistics.median(rates)) for name, rates in reading.items()},
        "rounds": rounds,
    }


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(
        description="Training by CNTK on PyTorch, compared with real CNTK and plain PyTorch."
    )
    parser.add_argument("--quick", action="store_true", help="one round instead of four")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    if not JOBPATH.is_dir():
        raise SystemExit("run this from the repository, with PyTorch installed")
    with tempfile.TemporaryDirectory() as directory:
        results = measure(Path(directory), 1 if options.quick else 4)
    print(json.dumps(results) if options.json else "\n".join(f"{name}: {value}" for name, value in results.items()))


if __name__ == "__main__":
    main()
