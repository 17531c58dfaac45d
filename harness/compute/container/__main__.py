"""``python -m harness.compute.container``: executes the order on its standard input."""

import sys

from docker.errors import DockerException

from harness.clock import Clock, SystemClock
from harness.compute.container.client import error_text
from harness.compute.container.engine_address import EngineError
from harness.compute.container.images import get_image
from harness.compute.container.orders import GetImage, Order, Remove, Run, decode
from harness.compute.container.removal import remove, sweep
from harness.compute.container.runs import run


def main() -> int:
    """Execute the order; return the container's exit code for a run, otherwise 0 or 125."""
    try:
        return _execute(decode(sys.stdin.buffer.read()), SystemClock())
    except (EngineError, DockerException) as error:
        sys.stderr.write(f"{error_text(error)}\n")
        return 125


def _execute(order: Order, clock: Clock) -> int:
    if isinstance(order, GetImage):
        return get_image(order, clock)
    if isinstance(order, Run):
        return run(order, clock)
    return remove(order) if isinstance(order, Remove) else sweep(order)


if __name__ == "__main__":
    sys.exit(main())
