"""The emulator's own cost: requests beside a bare route and beside peers, long-running operations, a long queue.

    python bench/emulator.py [--json] [--quick] [--rounds N] [--jobs N] [--no-peers]

- GET of one queued job at 1, 16 and 64 connections, with a valid token, by wrk (Debian's) straight at the TLS listener.
  Beside it a bare starlette route that returns the same JSON: the same uvicorn, event loop, parser and TLS, in a
  process of its own, in turns. Where wrk is missing, a small client in Python stands in, which is itself the limit.
- PUT of a cluster without nodes and its polls until it has Succeeded, over the same connections.
- A queue of no-op jobs on two nodes: jobs a second over the first and the last tenth; the memory of a job that waits
  (of few jobs, mostly that of the connections that sent them).
- Peers, each in a throw-away environment, without TLS: moto (S3 GetObject) and Azurite (blob on disk), a body of the
  same size. They are left out where they cannot be installed.

Each figure is the median of all rounds.
"""

import argparse
import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HOST = "management.azure.com"
CONNECTIONS = (1, 16, 64)
API = "?api-version=2018-05-01"


@dataclass(frozen=True)
class Target:
    """What is asked, again and again."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Speed:
    """Of one run: per second, and the 99th percentile in milliseconds."""

    rate: float
    p99: float


class Connection:
    """One kept connection of a plain client."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port = port
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    async def __aenter__(self) -> "Connection":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=trusting())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._writer.close()

    async def send(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\n{self._lines}Content-Length: {len(data)}\r\n\r\n".encode() + data
        )
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, content


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

    async def create_clusters(self, connections: int, seconds: float, first: int) -> Speed:
        """PUT and polls, over and over."""

        async def create(client: Connection, number: int) -> None:
            path = f"{self.workspace}/clusters/b{first}-{connections}-{number}{API}"
            _, headers, _ = await client.send("PUT", path, self.cluster())
            poll = headers["azure-asyncoperation"].removeprefix(f"https://{HOST}")
            while b'"Succeeded"' not in (await client.send("GET", poll))[2]:
                pass

        return await repeated(create, self.port, self.headers, connections=connections, seconds=seconds)

    async def run_queue(self, count: int) -> dict[str, float]:
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
            "jobs_per_s_first_tenth": round(tenth / (ends[tenth] - ends[0]), 2),
            "jobs_per_s_last_tenth": round(tenth / (ends[-1] - ends[-1 - tenth]), 2),
        }

    async def _ends(self, client: Connection, count: int) -> list[float]:
        """When each job ended, in order, once all have. The last one is looked at alone: lists are long."""
        while b'"endTime"' not in (await client.send("GET", f"{self.jobs}/q{count - 1}{API}"))[2]:
            await asyncio.sleep(0.5)
        while True:
            jobs = [job async for job in self._listed(client)]
            ended = [
                job["properties"]["executionInfo"]["endTime"] for job in jobs if "executionInfo" in job["properties"]
            ]
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


