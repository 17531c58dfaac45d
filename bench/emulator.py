"""The emulator's own cost: requests beside a bare route and beside peers, long-running operations, a long queue.

    python bench/emulator.py [--json] [--quick] [--rounds N] [--jobs N] [--no-peers]

- GET of one queued job at 1, 16 and 64 connections, with a valid token, by wrk (Debian's) straight at the TLS listener.
  Beside it a bare starlette route that returns the same JSON: the same uvicorn, event loop, parser and TLS, in a
  process of its own, in turns. Where wrk is missing, a small client in Python stands in, which is itself the limit.
- PUT of clusters without nodes, each polled until its operation has Succeeded, at the same numbers of connections;
  beside it a bare route that accepts the same body, keeps nothing, and says Succeeded at the first look.
- A queue of no-op jobs on two nodes: jobs a second, tenth by tenth, and the last three tenths beside the first three
  (two single tenths, 25 s each, measure the machine); the memory of a job that waits (of few jobs, mostly that of the
  connections that sent them).
- Peers, each in a throw-away environment, without TLS: moto (S3 GetObject) and Azurite (blob on disk), a body of the
  same size. They are left out where they cannot be installed.

Each figure is the median of all rounds.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import load
import peers
from load import Connection, Creation, Speed, Target, trusting

ROOT = Path(__file__).resolve().parent.parent
HOST = "management.azure.com"
CONNECTIONS = (1, 16, 64)
API = "?api-version=2018-05-01"
Speeds = dict[str, dict[int, Speed]]


class Bench:
    """An emulator with a job that waits, and what is measured on it."""

    def __init__(self, directory: Path) -> None:
        from harness.emulator.launch import start_detached
        from harness.emulator.options import Options

        self.endpoint = start_detached(Options(directory))
        self.port = listener_of(self.endpoint.pid)
        self.group = f"/subscriptions/{self.endpoint.subscription_id}/resourceGroups/bench"
        self.workspace = f"{self.group}/providers/Microsoft.BatchAI/workspaces/w"
        self.jobs = f"{self.workspace}/experiments/e/jobs"
        self.headers = {"Host": HOST, "Content-Type": "application/json"}

    async def prepare(self) -> None:
        """Sign in; a share, a workspace, a cluster without nodes, a job that waits for one."""
        self._make_share()
        await self._sign_in()
        async with Connection(self.port, self.headers) as client:
            provider = f"/subscriptions/{self.endpoint.subscription_id}/providers/Microsoft.BatchAI"
            await client.send("POST", f"{provider}/register{API}")
            await client.send("GET", f"{provider}{API}")
            for path, body in (
                (self.group, {"location": "eastus"}),
                (self.workspace, {"location": "eastus"}),
                (f"{self.workspace}/experiments/e", None),
                (f"{self.workspace}/clusters/c", self.cluster()),
                (f"{self.jobs}/waiting", self.job(variables=12)),  # 1.4 KB, as peers' objects
            ):
                status, _, answer = await client.send("PUT", path + API, body)
                if status not in (200, 201, 202):
                    raise SystemExit(f"PUT {path} answered {status} {answer!r}")

    def _make_share(self) -> None:
        import requests
        from azure.storage.file import FileService

        with requests.Session() as session:
            session.trust_env, session.verify = False, self.endpoint.ca_path
            session.proxies = {"https": self.endpoint.proxy_url}
            FileService(self.endpoint.storage_account, self.endpoint.storage_key, request_session=session).create_share(
                "bench"
            )

    async def _sign_in(self) -> None:
        form = f"grant_type=client_credentials&client_id={self.endpoint.client_id}&resource=https://{HOST}/"
        form += f"&client_secret={self.endpoint.client_secret}"
        async with Connection(self.port, {"Host": "login.microsoftonline.com"}) as client:
            _, _, answer = await client.send("POST", f"/{self.endpoint.tenant_id}/oauth2/token", form.encode())
        token = json.loads(answer)["access_token"]
        self.headers["Authorization"] = f"Bearer {token}"

    def cluster(self) -> dict[str, Any]:
        """Without nodes; with a share for what jobs print."""
        account = self.endpoint.storage_account
        mount = {
            "accountName": account,
            "azureFileUrl": f"https://{account}.file.core.windows.net/bench",
            "credentials": {"accountKey": self.endpoint.storage_key},
            "relativeMountPath": "afs",
        }
        return {
            "properties": {
                "vmSize": "STANDARD_D1",
                "scaleSettings": {"manual": {"targetNodeCount": 0}},
                "userAccountSettings": {"adminUserName": "u", "adminUserPassword": "p"},
                "nodeSetup": {"mountVolumes": {"azureFileShares": [mount]}},
            }
        }

    def job(self, variables: int = 0) -> dict[str, Any]:
        """That does nothing; variables make its document longer."""
        return {
            "properties": {
                "cluster": {"id": f"{self.workspace}/clusters/c"},
                "nodeCount": 1,
                "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/afs",
                "customToolkitSettings": {"commandLine": "true"},
                "environmentVariables": [{"name": f"NAME_{n}", "value": "what it knows"} for n in range(variables)],
            }
        }

    def get_job(self) -> Target:
        """The job that waits."""
        return Target(f"https://127.0.0.1:{self.port}{self.jobs}/waiting{API}", self.headers)

    def creation(self, directory: Path) -> Creation:
        """Clusters without nodes."""
        return Creation(
            f"https://127.0.0.1:{self.port}",
            f"{self.workspace}/clusters/b",
            API,
            self.headers,
            body_file(directory, self.cluster()),
        )

    async def run_queue(self, count: int) -> dict[str, Any]:
        """A queue of no-op jobs, first waiting, then on two nodes."""
        import psutil

        process = psutil.Process(self.endpoint.pid)
        before = process.memory_info().rss
        submitted = time.perf_counter()
        numbers = iter(range(count))

        async def submit() -> None:
            async with Connection(self.port, self.headers) as client:
                for number in numbers:
                    status, _, answer = await client.send("PUT", f"{self.jobs}/q{number}{API}", self.job())
                    if status != 202:
                        raise SystemExit(f"a job was answered {status} {answer!r}")

        await asyncio.gather(*(submit() for _ in range(16)))
        submitted = time.perf_counter() - submitted
        await asyncio.sleep(2)
        memory = (process.memory_info().rss - before) / count
        async with Connection(self.port, self.headers) as client:
            two = {"properties": {"scaleSettings": {"manual": {"targetNodeCount": 2}}}}
            await client.send("PATCH", f"{self.workspace}/clusters/c{API}", two)
            ends = await self._ends(client, count)
        tenth = max(1, count // 10)
        return {
            "submitted_per_s": round(count / submitted, 1),
            "bytes_per_waiting_job": round(memory),
            "jobs_per_s": round(count / (ends[-1] - ends[0]), 2),
            "jobs_per_s_by_tenth": [
                round(tenth / (ends[(n + 1) * tenth] - ends[n * tenth]), 2) for n in range(count // tenth)
            ],
        }

    async def _ends(self, client: Connection, count: int) -> list[float]:
        """When each job ended, in order, once all have. The last one is looked at alone: lists are long."""
        while b'"endTime"' not in (await client.send("GET", f"{self.jobs}/q{count - 1}{API}"))[2]:
            await asyncio.sleep(0.5)
        while True:
            jobs = [job async for job in self._listed(client)]
            ended = [end for job in jobs if (end := job["properties"].get("executionInfo", {}).get("endTime"))]
            if len(ended) > count:
                return sorted(datetime.fromisoformat(moment).timestamp() for moment in ended)
            await asyncio.sleep(1)

    async def _listed(self, client: Connection) -> Any:
        path = f"{self.jobs}{API}"
        while path:
            page = json.loads((await client.send("GET", path))[2])
            for job in page["value"]:
                yield job
            path = page.get("nextLink", "").removeprefix(f"https://{HOST}")


def body_file(directory: Path, document: object) -> Path:
    """A document on disk, for wrk."""
    file = directory / "body.json"
    file.write_text(json.dumps(document))
    return file


def listener_of(pid: int) -> int:
    """The port of the TLS listener that the proxy splices to."""
    import psutil

    context = trusting()
    for each in psutil.Process(pid).net_connections():
        if each.status == "LISTEN":
            with contextlib.suppress(OSError), socket.create_connection(each.laddr, timeout=1) as plain:
                context.wrap_socket(plain).close()
                return int(each.laddr.port)
    raise SystemExit("the emulator has no TLS listener")


@contextlib.contextmanager
def bare(directory: Path, document: bytes) -> Iterator[str]:
    """The bare routes, for as long as the block lasts; their address."""
    directory.mkdir()
    (directory / "document.json").write_bytes(document)
    port = peers.free_port()
    with peers.bare("bare_job.py", str(directory), port=port):
        yield f"https://127.0.0.1:{port}"


@contextlib.contextmanager
def moto(directory: Path, document: bytes) -> Iterator[Target]:
    """The S3 server of moto with one object."""
    with peers.moto(directory, "job", document) as url:
        yield Target(url, {})


@contextlib.contextmanager
def azurite(directory: Path, document: bytes) -> Iterator[Target]:
    """Azurite's blob server, on disk, with one public blob."""
    from azure.storage.blob import BlobServiceClient

    directory.mkdir()
    key = peers.new_key()
    with peers.azurite(directory, "peer", key) as url:
        container = BlobServiceClient(f"{url}/peer", credential=key).create_container("public", public_access="blob")
        container.upload_blob("job", document)
        yield Target(f"{url}/peer/public/job", {})


