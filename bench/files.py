"""Azure Files compared with Azurite's blob service, a bare route of the same stack, and a plain copy on the same disk.

Microsoft's SDK drives all servers over plain HTTP on loopback, in turns within each round; figures are medians.
``vs_azurite`` is the worst ratio of ours over theirs of all cases, ``vs_bare`` the worst of the transfers. The bare
route computes no checksum; ``vs_bare_md5`` compares with one that responds to uploads with an MD5, as ours does.
``bearer_vs_key`` is the rate of GETs of a small file with a bearer token over the rate with SharedKey, by wrk over TLS
at 16 connections.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import load
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.fileshare import ShareClient, ShareServiceClient
from load import Target
from peers import azurite, bare, free_port

from harness.emulator.development_account import DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY
from harness.emulator.endpoint import Endpoint
from harness.emulator.launch import launch

MIB = 1 << 20
PIECE = 4 * MIB
SMALL = 1000  # bytes of a small file


@dataclass(frozen=True)
class Workload:
    """The amount of work that is measured."""

    transfer: int  # bytes
    small: int  # files
    listed: int  # files
    rounds: int


QUICK = Workload(64 * MIB, 300, 5_000, 3)
FULL = Workload(256 * MIB, 10_000, 100_000, 3)


class Peer(Protocol):
    """A server that stores files."""

    name: str

    def up(self, content: bytes, connections: int) -> None:
        """Upload a file in pieces of 4 MiB."""

    def down(self, connections: int) -> None:
        """Download the file."""

    def small(self, count: int) -> None:
        """Upload small files, one after the other."""

    def list(self) -> int:
        """List the seeded files; returns their number."""


class Ours:
    """Azure Files of the emulator, through azure-storage-file-share."""

    name = "ours"

    def __init__(self, connection_string: str, directory: Path) -> None:
        sizes = {"max_range_size": PIECE, "max_single_get_size": PIECE, "max_chunk_get_size": PIECE}
        self._service = ShareServiceClient.from_connection_string(connection_string, **sizes)
        self._share: ShareClient = self._service.create_share("bench")
        self._many = self._share.create_directory("many")
        self._directory = directory / "storage" / DEVELOPMENT_ACCOUNT / "file" / "bench" / "many"

    def up(self, content: bytes, connections: int) -> None:
        """Upload a file in pieces of 4 MiB."""
        self._share.get_file_client("large").upload_file(content, max_concurrency=connections)

    def down(self, connections: int) -> None:
        """Download the file."""
        self._share.get_file_client("large").download_file(max_concurrency=connections).readinto(NullStream())

    def small(self, count: int) -> None:
        """Upload small files, one after the other."""
        content = bytes(SMALL)
        for number in range(count):
            self._share.get_file_client(f"small-{number}").create_file(SMALL, data=content)

    def seed(self, count: int) -> None:
        """Create many empty files."""
        for number in range(count):
            (self._directory / f"file-{number:06}").touch()

    def list(self) -> int:
        """List the seeded files; returns their number."""
        return sum(1 for _ in self._many.list_directories_and_files())


class Blobs:
    """A blob service, through azure-storage-blob."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        sizes = {"max_block_size": PIECE, "max_single_put_size": PIECE}
        sizes |= {"max_single_get_size": PIECE, "max_chunk_get_size": PIECE}
        credential = {"account_name": DEVELOPMENT_ACCOUNT, "account_key": DEVELOPMENT_KEY}
        version = {"api_version": "2025-05-05"}  # the newest that Azurite 3.37 accepts
        self._service = BlobServiceClient(f"{url}/{DEVELOPMENT_ACCOUNT}", credential, **sizes, **version)
        self._container: ContainerClient = self._service.get_container_client("bench")
        self._many: ContainerClient = self._service.get_container_client("many")

    def prepare(self) -> None:
        """Create the containers."""
        self._container.create_container()
        self._many.create_container()

    def up(self, content: bytes, connections: int) -> None:
        """Upload a file in pieces of 4 MiB."""
        self._container.upload_blob("large", content, overwrite=True, max_concurrency=connections)

    def down(self, connections: int) -> None:
        """Download the file."""
        self._container.download_blob("large", max_concurrency=connections).readinto(NullStream())

    def small(self, count: int) -> None:
        """Upload small files, one after the other."""
        content = bytes(SMALL)
        for number in range(count):
            self._container.upload_blob(f"small-{number}", content, overwrite=True)

    def seed(self, count: int) -> None:
        """Create many empty files."""
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(lambda number: self._many.upload_blob(f"file-{number:06}", b""), range(count)):
                pass

    def list(self) -> int:
        """List the seeded files; returns their number."""
        return sum(1 for _ in self._many.list_blobs())


