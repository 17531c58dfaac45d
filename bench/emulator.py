"""The emulator's overhead: requests compared with a bare route and with peers, long-running operations, a long queue.

    python bench/emulator.py [--json] [--quick] [--rounds N] [--jobs N] [--no-peers]

- GET of one queued job at 1, 16 and 64 connections, with a valid token, by wrk (Debian's) directly at the TLS listener;
  and of a command job of Azure Machine Learning. The baseline is a bare starlette route that returns the same JSON with
  the same uvicorn, event loop, parser and TLS, in a separate process, in turns. If wrk is missing, a small client in
  Python replaces it, and limits the rates.
- PUT of clusters without nodes, each polled until its operation has Succeeded, at the same numbers of connections. The
  baseline is a bare route that accepts the same body, stores nothing, and returns Succeeded at the first poll.
- A queue of no-op jobs on two nodes: jobs per second in each tenth, and the last three tenths compared with the first
  three (two single tenths, 25 s each, would measure the machine); the memory of a waiting job (with few jobs, mostly
  that of the connections that submitted them).
- Peers, each in a temporary environment, without TLS: moto (S3 GetObject) and Azurite (blob on disk), with a body of
  the same size. Peers that cannot be installed are left out.

Each figure is the median of all rounds.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import load
import peers
from load import Connection, Creation, Speed, Target
from prepared_emulator import HOST, PreparedEmulator

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS = (1, 16, 64)
Speeds = dict[str, dict[int, Speed]]


@contextlib.contextmanager
def bare(directory: Path, document: bytes) -> Iterator[str]:
    """Run the bare routes during the block; yields their address."""
    directory.mkdir()
    (directory / "document.json").write_bytes(document)
    port = peers.free_port()
    with peers.bare("bare_job.py", str(directory), port=port):
        yield f"https://127.0.0.1:{port}"


@contextlib.contextmanager
def moto(directory: Path, document: bytes) -> Iterator[Target]:
    """Run the S3 server of moto with one object."""
    with peers.moto(directory, "job", document) as url:
        yield Target(url, {})


@contextlib.contextmanager
def azurite(directory: Path, document: bytes) -> Iterator[Target]:
    """Run Azurite's blob server, on disk, with one public blob."""
    from azure.storage.blob import BlobServiceClient

    directory.mkdir()
    key = peers.new_key()
    with peers.azurite(directory, "peer", key) as url:
        container = BlobServiceClient(f"{url}/peer", credential=key).create_container("public", public_access="blob")
        container.upload_blob("job", document)
        yield Target(f"{url}/peer/public/job", {})


def with_peers(stack: contextlib.ExitStack, directory: Path, document: bytes) -> dict[str, Target]:
    """Run the peers that can be installed on this machine; yields nothing for the others."""
    targets = {}
    for name, peer in (("moto S3", moto), ("Azurite blob", azurite)):
        try:
            targets[name] = stack.enter_context(peer(directory / name.split()[0], document))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return targets


def compare(targets: dict[str, Target], creations: dict[str, Creation], options: argparse.Namespace) -> Speeds:
    """Measure all targets at each number of connections, in turns; returns medians."""
    runs_by_name: dict[str, dict[int, list[Speed]]] = {}

    def note(name: str, count: int, speed: Speed) -> None:
        runs_by_name.setdefault(name, {}).setdefault(count, []).append(speed)

    for round_ in range(options.rounds):
        for count in CONNECTIONS:
            for name, target in targets.items():
                note(name, count, load.get(target, count, options.seconds))
            for name, creation in creations.items():
                note(f"{name}, PUT", count, load.create(creation, count, options.seconds, f"{round_}-{count}"))
    return {name: {count: median(runs) for count, runs in by_count.items()} for name, by_count in runs_by_name.items()}


