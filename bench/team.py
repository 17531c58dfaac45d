"""One emulator for a whole team: many clients that submit and poll jobs, and a queue of tens of thousands of jobs.

    python bench/team.py [--json] [--quick] [--clients N] [--jobs N] [--ended N]

Each client keeps one connection, and submits jobs without a pause: PUT of a job, GET of it, and a page of the list with
every tenth job. The cluster has no nodes yet, so the queue grows to its full length. Then two nodes run the first jobs
while the others wait. The clients connect a few at a time, because the emulator keeps at most a hundred connections
without credentials and drops the oldest.

For each tenth of the submitted jobs the benchmark prints requests per second, the median and the 99th percentile in
milliseconds, the memory of the emulator and the size of its database in MiB; then jobs per second on two nodes in front
of the rest of the queue. The clients share the machine with the emulator: on two cores they use half of the measured
processor time. No peer serves this API; the figures are for the page on sizing.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from load import Connection
from prepared_emulator import API, PreparedEmulator

ROOT = Path(__file__).resolve().parent.parent
TENTHS = 10
CONNECTING = 50  # clients that connect at the same time
JOBS_PER_PAGE = 10  # jobs that a client submits for each page of the list that it reads


@dataclass
class Tenth:
    """Measurements while a tenth of the jobs was submitted."""

    start: float
    latencies: list[float] = field(default_factory=list)


class Team:
    """Clients of one emulator."""

    def __init__(self, emulator: PreparedEmulator, directory: Path, jobs: int) -> None:
        import psutil

        self._emulator = emulator
        self._directory = directory
        self._jobs = jobs
        self._process = psutil.Process(emulator.endpoint.pid)
        self._numbers = iter(range(jobs))
        self._connecting = asyncio.Semaphore(CONNECTING)
        self._submitted = 0
        self._tenth = Tenth(time.perf_counter())
        self.rows: list[dict[str, float]] = []

    async def submit(self, clients: int) -> None:
        """Submit all jobs."""
        await asyncio.gather(*(self._client() for _ in range(clients)))

    async def _client(self) -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with self._connecting:
                connection = await stack.enter_async_context(Connection(self._emulator.port, self._emulator.headers))
                await self._measure(connection, "GET", f"{self._emulator.workspace}{API}", None, 200)
            for count, number in enumerate(self._numbers):
                path = f"{self._emulator.jobs}/q{number}{API}"
                await self._measure(connection, "PUT", path, self._emulator.job(), 202)
                await self._measure(connection, "GET", path, None, 200)
                if count % JOBS_PER_PAGE == 0:
                    await self._measure(connection, "GET", f"{self._emulator.jobs}{API}&maxresults=100", None, 200)
                self._submitted += 1
                if self._submitted % max(1, self._jobs // TENTHS) == 0:
                    self._end_tenth()

    async def _measure(self, connection: Connection, method: str, path: str, body: Any, expected: int) -> None:
        start = time.perf_counter()
        status, _, answer = await connection.send(method, path, body)
        self._tenth.latencies.append(time.perf_counter() - start)
        if status != expected:
            raise SystemExit(f"{method} {path} answered {status} {answer[:300]!r}")

    def _end_tenth(self) -> None:
        tenth, self._tenth = self._tenth, Tenth(time.perf_counter())
        hundredths = statistics.quantiles(tenth.latencies, n=100)
        self.rows.append({
            "jobs": self._submitted,
            "requests_per_s": round(len(tenth.latencies) / (self._tenth.start - tenth.start), 1),
            "median_ms": round(hundredths[49] * 1000, 2),
            "p99_ms": round(hundredths[98] * 1000, 2),
            "memory_mib": round(self._process.memory_info().rss / (1 << 20), 1),
            "database_mib": round(sum(file.stat().st_size for file in self._directory.glob("*.db*")) / (1 << 20), 1),
        })  # fmt: skip

    async def run(self, count: int) -> float:
        """Return jobs per second while two nodes run the first jobs of the queue."""
        async with Connection(self._emulator.port, self._emulator.headers) as connection:
            scale = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 2}}}}
            await connection.send("PATCH", f"{self._emulator.workspace}/clusters/c{API}", scale)
            await self._wait_for_job(connection, 0)
            start = time.perf_counter()
            await self._wait_for_job(connection, count - 1)
            return round((count - 1) / (time.perf_counter() - start), 1)

    async def _wait_for_job(self, connection: Connection, number: int) -> None:
        path = f"{self._emulator.jobs}/q{number}{API}"
        while b'"endTime"' not in (await connection.send("GET", path))[2]:
            await asyncio.sleep(0.1)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all figures."""
    from harness.emulator.launch import stop

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "emulator"
        emulator = PreparedEmulator(directory)
        try:
            asyncio.run(emulator.prepare())
            team = Team(emulator, directory, options.jobs)
            start = time.perf_counter()
            asyncio.run(team.submit(options.clients))
            submitted = round(options.jobs / (time.perf_counter() - start), 1)
            rate = asyncio.run(team.run(min(options.ended, options.jobs)))
        finally:
            stop(directory)
    return {
        "clients": options.clients,
        "jobs": options.jobs,
        "submitted_per_s": submitted,
        "rate_end_vs_start": round(team.rows[-1]["requests_per_s"] / team.rows[0]["requests_per_s"], 3),
        "jobs_per_s_on_two_nodes": rate,
        "tenths": team.rows,
    }


def show(figures: dict[str, Any]) -> None:
    rows = figures["tenths"]
    print(" ".join(f"{name:>15}" for name in rows[0]))
    for row in rows:
        print(" ".join(f"{value:>15}" for value in row.values()))
    for name in ("clients", "submitted_per_s", "rate_end_vs_start", "jobs_per_s_on_two_nodes"):
        print(f"{name:<28}{figures[name]:>12}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a short run: 50 clients, 1,000 jobs")
    parser.add_argument("--clients", type=int, default=200, help="number of clients; default 200")
    parser.add_argument("--jobs", type=int, default=50_000, help="jobs in the queue; default 50,000")
    parser.add_argument("--ended", type=int, default=500, help="jobs that run at the end; default 500")
    options = parser.parse_args()
    if options.quick:
        options.clients, options.jobs, options.ended = 50, 1000, 50
    figures = measure(options)
    show(figures)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
