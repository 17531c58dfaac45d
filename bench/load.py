"""Load on one address by wrk (Debian's); if it is missing, by a small client, which limits the rates."""

import asyncio
import contextlib
import itertools
import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SCRIPT = Path(__file__).with_name("put_and_polls.lua")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Target:
    """The URL and the headers of a repeated request."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Creation:
    """Resources to create at ``{prefix}{number}{query}``, with the same body each."""

    server: str
    prefix: str
    query: str
    headers: dict[str, str]
    body: Path


@dataclass(frozen=True)
class Speed:
    """Requests per second of one run, and the 99th percentile in milliseconds."""

    rate: float
    p99: float


class Connection:
    """One connection of a plain client, reused as long as the server keeps it open."""

    def __init__(self, port: int, headers: dict[str, str], *, tls: bool = True) -> None:
        self._port = port
        self._tls = unverified_context() if tls else None
        lines = {"Host": f"127.0.0.1:{port}", **headers}
        self._lines = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._is_open = False

    async def __aenter__(self) -> "Connection":
        await self._open()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._close()

    async def _close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # the server may have closed it already
            await self._writer.wait_closed()

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        self._is_open = True

    async def send(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], bytes]:
        """Send a request; returns status, headers and body of the response."""
        if not self._is_open:
            await self._close()
            await self._open()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\n{self._lines}Content-Length: {len(data)}\r\n\r\n".encode() + data
        )
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        content = await self._reader.readexactly(int(headers.get("content-length", 0)))
        self._is_open = headers.get("connection", "").lower() != "close" and not first.startswith("HTTP/1.0")
        return int(first.split()[1]), headers, content


def unverified_context() -> ssl.SSLContext:
    """Return a TLS context that accepts any certificate, because the figures do not depend on verification."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def get(target: Target, connections: int, seconds: float) -> Speed:
    """Measure GETs per second and their 99th percentile."""
    if shutil.which("wrk") is None:
        return asyncio.run(_get_in_python(target, connections, seconds))
    printed = _wrk(target.url, target.headers, connections, seconds)
    return Speed(_number("Requests/sec", printed), _percentile(printed))


def create(target: Creation, connections: int, seconds: float, run: str) -> Speed:
    """Measure resources created per second, each PUT and polled until it has succeeded.

    The percentile is that of single requests by wrk, and of whole creations by the client in Python.

    Args:
        run: a part of the names that differs between runs.
    """
    if shutil.which("wrk") is None:
        return asyncio.run(_create_in_python(target, connections, seconds, run))
    arguments = ["-s", str(_SCRIPT), target.server, "--", f"{target.prefix}{run}-", target.query, str(target.body)]
    printed = _wrk(arguments, target.headers, connections, seconds)
    return Speed(_number("Operations/sec", printed), _percentile(printed))


def _wrk(target: str | Sequence[str], headers: dict[str, str], connections: int, seconds: float) -> str:
    header_options = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    last = [target] if isinstance(target, str) else target
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:g}s",
        "--timeout",
        "30s",
        "--latency",
        *header_options,
        *last,
    ]
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    if "Non-2xx" in process.stdout or "Socket errors" in process.stdout or process.stderr:
        raise SystemExit(f"{target} gave unexpected responses:\n{process.stdout}{process.stderr}")
    return process.stdout


def _number(name: str, printed: str) -> float:
    match = re.search(rf"{name}:\s+([\d.]+)", printed)
    if match is None:
        raise SystemExit(f"wrk printed no {name}:\n{printed}")
    return float(match[1])


def _percentile(printed: str) -> float:
    match = re.search(r"99%\s+([\d.]+)(us|ms|s)", printed)
    if match is None:
        raise SystemExit(f"wrk printed no percentiles:\n{printed}")
    return float(match[1]) * _MILLISECONDS[match[2]]


async def _get_in_python(target: Target, connections: int, seconds: float) -> Speed:
    parts = urlsplit(target.url)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path

    async def get_one(client: Connection, _number: int) -> None:
        status, _, answer = await client.send("GET", path)
        if status != 200:
            raise SystemExit(f"{target.url} answered {status} {answer!r}")

    return await _repeat(get_one, target.url, target.headers, connections=connections, seconds=seconds)


async def _create_in_python(target: Creation, connections: int, seconds: float, run: str) -> Speed:
    body = target.body.read_bytes()

    async def create_one(client: Connection, number: int) -> None:
        _, headers, _ = await client.send("PUT", f"{target.prefix}{run}-{number}{target.query}", body)
        poll = re.sub("^https://[^/]+", "", headers["azure-asyncoperation"])
        while b'"Succeeded"' not in (await client.send("GET", poll))[2]:
            pass

    return await _repeat(create_one, target.server, target.headers, connections=connections, seconds=seconds)


async def _repeat(
    act: Callable[[Connection, int], Awaitable[None]],
    url: str,
    headers: dict[str, str],
    *,
    connections: int,
    seconds: float,
) -> Speed:
    """Call ``act`` repeatedly on several connections for a time, each call with a different number."""
    durations: list[float] = []
    server = urlsplit(url)
    port, tls = server.port or 0, server.scheme == "https"
    numbers = itertools.count()
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Connection(port, headers, tls=tls)) for _ in range(connections)]
        end = time.perf_counter() + seconds

        async def repeat(client: Connection) -> None:
            while (start := time.perf_counter()) < end:
                await act(client, next(numbers))
                durations.append(time.perf_counter() - start)

        await asyncio.gather(*(repeat(client) for client in clients))
    percentile = sorted(durations)[min(len(durations) - 1, len(durations) * 99 // 100)] if durations else float("nan")
    return Speed(len(durations) / seconds, percentile * 1000)
