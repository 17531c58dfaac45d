"""The cost of an operation of a store in instructions of SQLite, which does not depend on the machine's load."""

from collections.abc import Callable

from harness.emulator.store import Store


def steps(store: Store, action: Callable[[], object]) -> int:
    """How many hundreds of instructions SQLite executes during a call."""
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    store._connection.set_progress_handler(tick, 100)
    try:
        action()
    finally:
        store._connection.set_progress_handler(None, 0)
    return ticks
