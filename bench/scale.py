"""Jobs on a Ray cluster: ours on the back end ray, compared with the same commands as Ray tasks.

    python bench/scale.py [--json] [--quick] [--nodes N]... [--seconds S] [--jobs N] [--rounds N]

A Ray cluster on this machine has the requested number of Ray nodes and runs one job at a time on each. Both sides run
the same command equally often, in turns: `true`, `sleep S`, and a training (PyTorch, digits, one thread):

- ours: Batch AI jobs of an emulator with `--compute ray:...`, on a cluster with as many nodes, submitted over HTTPS and
  run under a supervisor; timed from the start of the first job to the end of the last, as the service reports them;
- Ray: `subprocess.run` in a task that requests the same resource; timed from the first task to the last result, after
  the workers have started.

Ours runs first in the first round, Ray in the second, and so on, so that both have the same share of after-effects.

`vs_ray` is the rate of ours over that of Ray, the median of the rounds; the overall figure is the worse of `sleep S`
and the training. No-op jobs (`true`) show the overhead of a job. `samples_per_s` is the total of our trainings.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.emulator.batchai.conftest import Group, emulated  # noqa: E402
from tests.ray_cluster import RayCluster, started_cluster  # noqa: E402

SLOT = "batchai-node"
PAUSE = 0.2  # seconds between two polls of a job
RAY_PROGRAM = """\
import json, subprocess, sys, time
import ray
address, jobs, command = sys.argv[1], int(sys.argv[2]), sys.argv[3]
ray.init(address, _node_ip_address=address.rpartition(":")[0], log_to_driver=False)

@ray.remote(num_cpus=0, resources={"batchai-node": 1}, max_retries=0)
def task():
    subprocess.run(["/bin/sh", "-c", command], check=True, stdout=subprocess.DEVNULL)

ray.get([task.remote() for _ in range(int(ray.cluster_resources()["batchai-node"]))])
began = time.perf_counter()
ray.get([task.remote() for _ in range(jobs)])
print(json.dumps(time.perf_counter() - began))
"""

TRAINING = """\
import torch
from sklearn.datasets import load_digits
torch.set_num_threads(1)
torch.manual_seed(1)
digits = load_digits()
images, labels = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
learner = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(EPOCHS):
    for first in range(0, len(labels), 64):
        learner.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images[first:first + 64]), labels[first:first + 64])
        loss.backward()
        learner.step()
print("loss", loss.item())
"""
EPOCHS, SAMPLES = 200, 1797  # of a training, which takes four to five seconds on a fast processor


def run_by_ray(cluster: RayCluster, jobs: int, command: str) -> float:
    """Run jobs as Ray tasks; returns the seconds that they take after the workers have started."""
    process = subprocess.run(
        [sys.executable, "-c", RAY_PROGRAM, cluster.address, str(jobs), command],
        env={**os.environ, **cluster.environ},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(json.loads(process.stdout))


@contextmanager
def prepared(cluster: RayCluster, nodes: int) -> Iterator[Group]:
    """Run an emulator with a cluster whose nodes are all allocated."""
    os.environ.update(cluster.environ)
    with (
        tempfile.TemporaryDirectory() as directory,
        emulated(Path(directory, "data"), f"ray:{cluster.address}") as group,
    ):
        group.set_up()
        group.make_cluster(nodes=nodes)
        yield group
        group.tear_down()


def run_ours(group: Group, jobs: int, command: str, name: str) -> float:
    """Run jobs; returns the seconds from the first start to the last end, as the service reports them."""
    paths = [group.submit(f"{name}{number}", command) for number in range(jobs)]
    spans = [wait_for_job(group, path) for path in paths]
    return (max(end for _, end in spans) - min(start for start, _ in spans)).total_seconds()


def wait_for_job(group: Group, path: str) -> tuple[datetime, datetime]:
    """Wait for a job; returns its start and end. Polls seldom, because polling uses the measured processors."""
    while (job := group.send("GET", path).json()["properties"])["executionState"] not in ("succeeded", "failed"):
        time.sleep(PAUSE)
    assert job["executionState"] == "succeeded", job
    times = job["executionInfo"]
    return datetime.fromisoformat(times["startTime"]), datetime.fromisoformat(times["endTime"])


def compare(cluster: RayCluster, nodes: int, jobs: int, command: str, rounds: int) -> dict[str, float]:
    """Return the rates of both sides, and the ratio; only one side runs at a time."""
    ours: list[float] = []
    theirs: list[float] = []

    def measure_ours() -> None:
        with prepared(cluster, nodes) as group:
            run_ours(group, nodes, "true", "warm")
            ours.append(run_ours(group, jobs, command, "job"))

    def measure_theirs() -> None:
        theirs.append(run_by_ray(cluster, jobs, command))

    for number in range(rounds):
        first, second = (measure_ours, measure_theirs) if number % 2 == 0 else (measure_theirs, measure_ours)
        first()
        second()
    rates = {"ours": jobs / statistics.median(ours), "ray": jobs / statistics.median(theirs)}
    return {**{name: round(rate, 3) for name, rate in rates.items()}, "vs_ray": round(rates["ours"] / rates["ray"], 3)}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="2 Ray nodes, one round")
    parser.add_argument("--nodes", type=int, action="append")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--jobs", type=int, default=6, help="for each Ray node")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    sizes = options.nodes or ([2] if options.quick else [1, 2, 4])
    rounds = 1 if options.quick else options.rounds
    figures_by_name: dict[str, Any] = {}
    with started_cluster() as cluster, tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "train.py")
        script.write_text(TRAINING.replace("EPOCHS", str(EPOCHS)))
        training = shlex.join([sys.executable, str(script)])
        subprocess.run(training, shell=True, stdout=subprocess.DEVNULL, check=True)  # loads PyTorch into the file cache
        commands = {"noop": "true", f"{options.seconds:g}s": f"sleep {options.seconds}", "training": training}
        for nodes in sizes:
            cluster.add_nodes(nodes - len(cluster.nodes) + 1, cpus=1, resources={SLOT: 1})
            for kind, command in commands.items():
                name = f"{nodes}_nodes_{kind}"
                figures_by_name[name] = compare(cluster, nodes, options.jobs * nodes, command, rounds)
                if kind == "training":
                    figures_by_name[name]["samples_per_s"] = round(figures_by_name[name]["ours"] * EPOCHS * SAMPLES)
                print(name, figures_by_name[name], file=sys.stderr, flush=True)
    ratios = [figures["vs_ray"] for name, figures in figures_by_name.items() if not name.endswith("noop")]
    result = {"bench": "scale", "vs_ray": min(ratios), **figures_by_name}
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