def trusting() -> ssl.SSLContext:
    """TLS that takes any certificate: what is measured does not depend on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)] if values else float("nan")


def load(target: Target, connections: int, seconds: float) -> Speed:
    """By wrk, or by the client in Python where that is not installed."""
    if shutil.which("wrk") is None:
        return asyncio.run(_load_in_python(target, connections, seconds))
    headers = [word for name, value in target.headers.items() for word in ("-H", f"{name}: {value}")]
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", *headers, target.url]
    printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise SystemExit(f"{target.url} was not answered well:\n{printed}")
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed)
    return Speed(float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1]), float(slowest[1]) * unit[slowest[2]])


async def _load_in_python(target: Target, connections: int, seconds: float) -> Speed:
    port, _, path = target.url.removeprefix("https://127.0.0.1:").partition("/")

    async def get(client: Connection, _number: int) -> None:
        await client.send("GET", f"/{path}")

    return await repeated(get, int(port), target.headers, connections=connections, seconds=seconds)


async def repeated(
    act: Callable[[Connection, int], Awaitable[None]],
    port: int,
    headers: dict[str, str],
    *,
    connections: int,
    seconds: float,
) -> Speed:
    """How often ``act`` can be done in a time, by that many connections at once; it is given a number of its own."""
    took: list[float] = []
    numbers = itertools.count()
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Connection(port, headers)) for _ in range(connections)]
        end = time.perf_counter() + seconds

        async def go_on(client: Connection) -> None:
            while (begin := time.perf_counter()) < end:
                await act(client, next(numbers))
                took.append(time.perf_counter() - begin)

        await asyncio.gather(*(go_on(client) for client in clients))
    return Speed(len(took) / seconds, percentile(took, 99) * 1000)


@contextlib.contextmanager
def bare(directory: Path, document: bytes) -> Iterator[Target]:
    """The bare route, for as long as the block lasts."""
    directory.mkdir()
    (directory / "document.json").write_bytes(document)
    words = [sys.executable, str(Path(__file__).with_name("bare_job.py")), str(directory)]
    with subprocess.Popen(words, env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        try:
            port = wait_for((directory / "port").read_text)
            wait_for(lambda: socket.create_connection(("127.0.0.1", int(port)), timeout=1).close() or "ready")
            yield Target(f"https://127.0.0.1:{port}/job", {"Host": HOST})
        finally:
            process.terminate()


def wait_for(look: Callable[[], str], seconds: float = 60) -> str:
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if found := look():
                return found
        if time.monotonic() > end:
            raise SystemExit("it did not start")
        time.sleep(0.05)


@contextlib.contextmanager
def moto(directory: Path, document: bytes) -> Iterator[Target]:
    """The S3 server of moto with one object."""
    venv.create(directory, with_pip=True)
    python = directory / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", "moto[server,s3]==5.2.5"], check=True, capture_output=True)
    port = free_port()
    words = [str(directory / "bin" / "moto_server"), "-p", str(port)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            base = f"http://127.0.0.1:{port}"
            wait_for(lambda: urllib.request.urlopen(base).read() and "ready")
            put(f"{base}/bucket", b"")
            put(f"{base}/bucket/job", document)
            yield Target(f"{base}/bucket/job", {})
        finally:
            process.terminate()


@contextlib.contextmanager
def azurite(directory: Path, document: bytes) -> Iterator[Target]:
    """Azurite's blob server, on disk, with one public blob."""
    directory.mkdir()
    install = ["npm", "install", "--silent", "--no-fund", "--no-audit", "azurite@3.37.0"]
    subprocess.run(install, cwd=directory, check=True, capture_output=True)
    port, program = free_port(), directory / "node_modules" / ".bin" / "azurite-blob"
    words = [
        str(program),
        "--blobPort",
        str(port),
        "--location",
        str(directory / "data"),
        "--silent",
        "--skipApiVersionCheck",
    ]
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    accounts = os.environ | {"AZURITE_ACCOUNTS": f"peer:{key}"}
    with subprocess.Popen(words, env=accounts, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() or "ready")
            from azure.storage.blob import BlobServiceClient

            client = BlobServiceClient(f"http://127.0.0.1:{port}/peer", credential=key)
            container = client.create_container("public", public_access="blob")
            container.upload_blob("job", document)
            yield Target(f"http://127.0.0.1:{port}/peer/public/job", {})
        finally:
            process.terminate()


def put(url: str, data: bytes) -> None:
    urllib.request.urlopen(urllib.request.Request(url, data, method="PUT")).close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def compare(targets: dict[str, Target], rounds: int, seconds: float) -> dict[str, dict[int, Speed]]:
    """Everyone at every number of connections, in turns; medians."""
    seen: dict[str, dict[int, list[Speed]]] = {name: {count: [] for count in CONNECTIONS} for name in targets}
    for _ in range(rounds):
        for count in CONNECTIONS:
            for name, target in targets.items():
                seen[name][count].append(load(target, count, seconds))
    return {name: {count: median(runs) for count, runs in found.items()} for name, found in seen.items()}