def median(runs: list[Speed]) -> Speed:
    return Speed(statistics.median(run.rate for run in runs), statistics.median(run.p99 for run in runs))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all figures."""
    from harness.emulator.launch import stop

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        emulator = PreparedEmulator(directory / "emulator")
        stack.callback(stop, directory / "emulator")
        asyncio.run(emulator.prepare())
        targets = {"emulator": emulator.get_job(), "emulator, command job": emulator.get_command_job()}
        documents = {name: asyncio.run(fetch(target)) for name, target in targets.items()}
        baseline = stack.enter_context(bare(directory / "bare", documents["emulator"]))
        command_job_baseline = stack.enter_context(
            bare(directory / "bare command job", documents["emulator, command job"])
        )
        targets["bare route"] = Target(f"{baseline}/job", {"Host": HOST})
        targets["bare route, command job"] = Target(f"{command_job_baseline}/job", {"Host": HOST})
        ours = emulator.creation(directory)
        creations = {"emulator": ours, "bare route": Creation(baseline, "/clusters/b", "", {"Host": HOST}, ours.body)}
        if not options.no_peers:
            targets |= with_peers(stack, directory, documents["emulator"])
        speeds = compare(targets, creations, options)
        # In a new process: memory that is already allocated would hide the memory of jobs.
        fresh = PreparedEmulator(directory / "queue")
        stack.callback(stop, directory / "queue")
        asyncio.run(fresh.prepare())
        queue = asyncio.run(fresh.run_queue(options.jobs))
    show(speeds, queue, len(documents["emulator"]))
    return summary(speeds, queue)


async def fetch(target: Target) -> bytes:
    parts = urlsplit(target.url)
    async with Connection(parts.port or 443, target.headers) as client:
        return (await client.send("GET", f"{parts.path}?{parts.query}"))[2]


def show(speeds: Speeds, queue: dict[str, Any], size: int) -> None:
    print(f"{f'GET of {size} bytes, PUT + polls':<28}" + "".join(f"{count:>14} conn." for count in CONNECTIONS))
    for name, by_count in speeds.items():
        cells = (f"{by_count[count].rate:8.0f}/s {by_count[count].p99:6.1f} ms" for count in CONNECTIONS)
        print(f"{name:<28}" + "".join(f"{cell:>20}" for cell in cells))
    for name, value in queue.items():
        print(f"{name:<28}{value!s:>12}")


def summary(speeds: Speeds, queue: dict[str, Any]) -> dict[str, Any]:
    """Return the ratios of ours over theirs, of which larger is better, and the figures."""
    ratios = {"get_vs_bare": round(speeds["emulator"][16].rate / speeds["bare route"][16].rate, 3)}
    for count in CONNECTIONS:
        for operation, suffix in (("get", ""), ("azureml_get", ", command job"), ("put", ", PUT")):
            ours, bare_route = speeds[f"emulator{suffix}"][count], speeds[f"bare route{suffix}"][count]
            ratios[f"{operation}_vs_bare_{count}"] = round(ours.rate / bare_route.rate, 3)
            ratios[f"{operation}_p99_vs_bare_{count}"] = round(bare_route.p99 / ours.p99, 3)
    for name in speeds.keys() & {"moto S3", "Azurite blob"}:
        ratios[f"get_vs_{name.split()[0].lower()}"] = round(speeds["emulator"][16].rate / speeds[name][16].rate, 2)
    tenths = queue["jobs_per_s_by_tenth"]
    ratios["jobs_rate_end_vs_start"] = round(
        statistics.harmonic_mean(tenths[-3:]) / statistics.harmonic_mean(tenths[:3]), 3
    )
    table = {name: {count: vars(speed) for count, speed in by_count.items()} for name, by_count in speeds.items()}
    versions = {name: version(name) for name in ("uvicorn", "httptools", "starlette")}
    memory = {"bytes_per_waiting_job": queue["bytes_per_waiting_job"]}
    return ratios | memory | {"speeds": table, "queue": queue, "versions": versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a short run: one round, 1 s, 300 jobs, no peers")
    parser.add_argument(
        "--rounds", type=int, default=5, help="number of rounds, of which figures are medians; default 5"
    )
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of one measurement; default 5")
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs in the queue; default 10,000")
    parser.add_argument("--no-peers", action="store_true", help="leave moto and Azurite out")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.jobs, options.no_peers = 1, 1.0, 300, True
    figures = measure(options)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
