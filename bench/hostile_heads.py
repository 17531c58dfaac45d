"""The effect of clients without credentials on the emulator's memory and on the latency of other clients.

    python bench/hostile_heads.py [--json] [--count N]

The benchmark opens connections (default 10,000) with request heads that no honest client sends, half of them through
the proxy and TLS, half at a plain port: heads that never end, arrive byte by byte, are too long or have too many
headers, and incomplete TLS handshakes. A thousand of them stay open. In between, another client with the same address
requests a list of shares, on a kept connection and on a new one each time.

It prints the highest growth of the emulator's memory, and the latency of the other client.
"""

import argparse
import contextlib
import json
import multiprocessing
import resource
import socket
import ssl
import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import psutil
import requests
from azure.storage.file import FileService

from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

HOST = "management.azure.com"
_BEGINNING = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n".encode()
_OPEN = 1000  # hostile connections that stay open
_LARGEST = 64 << 20  # bytes of every thousandth request line


class Attacker:
    """Opens hostile connections."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._proxy = int(endpoint.proxy_url.rpartition(":")[2])
        self._plain = int(endpoint.file_url.rpartition(":")[2])
        self._context = ssl.create_default_context(cafile=endpoint.ca_path)
        self._open: deque[socket.socket] = deque()
        heads: list[Callable[[socket.socket, int], None]] = [
            lambda sock, _: sock.sendall(_BEGINNING + b"X: "),
            lambda sock, _: sock.sendall(_BEGINNING + b"X: " + b"y" * 60_000),
            lambda sock, _: sock.sendall(_BEGINNING + b"x:y\r\n" * 12_000),
            lambda sock, n: sock.sendall(b"GET /" + b"x" * (_LARGEST if n % 1000 < len(heads) else 1 << 20)),
            lambda sock, _: sock.sendall(
                _BEGINNING + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x:y\r\n" * 100_000
            ),
            lambda sock, _: sock.sendall((_BEGINNING + b"\r\n") * 200 + _BEGINNING),
            lambda sock, _: sock.sendall(b"\r\n" * 50_000),
            lambda _sock, _n: None,
        ]
        self._heads = heads

    def attack(self, number: int) -> None:
        """Open one connection, of a kind that depends on the number."""
        with contextlib.suppress(OSError):
            sock = self._tunnel() if number % 2 else socket.create_connection(("127.0.0.1", self._plain), timeout=10)
            self._open.append(sock)
            if number % 2 and number % 14 == 1:
                sock.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc" + bytes(10_000))  # an incomplete handshake
                return
            if number % 2:
                sock = self._context.wrap_socket(sock, server_hostname=HOST)
                self._open[-1] = sock
            self._heads[number // 2 % len(self._heads)](sock, number)
        for slow in list(self._open)[:: len(self._open) // 3 or 1]:
            with contextlib.suppress(OSError):
                slow.send(b"z")
        while len(self._open) > _OPEN:
            self._open.popleft().close()

    def close(self) -> None:
        """Close all open connections."""
        while self._open:
            self._open.pop().close()

    def _tunnel(self) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", self._proxy), timeout=10)
        sock.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\n\r\n".encode())
        sock.recv(100)
        return sock


def measure_latency(endpoint: Endpoint, results: Connection) -> None:
    """The other client; sends the milliseconds of its requests, by kind of connection, when it is asked to end."""
    times: dict[str, list[float]] = {"kept": [], "new": []}
    failures = 0
    with requests.Session() as session:
        session.trust_env, session.verify = False, endpoint.ca_path
        session.proxies = {"https": endpoint.proxy_url}
        files = FileService(endpoint.storage_account, endpoint.storage_key, request_session=session)
        files.retry = lambda _context: None
        results.send("ready")
        while not results.poll(0.01):
            for kind, latencies in times.items():
                if kind == "new":
                    session.close()
                started = time.perf_counter()
                try:
                    list(files.list_shares())
                except Exception:  # any error means that the client was not served
                    failures += 1
                latencies.append((time.perf_counter() - started) * 1000)
    results.send((times, failures))


@contextlib.contextmanager
def watch_memory(pid: int) -> Iterator[list[float]]:
    """Sample the memory of a process in MB during the block; yields the samples."""
    samples = [psutil.Process(pid).memory_info().rss / 1e6]
    ended = threading.Event()

    def sample() -> None:
        process = psutil.Process(pid)
        while not ended.wait(0.02):
            samples.append(process.memory_info().rss / 1e6)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def measure(count: int) -> dict[str, float]:
    """Start an emulator and attack it."""
    _allow_files(4 * _OPEN)
    with launch() as endpoint:
        ours, theirs = multiprocessing.Pipe()
        client = multiprocessing.get_context("spawn").Process(target=measure_latency, args=(endpoint, theirs))
        client.start()
        ours.recv()
        time.sleep(1)  # the memory for honest requests does not count
        attacker = Attacker(endpoint)
        started = time.perf_counter()
        with watch_memory(endpoint.pid) as memory:
            for number in range(count):
                attacker.attack(number)
            time.sleep(1)
        seconds = time.perf_counter() - started
        ours.send("end")
        times, failures = ours.recv()
        client.join()
        attacker.close()
    figures = {"connections": count, "seconds": seconds, "memory_growth_mb": max(memory) - memory[0]}
    for kind, latencies in times.items():
        figures |= {
            f"{kind}_p50_ms": statistics.median(latencies),
            f"{kind}_p99_ms": statistics.quantiles(latencies, n=100)[98],
        }
        figures |= {f"{kind}_requests": len(latencies)}
    return {name: round(value, 2) for name, value in figures.items()} | {"failures": failures}


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--count", type=int, default=10_000, help="number of hostile connections")
    options = parser.parse_args()
    figures = measure(options.count)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:<20} {value:>10}")


if __name__ == "__main__":
    main()