def with_peers(stack: contextlib.ExitStack, directory: Path, document: bytes) -> dict[str, Target]:
    """The peers that can be installed here."""
    found = {}
    for name, peer in (("moto S3", moto), ("Azurite blob", azurite)):
        try:
            found[name] = stack.enter_context(peer(directory / name.split()[0], document))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def compare(targets: dict[str, Target], creations: dict[str, Creation], options: argparse.Namespace) -> Speeds:
    """Everyone at every number of connections, in turns; medians."""
    seen: dict[str, dict[int, list[Speed]]] = {}

    def note(name: str, count: int, speed: Speed) -> None:
        seen.setdefault(name, {}).setdefault(count, []).append(speed)

    for round_ in range(options.rounds):
        for count in CONNECTIONS:
            for name, target in targets.items():
                note(name, count, load.get(target, count, options.seconds))
            for name, creation in creations.items():
                note(f"{name}, PUT", count, load.create(creation, count, options.seconds, f"{round_}-{count}"))
    return {name: {count: median(runs) for count, runs in found.items()} for name, found in seen.items()}


def median(runs: list[Speed]) -> Speed:
    return Speed(statistics.median(run.rate for run in runs), statistics.median(run.p99 for run in runs))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    from harness.emulator.launch import stop

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        bench = Bench(directory / "emulator")
        stack.callback(stop, directory / "emulator")
        asyncio.run(bench.prepare())
        document = asyncio.run(fetch(bench))
        floor = stack.enter_context(bare(directory / "bare", document))
        ours = bench.creation(directory)
        targets = {"emulator": bench.get_job(), "bare route": Target(f"{floor}/job", {"Host": HOST})}
        creations = {"emulator": ours, "bare route": Creation(floor, "/clusters/b", "", {"Host": HOST}, ours.body)}
        if not options.no_peers:
            targets |= with_peers(stack, directory, document)
        speeds = compare(targets, creations, options)
        # In a process of its own: memory that was used before would hide what jobs take.
        fresh = Bench(directory / "queue")
        stack.callback(stop, directory / "queue")
        asyncio.run(fresh.prepare())
        queue = asyncio.run(fresh.run_queue(options.jobs))
    show(speeds, queue, len(document))
    return told(speeds, queue)


