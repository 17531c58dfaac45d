"""``python -m harness.compute.ray``: the driver. Orders come on standard input, news go to standard output."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import ray

from harness.compute.ray.driver import Driver
from harness.compute.ray.messages import Connected, News, Order, Unreachable, decode_order, encode
from harness.compute.ray.own_cluster import explain_start, is_own_address

_LONGEST_LINE = 1 << 30  # bytes; a job of a thousand nodes names all of them on each, in some 60 MB


class Settings(msgspec.Struct, frozen=True):
    """The first line of standard input.

    Args:
        address: of the Ray cluster.
        emulator: the id of the emulator.
        data: its data directory.
        log: what the Ray of this machine's own prints; empty where the address is another one's.
    """

    address: str
    emulator: str
    data: str
    log: str = ""


def main() -> int:
    """The exit code: 0 when the emulator has ended, 1 where Ray cannot be reached."""
    news = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what Ray prints goes to the log

    def tell(each: News) -> None:
        try:
            news.write(encode(each))
        except BrokenPipeError:  # the emulator is gone, and what runs stays for the next driver
            sys.exit(0)

    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=Settings)
    try:
        host = settings.address.rpartition(":")[0]
        ray.init(
            settings.address,
            namespace=f"batchai-harness-{settings.emulator}",
            log_to_driver=False,
            **({"_node_ip_address": host} if is_own_address(host) else {}),
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        tell(Unreachable(_advice(str(error), settings.log)))
        return 1
    tell(Connected(settings.address))
    asyncio.run(serve(Driver(settings.emulator, Path(settings.data), tell).obey))
    return 0


async def serve(obey: Callable[[Order], None]) -> None:
    """Obey until the end of standard input."""
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        obey(decode_order(line))


def _advice(text: str, log: str) -> str:
    if log:
        return explain_start(Path(log))
    return (
        f"{text.strip()}; the machine of the emulator has to be part of the Ray cluster, and the token has to be the "
        "cluster's (RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH; RAY_AUTH_MODE=disabled where it asks for none)"
    )


if __name__ == "__main__":
    sys.exit(main())
