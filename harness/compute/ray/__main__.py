"""``python -m harness.compute.ray``: the driver. It reads orders from stdin and writes events to stdout."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import ray

from harness.compute.ray.driver import Driver
from harness.compute.ray.local_cluster import is_local_address, start_failure
from harness.compute.ray.messages import Connected, Event, Order, Unreachable, decode_order, encode

_MAX_LINE = 1 << 30  # bytes; a job of a thousand nodes lists all of them for each of them, in some 60 MB


class Settings(msgspec.Struct, frozen=True):
    """The first line of standard input.

    Args:
        address: the address of the Ray cluster.
        emulator: the id of the emulator.
        data: the emulator's data directory.
        log: the log of the local cluster; empty for another cluster.
    """

    address: str
    emulator: str
    data: str
    log: str = ""


def main() -> int:
    """Run the driver; return 0 when the emulator has ended, 1 if Ray cannot be reached."""
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # Ray's output goes to the log

    def report(event: Event) -> None:
        try:
            output.write(encode(event))
        except BrokenPipeError:  # the emulator has ended; running jobs wait for the next driver
            sys.exit(0)

    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=Settings)
    try:
        host = settings.address.rpartition(":")[0]
        ray.init(
            settings.address,
            namespace=f"batchai-harness-{settings.emulator}",
            log_to_driver=False,
            **({"_node_ip_address": host} if is_local_address(host) else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        report(Unreachable(_advice(str(error), settings.log)))
        return 1
    report(Connected(settings.address))
    asyncio.run(serve(Driver(settings.emulator, Path(settings.data), report).execute))
    return 0


async def serve(execute: Callable[[Order], None]) -> None:
    """Execute orders until the end of standard input."""
    reader = asyncio.StreamReader(limit=_MAX_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        execute(decode_order(line))


def _advice(text: str, log: str) -> str:
    if log:
        return start_failure(Path(log))
    return (
        f"{text.strip()}; the machine of the emulator has to be part of the Ray cluster, and the token has to be the "
        "cluster's (RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH; RAY_AUTH_MODE=disabled if it needs none)"
    )


if __name__ == "__main__":
    sys.exit(main())