async def fetch(bench: Bench) -> bytes:
    async with Connection(bench.port, bench.headers) as client:
        return (await client.send("GET", f"{bench.jobs}/waiting{API}"))[2]


def show(speeds: Speeds, queue: dict[str, Any], size: int) -> None:
    print(f"{f'GET of {size} bytes, PUT + polls':<28}" + "".join(f"{count:>14} conn." for count in CONNECTIONS))
    for name, found in speeds.items():
        cells = (f"{found[count].rate:8.0f}/s {found[count].p99:6.1f} ms" for count in CONNECTIONS)
        print(f"{name:<28}" + "".join(f"{cell:>20}" for cell in cells))
    for name, value in queue.items():
        print(f"{name:<28}{value!s:>12}")


def told(speeds: Speeds, queue: dict[str, Any]) -> dict[str, Any]:
    """Ratios, ours over theirs, larger is better; and the figures."""
    ratios = {"get_vs_bare": round(speeds["emulator"][16].rate / speeds["bare route"][16].rate, 3)}
    for count in CONNECTIONS:
        for what, ending in (("get", ""), ("put", ", PUT")):
            ours, floor = speeds[f"emulator{ending}"][count], speeds[f"bare route{ending}"][count]
            ratios[f"{what}_vs_bare_{count}"] = round(ours.rate / floor.rate, 3)
            ratios[f"{what}_p99_vs_bare_{count}"] = round(floor.p99 / ours.p99, 3)
    for name in speeds.keys() & {"moto S3", "Azurite blob"}:
        ratios[f"get_vs_{name.split()[0].lower()}"] = round(speeds["emulator"][16].rate / speeds[name][16].rate, 2)
    tenths = queue["jobs_per_s_by_tenth"]
    ratios["jobs_rate_end_vs_start"] = round(
        statistics.harmonic_mean(tenths[-3:]) / statistics.harmonic_mean(tenths[:3]), 3
    )
    table = {name: {count: vars(speed) for count, speed in found.items()} for name, found in speeds.items()}
    versions = {name: version(name) for name in ("uvicorn", "httptools", "starlette")}
    memory = {"bytes_per_waiting_job": queue["bytes_per_waiting_job"]}
    return ratios | memory | {"speeds": table, "queue": queue, "versions": versions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a short dose: one round, 1 s, 300 jobs, no peers")
    parser.add_argument("--rounds", type=int, default=5, help="whole rounds; figures are their medians; default 5")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one measurement; default 5")
    parser.add_argument("--jobs", type=int, default=10_000, help="in the queue; default 10,000")
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
