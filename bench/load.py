"""Load on one address: by wrk (Debian's), or by a small client, itself the limit, where that is missing."""

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
    """What is asked, again and again."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Creation:
    """Resources that are created, ``{prefix}{number}{query}`` each, by the same body."""

    server: str
    prefix: str
    query: str
    headers: dict[str, str]
    body: Path


@dataclass(frozen=True)
class Speed:
    """Of one run: per second, and the 99th percentile in milliseconds."""

    rate: float
    p99: float


class Connection:
    """One connection of a plain client, kept as long as the server keeps it."""

    def __init__(self, port: int, headers: dict[str, str], *, tls: bool = True) -> None:
        self._port = port
        self._tls = trusting() if tls else None
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
        with contextlib.suppress(OSError):  # the server has closed it already
            await self._writer.wait_closed()

    async def _open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._tls)
        self._is_open = True

    async def send(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one answer."""
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


def trusting() -> ssl.SSLContext:
    """TLS that takes any certificate: what is measured does not depend on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def get(target: Target, connections: int, seconds: float) -> Speed:
    """GETs a second; their 99th percentile."""
    if shutil.which("wrk") is None:
        return asyncio.run(_get_in_python(target, connections, seconds))
    printed = _wrk(target.url, target.headers, connections, seconds)
    return Speed(_number("Requests/sec", printed), _slowest(printed))


def create(target: Creation, connections: int, seconds: float, run: str) -> Speed:
    """Resources created a second, each PUT and polled until it has succeeded.

    The percentile is that of one request by wrk, of a whole creation by the client in Python.

    Args:
        run: makes names that no other run has.
    """
    if shutil.which("wrk") is None:
        return asyncio.run(_create_in_python(target, connections, seconds, run))
    words = ["-s", str(_SCRIPT), target.server, "--", f"{target.prefix}{run}-", target.query, str(target.body)]
    printed = _wrk(words, target.headers, connections, seconds)
    return Speed(_number("Operations/sec", printed), _slowest(printed))


def _wrk(target: str | Sequence[str], headers: dict[str, str], connections: int, seconds: float) -> str:
    lines = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    last = [target] if isinstance(target, str) else target
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "--latency", *lines, *last]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout or done.stderr:
        raise SystemExit(f"{target} was not answered well:\n{done.stdout}{done.stderr}")
    return done.stdout


def _number(name: str, printed: str) -> float:
    match = re.search(rf"{name}:\s+([\d.]+)", printed)
    if match is None:
        raise SystemExit(f"wrk printed no {name}:\n{printed}")
    return float(match[1])


def _slowest(printed: str) -> float:
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

    return await _repeated(get_one, target.url, target.headers, connections=connections, seconds=seconds)


async def _create_in_python(target: Creation, connections: int, seconds: float, run: str) -> Speed:
    body = target.body.read_bytes()

    async def create_one(client: Connection, number: int) -> None:
        _, headers, _ = await client.send("PUT", f"{target.prefix}{run}-{number}{target.query}", body)
        poll = re.sub("^https://[^/]+", "", headers["azure-asyncoperation"])
        while b'"Succeeded"' not in (await client.send("GET", poll))[2]:
            pass

    return await _repeated(create_one, target.server, target.headers, connections=connections, seconds=seconds)


async def _repeated(
    act: Callable[[Connection, int], Awaitable[None]],
    url: str,
    headers: dict[str, str],
    *,
    connections: int,
    seconds: float,
) -> Speed:
    """How often ``act`` can be done in a time, by that many connections at once; it is given a number of its own."""
    took: list[float] = []
    server = urlsplit(url)
    port, tls = server.port or 0, server.scheme == "https"
    numbers = itertools.count()
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Connection(port, headers, tls=tls)) for _ in range(connections)]
        end = time.perf_counter() + seconds

        async def go_on(client: Connection) -> None:
            while (begin := time.perf_counter()) < end:
                await act(client, next(numbers))
                took.append(time.perf_counter() - begin)

        await asyncio.gather(*(go_on(client) for client in clients))
    slowest = sorted(took)[min(len(took) - 1, len(took) * 99 // 100)] if took else float("nan")
    return Speed(len(took) / seconds, slowest * 1000)