def median(runs: list[Speed]) -> Speed:
    return Speed(statistics.median(run.rate for run in runs), statistics.median(run.p99 for run in runs))


async def operations(bench: Bench, rounds: int, seconds: float) -> dict[int, Speed]:
    runs: dict[int, list[Speed]] = {count: [] for count in CONNECTIONS}
    for number in range(rounds):
        for count in CONNECTIONS:
            runs[count].append(await bench.create_clusters(count, seconds, first=number))
    return {count: median(found) for count, found in runs.items()}


def with_peers(stack: contextlib.ExitStack, directory: Path, document: bytes) -> dict[str, Target]:
    """The peers that can be installed here."""
    found = {}
    for name, peer in (("moto S3", moto), ("Azurite blob", azurite)):
        try:
            found[name] = stack.enter_context(peer(directory / name.split()[0], document))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    from harness.emulator.launch import stop

    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = Path(name)
        bench = Bench(directory / "emulator")
        stack.callback(stop, directory / "emulator")
        asyncio.run(bench.prepare())
        document = asyncio.run(fetch(bench))
        targets = {"emulator": bench.get_job(), "bare route": stack.enter_context(bare(directory / "bare", document))}
        if not options.no_peers:
            targets |= with_peers(stack, directory, document)
        speeds = compare(targets, options.rounds, options.seconds)
        changes = asyncio.run(operations(bench, options.rounds, options.seconds))
        # In a process of its own: memory that was used before would hide what jobs take.
        fresh = Bench(directory / "queue")
        stack.callback(stop, directory / "queue")
        asyncio.run(fresh.prepare())
        queue = asyncio.run(fresh.run_queue(options.jobs))
    show(speeds, changes, queue, len(document))
    return told(speeds, changes, queue)


async def fetch(bench: Bench) -> bytes:
    async with Connection(bench.port, bench.headers) as client:
        return (await client.send("GET", f"{bench.jobs}/waiting{API}"))[2]


def show(speeds: dict[str, dict[int, Speed]], changes: dict[int, Speed], queue: dict[str, float], size: int) -> None:
    print(f"{f'GET of {size} bytes':<28}" + "".join(f"{count:>14} conn." for count in CONNECTIONS))
    for name, found in {**speeds, "emulator, PUT and polls": changes}.items():
        cells = (f"{found[count].rate:8.0f}/s {found[count].p99:6.1f} ms" for count in CONNECTIONS)
        print(f"{name:<28}" + "".join(f"{cell:>20}" for cell in cells))
    for name, value in queue.items():
        print(f"{name:<28}{value:>12}")


def told(speeds: dict[str, dict[int, Speed]], changes: dict[int, Speed], queue: dict[str, float]) -> dict[str, Any]:
    """Ratios, ours over theirs, larger is better; and the figures."""
    ours, floor = speeds["emulator"], speeds["bare route"]
    ratios = {"get_vs_bare": round(ours[16].rate / floor[16].rate, 3)}
    for count in CONNECTIONS:
        ratios[f"get_vs_bare_{count}"] = round(ours[count].rate / floor[count].rate, 3)
        ratios[f"p99_vs_bare_{count}"] = round(floor[count].p99 / ours[count].p99, 3)
    for name in speeds.keys() - {"emulator", "bare route"}:
        ratios[f"get_vs_{name.split()[0].lower()}"] = round(ours[16].rate / speeds[name][16].rate, 2)
    ratios["jobs_rate_end_vs_start"] = round(queue["jobs_per_s_last_tenth"] / queue["jobs_per_s_first_tenth"], 3)
    table = {name: {count: vars(speed) for count, speed in found.items()} for name, found in speeds.items()}
    versions = {name: version(name) for name in ("uvicorn", "httptools", "starlette")}
    return ratios | {
        "bytes_per_waiting_job": queue["bytes_per_waiting_job"],
        "get": table,
        "put_and_polls": {count: vars(speed) for count, speed in changes.items()},
        "queue": queue,
        "versions": versions,
    }


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