class NullStream:
    """A stream that discards a download."""

    def __init__(self) -> None:
        self._position = 0

    def write(self, piece: bytes) -> int:
        """Discard a piece; returns its length."""
        return len(piece)

    def seekable(self) -> bool:
        """Return True, because the position of a piece does not matter."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position."""
        self._position = offset if whence == 0 else self._position + offset
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class SignedRequests:
    """GETs of one small file of ours as the SDK signs them, over TLS, because tokens are refused without it."""

    def __init__(self, endpoint: Endpoint) -> None:
        key = {"account_name": DEVELOPMENT_ACCOUNT, "account_key": DEVELOPMENT_KEY}
        service = ShareServiceClient(
            f"{endpoint.file_url}/{DEVELOPMENT_ACCOUNT}", credential=key, connection_verify=endpoint.ca_path
        )
        file = service.create_share("signed").get_file_client("small")
        file.upload_file(bytes(SMALL))
        requests: list[HttpRequest] = []
        file.download_file(raw_request_hook=lambda exchange: requests.append(exchange.http_request)).readall()
        by_key = Target(requests[0].url, dict(requests[0].headers))
        bearer = {"Authorization": f"Bearer {_token(endpoint)}", "x-ms-file-request-intent": "backup"}
        self.targets = {"SharedKey": by_key, "bearer": Target(by_key.url, by_key.headers | bearer)}

    def rates(self, rounds: int) -> dict[str, float]:
        """Return the median rates of GETs per second, measured in turns."""
        rates: dict[str, list[float]] = {name: [] for name in self.targets}
        for _ in range(rounds):
            for name, target in self.targets.items():
                rates[name].append(load.get(target, 16, 3.0).rate)
        return {name: statistics.median(values) for name, values in rates.items()}


def _token(endpoint: Endpoint) -> str:
    proxy = {"proxies": {"https": endpoint.proxy_url}, "connection_verify": endpoint.ca_path}
    identity = (endpoint.tenant_id, endpoint.client_id, endpoint.client_secret)
    with ClientSecretCredential(*identity, **proxy) as credential:
        return credential.get_token("https://storage.azure.com/.default").token


def rate(action: Callable[[], object], amount: float) -> float:
    """Run an action; returns the amount per second."""
    start = time.perf_counter()
    action()
    return amount / (time.perf_counter() - start)


def copy_rate(directory: Path, size: int) -> float:
    source, target = directory / "source", directory / "target"
    source.write_bytes(os.urandom(MIB) * (size // MIB))
    speed = rate(lambda: shutil.copyfile(source, target), size / 1e6)
    source.unlink()
    target.unlink()
    return speed


def measure(ours: Ours, peers: dict[str, Blobs], workload: Workload, directory: Path) -> dict[str, dict[str, float]]:
    """Return rates by case and peer."""
    rates: dict[str, dict[str, list[float]]] = {}
    content = os.urandom(MIB) * (workload.transfer // MIB)
    all_peers: list[Peer] = [ours, *peers.values()]

    def note(case: str, name: str, value: float) -> None:
        rates.setdefault(case, {}).setdefault(name, []).append(value)
        print(f"{case:<18} {name:<8} {value:10.1f}", file=sys.stderr)

    for _ in range(workload.rounds):
        note("copy MB/s", "disk", copy_rate(directory, workload.transfer))
        for connections in (1, 4):
            for peer in all_peers:
                up = rate(lambda p=peer, c=connections: p.up(content, c), workload.transfer / 1e6)  # type: ignore[misc]
                note(f"up{connections} MB/s", peer.name, up)
                down = rate(lambda p=peer, c=connections: p.down(c), workload.transfer / 1e6)  # type: ignore[misc]
                note(f"down{connections} MB/s", peer.name, down)
    with_listings: list[Ours | Blobs] = [ours, *(peer for peer in peers.values() if not peer.name.startswith("bare"))]
    for peer in with_listings:
        peer.seed(workload.listed)
    for _ in range(workload.rounds):
        for peer in with_listings:
            note("small files/s", peer.name, rate(lambda p=peer: p.small(workload.small), workload.small))  # type: ignore[misc]
            note("listed files/s", peer.name, rate(lambda p=peer: p.list(), workload.listed))  # type: ignore[misc]
    return {case: {name: statistics.median(values) for name, values in row.items()} for case, row in rates.items()}


def ratio(rates: dict[str, dict[str, float]], peer: str) -> float | None:
    """Return the worst ratio of ours over a peer's; None if the peer was not measured."""
    ratios = [row["ours"] / row[peer] for row in rates.values() if peer in row]
    return round(min(ratios), 3) if ratios else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help="a short run")
    parser.add_argument(
        "--azurite", type=Path, help="the directory in which npm installed Azurite (default: installed for this run)"
    )
    parser.add_argument("--no-azurite", action="store_true", help="leave Azurite out")
    options = parser.parse_args()
    workload = QUICK if options.quick else FULL
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-files-")))
        endpoint = stack.enter_context(launch(directory / "ours", only="storage"))
        ours = Ours(endpoint.connection_string, directory / "ours")
        peers = {}
        for name, arguments in (("bare", []), ("bare_md5", ["md5"])):
            port = free_port()
            stack.enter_context(bare("bare_storage.py", str(directory / name), *arguments, port=port))
            peers[name] = Blobs(name, f"http://127.0.0.1:{port}")
        if not options.no_azurite:
            url = stack.enter_context(azurite(directory, DEVELOPMENT_ACCOUNT, DEVELOPMENT_KEY, options.azurite))
            peers["azurite"] = Blobs("azurite", url)
            peers["azurite"].prepare()
        rates = measure(ours, peers, workload, directory)
        secure = stack.enter_context(launch(directory / "secure", only="storage", https=True))
        signed = SignedRequests(secure).rates(workload.rounds)
    result = {
        "vs_azurite": ratio(rates, "azurite"),
        "vs_bare": ratio(rates, "bare"),
        "vs_bare_md5": ratio(rates, "bare_md5"),
        "bearer_vs_key": round(signed["bearer"] / signed["SharedKey"], 3),
        "rates": rates,
        "signed GETs/s": signed,
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
